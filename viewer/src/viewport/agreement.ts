/**
 * Whether two images of the same slice show the same thing the same way round.
 *
 * An image on which the segmentation would be displaced must not be shown: drawing by the graphics card
 * is compared with the plain canvas before it takes its place.
 */

const SIDE = 64;
const MOST_APART = 10;

export function agree(one: CanvasImageSource, other: CanvasImageSource): boolean {
  const [here, there] = [small(one), small(other)];
  if (!here || !there) return false;
  const straight = apart(here, there, (x, y) => y * SIDE + x);
  const turned = [
    apart(here, there, (x, y) => y * SIDE + (SIDE - 1 - x)),
    apart(here, there, (x, y) => (SIDE - 1 - y) * SIDE + x),
    apart(here, there, (x, y) => (SIDE - 1 - y) * SIDE + (SIDE - 1 - x)),
  ];
  return straight <= MOST_APART && turned.every((each) => straight <= each);
}

function small(image: CanvasImageSource): Uint8ClampedArray | null {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [SIDE, SIDE];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, SIDE, SIDE);
  return context.getImageData(0, 0, SIDE, SIDE).data;
}

/** The mean difference in gray. */
function apart(here: Uint8ClampedArray, there: Uint8ClampedArray, place: (x: number, y: number) => number): number {
  let sum = 0;
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) sum += Math.abs((here[4 * (y * SIDE + x)] ?? 0) - (there[4 * place(x, y)] ?? 0));
  }
  return sum / (SIDE * SIDE);
}
