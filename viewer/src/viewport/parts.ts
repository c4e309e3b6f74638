/** Labels inside the whole tumor, such as the enhancing tumor or compartments, from the run lengths of analysis.json. */

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
  const labels = analysis.labels ?? [];
  const colors = labelColors(labels.map(({ name }) => name));
  return labels.slice(1).map(({ name, mask_rle }, index) => ({ name, color: colors[index + 1] ?? "--lesion", voxels: voxelsOf(mask_rle, dims) }));
}

const FURTHER = 5;

/** The custom property of each label's color, the whole first; as `label_colors` gives them in Python. */
export function labelColors(names: readonly string[]): string[] {
  let further = 0;
  return names.map((name, index) => {
    if (index === 0) return "--lesion";
    if (name === "enhancing tumor") return "--enhancing";
    further += 1;
    return `--part-${((further - 1) % FURTHER) + 1}`;
  });
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
