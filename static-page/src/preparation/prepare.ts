/** From a scan's voxels to what the network sees: `tumorscope.preprocessing.prepare` for one channel. */

import { fitsSingle, slicesOf, type Volume } from "../arrays/volume";
import { CropResize } from "./crop-resize";
import { headBox, headMask } from "./head";
import { applyMap, type IntensityMap, standardMap } from "./intensity";

/** A scan's frame and scale; slices are prepared one by one when they are needed. */
export class Preparation {
  readonly cropResize: CropResize;
  readonly #map: IntensityMap | null;

  /**
   * @param volume the slices that set frame and scale
   * @param size side of the square the network sees
   * @param pixelAspect height of a pixel divided by its width
   */
  constructor(volume: Volume, size: number, pixelAspect: number) {
    const [slices, rows, columns] = volume.shape;
    const head = headMask(volume);
    this.cropResize = new CropResize([rows, columns], headBox(head, volume.shape, pixelAspect), size);
    const inside: Float32Array[] = [];
    const pixels = rows * columns;
    for (let slice = 0; slice < slices; slice++) {
      const small = this.cropResize.forward(head.subarray(slice * pixels, (slice + 1) * pixels));
      inside.push(this.#resized(volume, slice).filter((_, index) => small[index] > 0.5));
    }
    this.#map = standardMap(joined(inside));
  }

  /** One slice of a volume of the same grid as the network sees it, float32 `(size, size)`. */
  image(volume: Volume, slice: number): Float32Array {
    return applyMap(this.#resized(volume, slice), this.#map);
  }

  #resized(volume: Volume, slice: number): Float32Array {
    const { data } = slicesOf(volume, [slice]);
    return this.cropResize.forward(fitsSingle(data) ? data : Float32Array.from(data));
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let next = 0;
  for (const part of parts) {
    whole.set(part, next);
    next += part.length;
  }
  return whole;
}
