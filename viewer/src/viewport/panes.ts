/** Panes of the drawing area, and the way from voxels to the screen and back. */

import type { Layout, View } from "./api";
import { acquiredPlane, threePlanes, type Grid, type Plane, type Voxel } from "./geometry";

export type { View };

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A plane in its place. Screen x is `acrossScale * u + acrossStart`, y likewise; CSS pixels. */
export interface Pane {
  plane: Plane;
  rect: Rect;
  acrossScale: number;
  acrossStart: number;
  downScale: number;
  downStart: number;
  /** CSS pixels along a length of one column, whatever the direction. */
  columnScale: number;
}

export const MOST_ZOOM = 24;
export const LEAST_ZOOM = 0.5;
const MARGIN = 6;
const GAP = 2;
const MAIN_SHARE = 0.62;

export function wholeView(grid: Grid): View {
  return { center: grid.dims.map((size) => (size - 1) / 2) as Voxel, zoom: 1 };
}

export function panesOf(grid: Grid, layout: Layout, width: number, height: number, view: View): Pane[] {
  if (layout === "volume") return [];
  if (layout === "acquired") return [pane(grid, acquiredPlane(grid), { x: 0, y: 0, width, height }, view)];
  const rects = threeRects(width, height);
  return threePlanes(grid).map((plane, place) => pane(grid, plane, rects[place] as Rect, view));
}

/** The acquired plane large, the others beside it, or below it where the area is upright. */
function threeRects(width: number, height: number): Rect[] {
  if (width >= height) {
    const main = Math.round(width * MAIN_SHARE);
    const half = Math.round((height - GAP) / 2);
    const [x, rest] = [main + GAP, width - main - GAP];
    return [{ x: 0, y: 0, width: main, height }, { x, y: 0, width: rest, height: half }, { x, y: half + GAP, width: rest, height: height - half - GAP }];
  }
  const main = Math.round(height * MAIN_SHARE);
  const half = Math.round((width - GAP) / 2);
  const [y, rest] = [main + GAP, height - main - GAP];
  return [{ x: 0, y: 0, width, height: main }, { x: 0, y, width: half, height: rest }, { x: half + GAP, y, width: width - half - GAP, height: rest }];
}

function pane(grid: Grid, plane: Plane, rect: Rect, view: View): Pane {
  const [acrossSize, downSize] = [grid.spacing[plane.across], grid.spacing[plane.down]];
  const fit = Math.min(
    Math.max(rect.width - 2 * MARGIN, 1) / (grid.dims[plane.across] * acrossSize),
    Math.max(rect.height - 2 * MARGIN, 1) / (grid.dims[plane.down] * downSize),
  );
  const scale = fit * view.zoom;
  const acrossScale = (plane.flipAcross ? -1 : 1) * acrossSize * scale;
  const downScale = (plane.flipDown ? -1 : 1) * downSize * scale;
  return {
    plane,
    rect,
    acrossScale,
    acrossStart: rect.x + rect.width / 2 - acrossScale * view.center[plane.across],
    downScale,
    downStart: rect.y + rect.height / 2 - downScale * view.center[plane.down],
    columnScale: scale * grid.spacing[0],
  };
}

export function paneAt(panes: readonly Pane[], x: number, y: number): Pane | undefined {
  return panes.find(({ rect }) => x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height);
}

export function toScreen(pane: Pane, voxel: Readonly<Voxel>): { x: number; y: number } {
  return {
    x: pane.acrossScale * voxel[pane.plane.across] + pane.acrossStart,
    y: pane.downScale * voxel[pane.plane.down] + pane.downStart,
  };
}

/** @param still the place along the plane's normal. */
export function toVoxel(pane: Pane, x: number, y: number, still: number): Voxel {
  const voxel: Voxel = [still, still, still];
  voxel[pane.plane.across] = (x - pane.acrossStart) / pane.acrossScale;
  voxel[pane.plane.down] = (y - pane.downStart) / pane.downScale;
  return voxel;
}

/** Larger or smaller, with what is under the pointer staying there. */
export function zoomed(view: View, pane: Pane, x: number, y: number, factor: number): View {
  const zoom = Math.min(Math.max(view.zoom * factor, LEAST_ZOOM), MOST_ZOOM);
  const ratio = view.zoom / zoom;
  const { across, down } = pane.plane;
  const under = toVoxel(pane, x, y, 0);
  const center = [...view.center] as Voxel;
  center[across] = under[across] + (center[across] - under[across]) * ratio;
  center[down] = under[down] + (center[down] - under[down]) * ratio;
  return { center, zoom };
}

/** Moved by so many CSS pixels; the middle stays inside the scan. */
export function panned(view: View, pane: Pane, dx: number, dy: number, grid: Grid): View {
  const center = [...view.center] as Voxel;
  const within = (value: number, size: number): number => Math.min(Math.max(value, -0.5), size - 0.5);
  const { across, down } = pane.plane;
  center[across] = within(center[across] - dx / pane.acrossScale, grid.dims[across]);
  center[down] = within(center[down] - dy / pane.downScale, grid.dims[down]);
  return { ...view, center };
}
