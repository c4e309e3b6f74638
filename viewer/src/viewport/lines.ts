/** Lines with a length: the diameters of the lesions, and what was measured by hand. */

import type { Analysis, Diameter } from "../analysis";
import { numberText } from "../wording";
import type { Ruler } from "./api";
import { threePlanes, type Grid, type Plane, type Voxel } from "./geometry";
import type { Line } from "./overlay";

/** Each lesion's longest diameter and the one across it, on the slice they were taken on. */
export function diameterLines(analysis: Analysis, stressed: number | null, stale: boolean): Line[] {
  return analysis.lesions.flatMap(({ diameters }, lesion) => {
    if (!diameters) return [];
    const end = ([row, column]: [number, number]): Voxel => [column, row, diameters.slice];
    const line = ({ length, start, end: stop }: Diameter): Line => ({
      normal: 2,
      from: end(start),
      to: end(stop),
      text: `${numberText(length, 1)} ${diameters.unit}`,
      kind: "diameter",
      stressed: lesion === stressed,
      stale,
    });
    return [line(diameters.longest), line(diameters.perpendicular)];
  });
}

/** A ruler between two places of a plane; in mm where voxels' sizes are known, else in pixels. */
export function rulerLine(grid: Grid, plane: Plane, from: Voxel, to: Voxel): Line {
  const { across, down, normal } = plane;
  const length = Math.hypot((to[across] - from[across]) * grid.spacing[across], (to[down] - from[down]) * grid.spacing[down]);
  return { normal, from, to, text: `${numberText(length, 1)} ${grid.known ? "mm" : "px"}`, kind: "ruler", stressed: false, stale: false };
}

/** A ruler that was kept, drawn on the grid it was measured on. */
export function storedLine(grid: Grid, { normal, from, to }: Ruler): Line {
  const plane = threePlanes(grid).find((each) => each.normal === normal) ?? threePlanes(grid)[0];
  return rulerLine(grid, plane, from, to);
}
