/** Masks of known shape. */

import type { Voxel } from "../../../src/viewport/geometry";

export function disc(width: number, height: number, [u, v]: readonly [number, number], radius: number): Uint8Array {
  return Uint8Array.from({ length: width * height }, (_, place) => (Math.hypot((place % width) - u, Math.floor(place / width) - v) <= radius ? 1 : 0));
}

export function stack(dims: Voxel, planes: Record<number, Uint8Array>): Uint8Array {
  const voxels = new Uint8Array(dims[0] * dims[1] * dims[2]);
  for (const [slice, plane] of Object.entries(planes)) voxels.set(plane, Number(slice) * dims[0] * dims[1]);
  return voxels;
}

export function plane(voxels: Uint8Array, dims: Voxel, slice: number): Uint8Array {
  return voxels.slice(slice * dims[0] * dims[1], (slice + 1) * dims[0] * dims[1]);
}

export const count = (pixels: Uint8Array): number => pixels.filter(Boolean).length;

/** Rows of "#" and "." as pixels. */
export function pixels(rows: string[]): Uint8Array {
  return Uint8Array.from(rows.join("").split(""), (sign) => (sign === "#" ? 1 : 0));
}
