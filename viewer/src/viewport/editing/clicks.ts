/** Tools that change the mask by a click: fill what a contour encloses, remove a lesion. */

import { countText, type NumberedSlices, sliceRangeText } from "../../wording";
import { clampVoxel, type Grid, type Plane, type Voxel } from "../geometry";
import type { Mask } from "../mask";
import { cut, planeOf } from "../volume";
import { componentAt } from "./component";
import { enclosed } from "./plane-components";

/** @returns what was done, or why nothing was, in words. */
export function click(tool: "fill" | "remove", mask: Mask, grid: Grid, plane: Plane, at: Readonly<Voxel>, numbered: NumberedSlices): string {
  const voxel = clampVoxel(grid, at);
  return tool === "fill" ? fill(mask, grid, plane, voxel) : remove(mask, grid, voxel, numbered);
}

function remove(mask: Mask, grid: Grid, voxel: Voxel, numbered: NumberedSlices): string {
  const places = componentAt(mask.voxels, grid.dims, voxel);
  if (!places.length) return "There is no lesion at this place. Click inside a contour.";
  mask.apply(0, places);
  const size = grid.dims[0] * grid.dims[1];
  const slices = new Set(Array.from(places, (place) => Math.floor(place / size)));
  const where = sliceRangeText(numbered, Math.min(...slices), Math.max(...slices));
  return `Lesion removed: ${countText(places.length, "voxel")} on ${where}.`;
}

function fill(mask: Mask, grid: Grid, plane: Plane, voxel: Voxel): string {
  const index = voxel[plane.normal];
  const { pixels, width, height } = planeOf(mask.voxels, grid.dims, plane, index);
  const found = enclosed(pixels, width, height, [voxel[plane.across], voxel[plane.down]]);
  if (!found) return "Nothing encloses this place here: close the contour first.";
  if (!found.length) return "This place is in the mask already. Click inside a closed contour or a hole.";
  const { start, across, down } = cut(grid.dims, plane, index);
  mask.apply(1, found.map((pixel) => start + (pixel % width) * across + Math.floor(pixel / width) * down));
  return `Filled: ${countText(found.length, "voxel")}.`;
}
