/** Fill the slices between two drawn ones, and tell what was invented. */

import type { Grid } from "../geometry";
import type { Mask } from "../mask";
import { gapAround, interpolated, type Gap } from "./interpolation";

export type Between =
  /** There is no gap at the slice or next to it. */
  | { kind: "none" }
  /** The contours do not overlap: only a moved contour could connect them. */
  | { kind: "apart"; below: number; above: number }
  | { kind: "done"; below: number; above: number; slices: number[]; voxels: number };

/**
 * @param positions of the slices where they are unevenly spaced; else null.
 * @param moved whether the contour may be led from one place to the other where the two do not overlap.
 */
export function fillBetween(mask: Mask, grid: Grid, slice: number, positions: readonly number[] | null, moved: boolean): Between {
  const gap = gapAt(mask, grid, slice);
  if (!gap) return { kind: "none" };
  const { below, above } = gap;
  if (!gap.overlap && !moved) return { kind: "apart", below, above };
  const heightOf = (index: number): number => positions?.[index] ?? index;
  const { places, slices } = interpolated(mask.voxels, grid.dims, gap, [grid.spacing[0], grid.spacing[1]], heightOf, !gap.overlap);
  mask.apply(1, places);
  return { kind: "done", below, above, slices, voxels: places.length };
}

/** The gap around the slice, else the one that ends or begins on it: a user who has just drawn is on its edge. */
function gapAt({ voxels }: Mask, { dims }: Grid, slice: number): Gap | null {
  for (const each of [slice, slice - 1, slice + 1]) {
    const gap = each > 0 && each < dims[2] - 1 ? gapAround(voxels, dims, each) : null;
    if (gap) return gap;
  }
  return null;
}
