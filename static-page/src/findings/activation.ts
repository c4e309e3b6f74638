/** The activation map of the likeliest type on the slice's own pixels: `tumorscope.inference.activation_maps`. */

import type { CropResize } from "../preparation/crop-resize";
import type { Prediction } from "./network";

/** Positive contributions, scaled so that the largest is one; all zero where none is positive. */
export function activationMap({ types, typeMaps }: Prediction, cropResize: CropResize): Float32Array {
  const cells = Math.round(Math.sqrt(typeMaps.length / types.length));
  const best = types.indexOf(Math.max(...types));
  const coarse = typeMaps.subarray(best * cells * cells, (best + 1) * cells * cells).map((value) => Math.max(value, 0));
  const placed = cropResize.inverse(enlarged(coarse, cells, cropResize.size)).map((value) => Math.max(value, 0));
  const top = placed.reduce((most, value) => Math.max(most, value), 0);
  return top > 0 ? placed.map((value) => value / top) : placed;
}

/** Bilinear between the centers of the cells, which span the whole input. */
function enlarged(coarse: Float32Array, cells: number, size: number): Float32Array {
  const taps = Array.from({ length: size }, (_, index) => {
    const position = Math.min(Math.max(((index + 0.5) * cells) / size - 0.5, 0), cells - 1);
    const low = Math.min(Math.floor(position), cells - 2);
    return { low, share: position - low };
  });
  const fine = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    const y = taps[row];
    for (let column = 0; column < size; column++) {
      const x = taps[column];
      const at = y.low * cells + x.low;
      const above = coarse[at] * (1 - x.share) + coarse[at + 1] * x.share;
      const below = coarse[at + cells] * (1 - x.share) + coarse[at + cells + 1] * x.share;
      fine[row * size + column] = above * (1 - y.share) + below * y.share;
    }
  }
  return fine;
}
