/** Colors that keep their order in gray and with any color vision; the report's heat. */

type Color = readonly [number, number, number];

const HEAT: readonly Color[] = [[40, 11, 84], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];

/** @param share 0 to 1, from weak to strong. */
export function heat(share: number): Color {
  const place = Math.min(Math.max(share, 0), 1) * (HEAT.length - 1);
  const below = Math.min(Math.floor(place), HEAT.length - 2);
  const [one, other] = [HEAT[below] as Color, HEAT[below + 1] as Color];
  return [0, 1, 2].map((part) => Math.round((one[part] as number) + ((other[part] as number) - (one[part] as number)) * (place - below))) as unknown as Color;
}

export function css([red, green, blue]: Color, alpha = 1): string {
  return alpha === 1 ? `rgb(${red} ${green} ${blue})` : `rgb(${red} ${green} ${blue} / ${alpha})`;
}
