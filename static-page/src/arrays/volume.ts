/** Images of one channel, as Python's `(slice, row, column)` arrays. */

export type Voxels =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export type Shape = readonly [slices: number, rows: number, columns: number];

export interface Volume {
  readonly data: Voxels;
  readonly shape: Shape;
}

/** Whether float32 holds every value of the type; Python then computes in float32, too. */
export function fitsSingle(data: Voxels): boolean {
  return data.BYTES_PER_ELEMENT <= 2 || data instanceof Float32Array;
}

/** Rounding to the type that Python computes with. */
export function rounding(data: Voxels): (value: number) => number {
  return fitsSingle(data) ? Math.fround : (value) => value;
}

/** An array of the same type. */
export function likeOf<T extends Voxels>(data: T, length: number): T {
  return new (data.constructor as new (length: number) => T)(length);
}

export function slicesOf(volume: Volume, indices: readonly number[]): Volume {
  const [, rows, columns] = volume.shape;
  const size = rows * columns;
  const data = likeOf(volume.data, indices.length * size);
  indices.forEach((index, position) => data.set(volume.data.subarray(index * size, (index + 1) * size), position * size));
  return { data, shape: [indices.length, rows, columns] };
}

/** Every so many rows and columns. */
export function strided(volume: Volume, sliceStep: number, step: number): Volume {
  const [slices, rows, columns] = volume.shape;
  const shape: Shape = [Math.ceil(slices / sliceStep), Math.ceil(rows / step), Math.ceil(columns / step)];
  const data = likeOf(volume.data, shape[0] * shape[1] * shape[2]);
  let next = 0;
  for (let slice = 0; slice < slices; slice += sliceStep) {
    for (let row = 0; row < rows; row += step) {
      const line = (slice * rows + row) * columns;
      for (let column = 0; column < columns; column += step) data[next++] = volume.data[line + column];
    }
  }
  return { data, shape };
}

/** First row, last row, first column and last column of every slice, in this order. */
export function borders({ data, shape }: Volume): [number[], number[], number[], number[]] {
  const [slices, rows, columns] = shape;
  const sides: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let slice = 0; slice < slices; slice++) {
    const start = slice * rows * columns;
    for (let column = 0; column < columns; column++) {
      sides[0].push(data[start + column]);
      sides[1].push(data[start + (rows - 1) * columns + column]);
    }
    for (let row = 0; row < rows; row++) {
      sides[2].push(data[start + row * columns]);
      sides[3].push(data[start + row * columns + columns - 1]);
    }
  }
  return sides;
}

export function extremes(data: ArrayLike<number>): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < data.length; index++) {
    const value = data[index];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Whole numbers from 0 up to, but without, `count`. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** NumPy's `unique(linspace(0, count - 1, samples).round())`: indices evenly spread. */
export function spreadEvenly(count: number, samples: number): number[] {
  const step = samples > 1 ? (count - 1) / (samples - 1) : 0;
  const found = range(samples).map((index) => (samples > 1 && index === samples - 1 ? count - 1 : roundHalfEven(index * step)));
  return [...new Set(found)];
}

export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
