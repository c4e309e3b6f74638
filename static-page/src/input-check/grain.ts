/** How rough the head is: local deviations, edges and whether they follow the head's shape. */

import { mean, sorted, sum } from "../arrays/statistics";
import type { Form } from "./features";
import { SIDE } from "./views";

const QUANTILES = [0.1, 0.25, 0.5, 0.75, 0.9];
const SMALL = 1e-6;
const CORE = 0.75;

export function grain(gray: Float32Array, form: Form): number[] {
  const middle = box(gray);
  const squares = box(gray.map((value) => value * value));
  const local = gray.map((_, pixel) => Math.sqrt(Math.max(squares[pixel] - middle[pixel] * middle[pixel], 0)));
  const [down, across] = [gradient(gray, SIDE), gradient(gray, 1)];
  const steep = gray.map((_, pixel) => Math.hypot(down[pixel], across[pixel]));
  const outwards = gray.map((_, pixel) => Math.abs(down[pixel] * form.down[pixel] + across[pixel] * form.across[pixel]));
  const inCore = Array.from(form.radius, (radius) => radius < CORE);
  const parts: number[] = [];
  for (const wanted of [true, false]) {
    const zone = (values: Float32Array): Float32Array => values.filter((_, pixel) => inCore[pixel] === wanted);
    const inside = sorted(zone(local));
    const levels = inside.length ? inside : new Float64Array(1);
    parts.push(...QUANTILES.map((share) => Math.log(levels[Math.floor(share * (levels.length - 1))] + 0.003)));
    parts.push(sum(zone(outwards)) / Math.max(sum(zone(steep)), 1e-3));
  }
  parts.push(...correlations(gray));
  const curve = curvature(gray);
  const inner = sorted(Array.from(curve).filter((value, pixel) => !Number.isNaN(value) && inCore[pixel]));
  const median = inner.length ? inner[inner.length >> 1] : 0;
  const whole = mean(curve.filter((value) => !Number.isNaN(value)));
  parts.push(...[median, whole, mean(steep)].map((value) => Math.log(value + 0.003)));
  // Drawn and written things have many edges along rows and columns.
  const straight = steep.filter((_, pixel) => {
    const [flat, level] = [Math.abs(down[pixel]), Math.abs(across[pixel])];
    return flat < 0.2 * level || level < 0.2 * flat;
  });
  parts.push(sum(straight) / Math.max(sum(steep), 1e-3));
  return parts;
}

/** Mean of 5×5 pixels; beyond its ends the image is mirrored. */
function box(image: Float32Array): Float32Array {
  const mirrored = (index: number): number => (index < 0 ? -1 - index : index >= SIDE ? 2 * SIDE - 1 - index : index);
  const along = (from: Float32Array, step: number, other: number): Float32Array =>
    from.map((_, pixel) => {
      const [line, index] = step === 1 ? [Math.floor(pixel / SIDE), pixel % SIDE] : [pixel % SIDE, Math.floor(pixel / SIDE)];
      let total = 0;
      for (let away = -2; away <= 2; away++) total += from[line * other + mirrored(index + away) * step];
      return total / 5;
    });
  return along(along(image, SIDE, 1), 1, SIDE);
}

/** NumPy's gradient: central differences, one-sided at the ends. */
function gradient(image: Float32Array, step: number): Float32Array {
  return image.map((value, pixel) => {
    const index = step === 1 ? pixel % SIDE : Math.floor(pixel / SIDE);
    if (index === 0) return image[pixel + step] - value;
    if (index === SIDE - 1) return value - image[pixel - step];
    return (image[pixel + step] - image[pixel - step]) / 2;
  });
}

function correlations(gray: Float32Array): number[] {
  const middle = mean(gray);
  const centered = Float64Array.from(gray, (value) => value - middle);
  const power = Math.max(mean(centered.map((value) => value * value)), SMALL);
  return [1, 2, 4, 8].flatMap((lag) => {
    let [across, down] = [0, 0];
    centered.forEach((value, pixel) => {
      if (pixel % SIDE >= lag) across += value * centered[pixel - lag];
      if (pixel >= lag * SIDE) down += value * centered[pixel - lag * SIDE];
    });
    const count = (SIDE - lag) * SIDE;
    return [across / count / power, down / count / power];
  });
}

/** Of the pixels within the border; NaN on it. */
function curvature(gray: Float32Array): Float32Array {
  return gray.map((value, pixel) => {
    const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE];
    if (row === 0 || column === 0 || row === SIDE - 1 || column === SIDE - 1) return Number.NaN;
    return Math.abs(4 * value - gray[pixel - SIDE] - gray[pixel + SIDE] - gray[pixel - 1] - gray[pixel + 1]);
  });
}
