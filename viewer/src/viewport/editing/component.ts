/** A lesion of the mask: voxels that touch by a face, an edge or a corner (26 neighbors), as lesions are counted. */

import type { Voxel } from "../geometry";
import { stepsOf } from "../volume";

/** The voxels of the component that a voxel is in, by their positions in the array; empty outside the mask. */
export function componentAt(voxels: Uint8Array, dims: Readonly<Voxel>, [column, row, slice]: Readonly<Voxel>): Uint32Array {
  const [columns, rows, slices] = dims;
  const [, rowStep, sliceStep] = stepsOf(dims);
  const seed = column + row * rowStep + slice * sliceStep;
  if (!voxels[seed]) return new Uint32Array();
  const seen = new Uint8Array(voxels.length);
  const found = [seed];
  seen[seed] = 1;
  for (let next = 0; next < found.length; next += 1) {
    const place = found[next] as number;
    const k = Math.floor(place / sliceStep);
    const j = Math.floor((place - k * sliceStep) / rowStep);
    const i = place - k * sliceStep - j * rowStep;
    for (let z = Math.max(k - 1, 0); z <= Math.min(k + 1, slices - 1); z += 1) {
      for (let y = Math.max(j - 1, 0); y <= Math.min(j + 1, rows - 1); y += 1) {
        for (let x = Math.max(i - 1, 0); x <= Math.min(i + 1, columns - 1); x += 1) {
          const neighbor = x + y * rowStep + z * sliceStep;
          if (seen[neighbor] || !voxels[neighbor]) continue;
          seen[neighbor] = 1;
          found.push(neighbor);
        }
      }
    }
  }
  return Uint32Array.from(found);
}
