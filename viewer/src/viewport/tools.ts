/** What a drag does with each tool. */

import type { Layout, Tool } from "./api";
import { click } from "./editing/clicks";
import { clicks, draws } from "./editing/tools";
import { clampVoxel, type Grid, type Voxel } from "./geometry";
import type { Button, Drag, Spot } from "./gestures";
import { rulerLine } from "./lines";
import type { Mask } from "./mask";
import type { Line } from "./overlay";
import { paneAt, panned, toVoxel, type Pane, type View } from "./panes";
import type { Volume } from "./volume";
import { dragged, type Window } from "./windowing";
import type { NumberedSlices } from "../wording";

export interface Workplace {
  readonly grid: Grid;
  readonly panes: readonly Pane[];
  readonly layout: Layout;
  readonly tool: Tool;
  readonly cursor: Readonly<Voxel>;
  readonly view: View;
  readonly volume: Volume;
  readonly window: Window;
  readonly brushPx: number;
  /** Voxels that the brush may change; undefined for all. */
  readonly paintable: ((place: number) => boolean) | undefined;
  readonly height: number;
  /** Null, and a word why, where the mask cannot be drawn into. */
  maskToDraw(): Mask | null;
  rulers: readonly Line[];
  setCursor(voxel: Readonly<Voxel>): void;
  setView(view: View): void;
  setWindow(low: number, high: number): void;
  turn(dx: number, dy: number): void;
  maskChanged(): void;
  say(line: string): void;
  readonly numbered: NumberedSlices;
  changed(): void;
}

/** A swipe over the whole height passes about all slices, but never more than one every few pixels. */
const SWIPE = { least: 7, most: 26, share: 0.8 };
const SHORTEST_RULER_PX = 3;

export function dragWith(at: Workplace, spot: Spot, button: Button, event: PointerEvent): Drag | null {
  if (at.layout === "volume") return button === "main" ? turning(at, spot) : null;
  const pane = paneAt(at.panes, spot.x, spot.y);
  if (!pane) return null;
  if (button === "right" || (button === "main" && at.tool === "window")) return windowing(at, spot);
  if (button === "middle" || event.shiftKey) return panning(at, pane, spot);
  if (draws(at.tool)) return drawing(at, pane, spot, at.tool === "eraser" || event.button === 5);
  if (clicks(at.tool)) return clicking(at, pane, spot);
  if (at.tool === "ruler") return measuring(at, pane, spot);
  if (event.pointerType === "touch") return swiping(at, pane, spot);
  return at.layout === "multiplanar" ? pointing(at, pane, spot) : panning(at, pane, spot);
}

function follow(spot: Spot, moved: (dx: number, dy: number, to: Spot) => void, ended: () => void = () => undefined): Drag {
  let last = spot;
  return {
    move(spots) {
      const to = spots.at(-1) ?? last;
      moved(to.x - last.x, to.y - last.y, to);
      last = to;
    },
    end: ended,
    cancel: ended,
  };
}

function turning(at: Workplace, spot: Spot): Drag {
  return follow(spot, (dx, dy) => at.turn(dx, dy));
}

function windowing(at: Workplace, spot: Spot): Drag {
  const from = at.window;
  return follow(spot, (_dx, _dy, to) => {
    const { low, high } = dragged(from, at.volume, to.x - spot.x, to.y - spot.y);
    at.setWindow(low, high);
  });
}

function panning(at: Workplace, pane: Pane, spot: Spot): Drag {
  return follow(spot, (dx, dy) => at.setView(panned(at.view, pane, dx, dy, at.grid)));
}

function pointing(at: Workplace, pane: Pane, spot: Spot): Drag {
  const point = ({ x, y }: Spot): void => at.setCursor(clampVoxel(at.grid, toVoxel(pane, x, y, at.cursor[pane.plane.normal])));
  point(spot);
  return follow(spot, (_dx, _dy, to) => point(to));
}

/** A finger up or down leafs through the slices; a tap puts the crosshair where there is one. */
function swiping(at: Workplace, pane: Pane, spot: Spot): Drag {
  const { normal } = pane.plane;
  const from = at.cursor[normal];
  const step = Math.min(Math.max((at.height * SWIPE.share) / at.grid.dims[normal], SWIPE.least), SWIPE.most);
  let far = 0;
  return {
    move(spots) {
      const to = spots.at(-1) ?? spot;
      far = Math.max(far, Math.hypot(to.x - spot.x, to.y - spot.y));
      const cursor = [...at.cursor] as Voxel;
      cursor[normal] = from + Math.trunc((to.y - spot.y) / step);
      at.setCursor(clampVoxel(at.grid, cursor));
    },
    end() {
      if (far < SWIPE.least && at.layout === "multiplanar") at.setCursor(clampVoxel(at.grid, toVoxel(pane, spot.x, spot.y, from)));
    },
    cancel: () => undefined,
  };
}

function drawing(at: Workplace, pane: Pane, spot: Spot, erases: boolean): Drag | null {
  const mask = at.maskToDraw();
  if (!mask) return null;
  const still = at.cursor[pane.plane.normal];
  const { brushPx, paintable } = at;
  let last = toVoxel(pane, spot.x, spot.y, still);
  mask.begin(erases ? 0 : 1);
  mask.paint(pane.plane, last, last, brushPx, paintable);
  at.changed();
  return {
    move(spots) {
      for (const { x, y } of spots) {
        const to = toVoxel(pane, x, y, still);
        mask.paint(pane.plane, last, to, brushPx, paintable);
        last = to;
      }
      at.changed();
    },
    end() {
      mask.end();
      at.maskChanged();
    },
    cancel() {
      mask.abandon();
      at.maskChanged();
    },
  };
}

/** What a click with a tool does to the mask at a place. */
export function clickAt(at: Workplace, plane: Pane["plane"], voxel: Readonly<Voxel>): void {
  const mask = clicks(at.tool) ? at.maskToDraw() : null;
  if (!mask || !clicks(at.tool)) return;
  at.say(click(at.tool, mask, at.grid, plane, voxel, at.numbered));
  at.maskChanged();
}

/** A click counts when it ends where it began, so that a second finger or a slip does nothing. */
function clicking(at: Workplace, pane: Pane, spot: Spot): Drag {
  let far = 0;
  return {
    move: (spots) => { far = Math.max(far, ...spots.map(({ x, y }) => Math.hypot(x - spot.x, y - spot.y))); },
    end: () => { if (far < SWIPE.least) clickAt(at, pane.plane, toVoxel(pane, spot.x, spot.y, at.cursor[pane.plane.normal])); },
    cancel: () => undefined,
  };
}

function measuring(at: Workplace, pane: Pane, spot: Spot): Drag {
  const still = at.cursor[pane.plane.normal];
  const from = toVoxel(pane, spot.x, spot.y, still);
  const before = at.rulers;
  let drawn = before;
  const to = (x: number, y: number): void => {
    const long = Math.hypot(x - spot.x, y - spot.y) >= SHORTEST_RULER_PX;
    drawn = long ? [...before, rulerLine(at.grid, pane.plane, from, toVoxel(pane, x, y, still))] : before;
    at.rulers = drawn;
    at.changed();
  };
  return {
    move: (spots) => {
      const end = spots.at(-1);
      if (end) to(end.x, end.y);
    },
    end: () => undefined,
    cancel() {
      at.rulers = before;
      at.changed();
    },
  };
}
