/** Cropping to the head and resizing, with the exact way back: `tumorscope.preprocessing.crop_resize`. */

import type { Box } from "./head";

/** A row of a sampling matrix: the pixels that count, rising, and their weights. */
interface Taps {
  readonly indices: Int32Array;
  readonly weights: Float32Array;
}

export class CropResize {
  readonly #there: readonly [Taps[], Taps[]];
  readonly #back: readonly [Taps[], Taps[]];

  /**
   * @param shape rows and columns of the full image
   * @param box the rectangle, in pixels of the full image
   * @param size side of the square the network sees
   */
  constructor(
    readonly shape: readonly [rows: number, columns: number],
    readonly box: Box,
    readonly size: number,
  ) {
    this.#there = [
      sampling(shape[0], size, box.top, box.height / size, false),
      sampling(shape[1], size, box.left, box.width / size, false),
    ];
    const [down, right] = [size / box.height, size / box.width];
    this.#back = [
      sampling(size, shape[0], -box.top * down, down, true),
      sampling(size, shape[1], -box.left * right, right, true),
    ];
  }

  /** One image at the network's size; outside the image its edge continues. */
  forward(image: ArrayLike<number>): Float32Array {
    return resample(image, this.shape, this.#there);
  }

  /** An image of the network's size on the full image's pixels; zero outside the rectangle. */
  inverse(image: ArrayLike<number>): Float32Array {
    return resample(image, [this.size, this.size], this.#back);
  }
}

/** Linear sampling; where `step` is over one pixel the triangle widens, so that shrinking averages. */
function sampling(length: number, samples: number, start: number, step: number, zeroBeyond: boolean): Taps[] {
  const width = Math.max(step, 1);
  const reach = Math.ceil(width);
  return Array.from({ length: samples }, (_, sample) => {
    const center = start + (sample + 0.5) * step - 0.5;
    if (zeroBeyond && (center < -0.5 || center > length - 0.5)) return { indices: new Int32Array(), weights: new Float32Array() };
    const first = Math.floor(center) - reach + 1;
    const raw = Array.from({ length: 2 * reach }, (_, tap) => Math.max(0, 1 - Math.abs(first + tap - center) / width));
    const total = raw.reduce((all, one) => all + one, 0);
    const gathered = new Map<number, number>();
    raw.forEach((weight, tap) => {
      const index = Math.min(Math.max(first + tap, 0), length - 1);
      if (weight > 0) gathered.set(index, Math.fround((gathered.get(index) ?? 0) + weight / total));
    });
    return { indices: Int32Array.from(gathered.keys()), weights: Float32Array.from(gathered.values()) };
  });
}

/** Rows first, then columns. Sums are rounded to float32 after each product, as fused multiply-adds are. */
function resample(image: ArrayLike<number>, [, columns]: readonly [number, number], [down, across]: readonly [Taps[], Taps[]]): Float32Array {
  const { fround } = Math;
  const result = new Float32Array(down.length * across.length);
  const line = new Float32Array(columns);
  down.forEach(({ indices, weights }, row) => {
    line.fill(0);
    for (let tap = 0; tap < indices.length; tap++) {
      const start = indices[tap] * columns;
      const weight = weights[tap];
      for (let column = 0; column < columns; column++) line[column] += weight * fround(image[start + column]);
    }
    for (let column = 0; column < across.length; column++) {
      const taps = across[column];
      let value = 0;
      for (let tap = 0; tap < taps.indices.length; tap++) value = fround(value + taps.weights[tap] * line[taps.indices[tap]]);
      result[row * across.length + column] = value;
    }
  });
  return result;
}
