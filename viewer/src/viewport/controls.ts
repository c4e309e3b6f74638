/** Mouse, fingers, pen and keys, and what they ask of the viewport. */

import { clicks, draws } from "./editing/tools";
import type { Voxel } from "./geometry";
import { listen, type Spot } from "./gestures";
import { pressed, slicePressed } from "./keys";
import { rulerLine } from "./lines";
import { paneAt, panned, zoomed } from "./panes";
import { clickAt, dragWith, type Workplace } from "./tools";

const ZOOM_A_NOTCH = 1.1;
/** As far as a drag of so many pixels. */
const TURN_A_KEY = 20;

export interface Controlled extends Workplace {
  readonly width: number;
  readonly slice: number;
  setSlice(index: number): void;
  resetView(): void;
  /** The pointer is there, or nowhere. */
  setHover(spot: Spot | null): void;
  /** The crosshair is led by keys, so it is shown in every layout. */
  leadCross(): void;
  /** The view of the volume, larger or smaller. */
  grow(factor: number): void;
}

export function control(at: Controlled, area: HTMLElement, strip: HTMLElement, signal: AbortSignal): void {
  listenToKeys(at, area, strip, signal);
  listen(area, {
    drag: (spot, button, event) => dragWith(at, spot, button, event),
    hover: (spot) => at.setHover(spot),
    pinch: (middle, moved, factor) => {
      if (at.layout === "volume") return at.grow(factor);
      const pane = paneAt(at.panes, middle.x, middle.y);
      if (pane) at.setView(panned(zoomed(at.view, pane, middle.x, middle.y, factor), pane, moved.x, moved.y, at.grid));
    },
    wheel: (spot, steps) => {
      if (at.layout === "volume") return at.grow(ZOOM_A_NOTCH ** -steps);
      const normal = paneAt(at.panes, spot.x, spot.y)?.plane.normal ?? 2;
      const cursor = [...at.cursor] as Voxel;
      cursor[normal] += steps;
      at.setCursor(cursor);
    },
    zoom: (spot, factor) => zoomAt(at, spot, factor),
    doubled: () => {
      if (at.tool === "navigate") at.resetView();
    },
  }, signal);
}

function zoomAt(at: Controlled, { x, y }: Spot, factor: number): void {
  if (at.layout === "volume") return at.grow(factor);
  const pane = paneAt(at.panes, x, y);
  if (pane) at.setView(zoomed(at.view, pane, x, y, factor));
}

function listenToKeys(at: Controlled, area: HTMLElement, strip: HTMLElement, signal: AbortSignal): void {
  /** Where a ruler drawn by keys begins. */
  let from: Voxel | null = null;

  const taken = (event: KeyboardEvent): void => {
    event.preventDefault();
    event.stopPropagation();
  };

  /** At the crosshair, what a click does under the pointer. */
  const press = (): void => {
    const plane = at.panes[0]?.plane;
    if (!plane) return;
    const crosshair = [...at.cursor] as Voxel;
    at.leadCross();
    if (clicks(at.tool)) clickAt(at, plane, crosshair);
    else if (draws(at.tool)) {
      const mask = at.maskToDraw();
      if (!mask) return;
      mask.begin(at.tool === "eraser" ? 0 : 1);
      mask.paint(plane, crosshair, crosshair, at.brushPx, at.paintable);
      mask.end();
      at.maskChanged();
    } else if (at.tool === "ruler") {
      if (from?.[2] === crosshair[2]) {
        at.rulers = [...at.rulers, rulerLine(at.grid, plane, from, crosshair)];
        from = null;
      } else from = crosshair;
      at.changed();
    }
  };

  area.addEventListener("keydown", (event) => {
    const took = pressed(event, {
      slices: at.grid.dims[2],
      slice: () => at.slice,
      toSlice: (index) => at.setSlice(index),
      moveCross: (across, down) => {
        if (at.layout === "volume") return at.turn(TURN_A_KEY * across, TURN_A_KEY * down);
        at.leadCross();
        at.setCursor([at.cursor[0] + across, at.cursor[1] + down, at.slice]);
      },
      press,
      zoom: (factor) => zoomAt(at, { x: at.width / 2, y: at.height / 2 }, factor),
      fit: () => at.resetView(),
      removeRuler: () => {
        if (!at.rulers.length) return false;
        at.rulers = at.rulers.slice(0, -1);
        at.changed();
        return true;
      },
    });
    if (took) taken(event);
  }, { signal });

  strip.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const to = slicePressed(event.key, at.slice, at.grid.dims[2]);
    if (to === undefined) return;
    at.setSlice(to);
    taken(event);
  }, { signal });
}
