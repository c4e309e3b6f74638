/** One sequence: intensities on the scan's grid, and planes cut out of it. */

import type { Axis, Plane, Voxel } from "./geometry";
import type { NiftiImage, Voxels } from "./nifti";

export class Volume {
  readonly dims: Voxel;
  readonly voxels: Voxels;
  readonly slope: number;
  readonly intercept: number;
  /** How far the index moves along each axis. */
  readonly steps: Voxel;
  /** Smallest and largest intensity that is a number. */
  readonly min: number;
  readonly max: number;

  constructor(readonly name: string, image: NiftiImage) {
    this.dims = image.dims;
    this.voxels = image.voxels;
    this.slope = image.slope;
    this.intercept = image.intercept;
    this.steps = stepsOf(image.dims);
    const [low, high] = extremes(image.voxels);
    const ends = [low * this.slope + this.intercept, high * this.slope + this.intercept];
    this.min = Math.min(...ends);
    this.max = Math.max(...ends);
  }

  at([column, row, slice]: Readonly<Voxel>): number {
    const [columns, rows, slices] = this.dims;
    const inside = column >= 0 && row >= 0 && slice >= 0 && column < columns && row < rows && slice < slices;
    const stored = inside ? this.voxels[column + columns * (row + rows * slice)] : undefined;
    return stored === undefined ? NaN : stored * this.slope + this.intercept;
  }
}

export function stepsOf(dims: Readonly<Voxel>): Voxel {
  return [1, dims[0], dims[0] * dims[1]];
}

/** How a plane's pixels lie in a volume's array: pixel (u, v) is at start + u * across + v * down. */
export function cut(dims: Readonly<Voxel>, plane: Plane, index: number): { start: number; across: number; down: number; width: number; height: number } {
  const steps = stepsOf(dims);
  const of = (axis: Axis): number => steps[axis];
  return {
    start: of(plane.normal) * index,
    across: of(plane.across),
    down: of(plane.down),
    width: dims[plane.across],
    height: dims[plane.down],
  };
}

/** A plane of bytes, rows one after another, in the order of the voxels (not yet turned for the screen). */
export function planeOf(bytes: Uint8Array, dims: Readonly<Voxel>, plane: Plane, index: number): { pixels: Uint8Array; width: number; height: number } {
  const { start, across, down, width, height } = cut(dims, plane, index);
  const pixels = new Uint8Array(width * height);
  for (let v = 0, place = 0; v < height; v += 1) {
    for (let u = 0, from = start + v * down; u < width; u += 1, from += across, place += 1) pixels[place] = bytes[from] ?? 0;
  }
  return { pixels, width, height };
}

/** Every so many voxels, for a grid with so many fewer. */
export function picked<T extends Voxels>(voxels: T, dims: Readonly<Voxel>, wanted: Readonly<Voxel>): T {
  if (dims.every((size, axis) => size === wanted[axis as Axis])) return voxels;
  const [stepI, stepJ, stepK] = dims.map((size, axis) => Math.ceil(size / wanted[axis as Axis])) as Voxel;
  const [, rowStep, sliceStep] = stepsOf(dims);
  const few = new (voxels.constructor as new (length: number) => T)(wanted[0] * wanted[1] * wanted[2]);
  for (let k = 0, place = 0; k < wanted[2]; k += 1) {
    for (let j = 0; j < wanted[1]; j += 1) {
      for (let i = 0, from = j * stepJ * rowStep + k * stepK * sliceStep; i < wanted[0]; i += 1, from += stepI, place += 1) few[place] = voxels[from] as number;
    }
  }
  return few;
}

function extremes(voxels: Voxels): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let place = 0; place < voxels.length; place += 1) {
    const value = voxels[place] as number;
    if (value < low && value !== -Infinity) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  return low > high ? [0, 0] : [low, high];
}
