/** Labels inside the whole tumor, such as the enhancing tumor, from the run lengths of analysis.json. */

import type { Analysis, RunLengths } from "../analysis";
import type { Voxel } from "./geometry";

export interface Part {
  name: string;
  /** The custom property of its color. */
  color: string;
  voxels: Uint8Array;
}

/** @returns one part for each label but the first, which is the mask that is drawn on and corrected. Analyses of earlier versions have no labels. */
export function partsOf(analysis: Analysis, dims: Readonly<Voxel>): Part[] {
  return (analysis.labels ?? []).slice(1).map(({ name, mask_rle }) => ({ name, color: labelColor(name), voxels: voxelsOf(mask_rle, dims) }));
}

/** The custom property of a label's color. */
export function labelColor(name: string): string {
  return name === "enhancing tumor" ? "--enhancing" : "--lesion";
}

/** COCO's runs go down the columns, beginning with what is outside; voxels run along the rows. */
function voxelsOf(slices: readonly RunLengths[], [columns, rows, count]: Readonly<Voxel>): Uint8Array {
  const voxels = new Uint8Array(columns * rows * count);
  slices.slice(0, count).forEach(({ counts }, slice) => {
    let place = 0;
    counts.forEach((run, number) => {
      if (number % 2) {
        for (const end = place + run; place < end; place += 1) {
          voxels[slice * columns * rows + (place % rows) * columns + Math.floor(place / rows)] = 1;
        }
      } else place += run;
    });
  });
  return voxels;
}
