/** What is drawn over the images: mask, activation, measurements, letters, crosshair, brush. */

import type { MaskStyle } from "./api";
import { sizeCanvas } from "./canvas";
import { drawPlane } from "./canvas-images";
import { heat } from "./colors";
import type { Plane, Voxel } from "./geometry";
import type { Mask } from "./mask";
import { contourOf, type Loops } from "./contour";
import { toScreen, type Pane } from "./panes";
import type { Part } from "./parts";
import { planeOf } from "./volume";

/** A straight line between two places, both on one plane. */
export interface Line {
  normal: number;
  from: Voxel;
  to: Voxel;
  text: string;
  kind: "diameter" | "ruler";
  /** Diameters of the lesion that is looked at, and the ruler under the pointer. */
  stressed: boolean;
  /** Taken before the mask was changed. */
  stale: boolean;
}

export interface Drawing {
  panes: readonly Pane[];
  cursor: Readonly<Voxel>;
  dims: Readonly<Voxel>;
  mask: Mask | null;
  /** Drawn over the mask, each in its own color. */
  parts: readonly Part[];
  maskStyle: MaskStyle;
  activation: { bytes: Uint8Array; opacity: number } | null;
  lines: readonly Line[];
  crosshair: boolean;
  brush: { x: number; y: number; pane: Pane; radiusPx: number; erases: boolean } | null;
  width: number;
  height: number;
  ratio: number;
}

/** What has a contour: the mask, which changes with every stroke, or a part. */
interface Shape {
  name?: string;
  voxels: Uint8Array;
  revision: number;
}

interface Colors {
  lesion: string;
  measure: string;
  ink: string;
  dim: string;
}

const MOST_HEAT = 0.75;
const HALO = "rgb(0 0 0 / 55%)";

export class Overlay {
  readonly element = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  private readonly contours = new Map<string, { index: number; revision: number; path: Path2D; empty: boolean }>();
  private readonly glows = new Map<number, { index: number; bytes: Uint8Array; canvas: HTMLCanvasElement }>();

  constructor() {
    const context = this.element.getContext("2d");
    if (!context) throw new Error("this browser cannot draw on a canvas");
    this.context = context;
  }

  draw(drawing: Drawing): void {
    const { panes, width, height, ratio } = drawing;
    const context = this.context;
    sizeCanvas(this.element, width, height, ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.element.width, this.element.height);
    const colors = colorsOf(this.element);
    for (const pane of panes) {
      context.save();
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.beginPath();
      context.rect(pane.rect.x, pane.rect.y, pane.rect.width, pane.rect.height);
      context.clip();
      this.glow(drawing, pane);
      if (drawing.mask) this.lesion(drawing, pane, drawing.mask, colors.lesion);
      for (const part of drawing.parts) this.lesion(drawing, pane, { ...part, revision: 0 }, colorOf(this.element, part.color));
      if (drawing.crosshair) crosshair(context, pane, drawing.cursor, colors);
      for (const line of drawing.lines) {
        if (line.normal === pane.plane.normal && Math.round(line.from[pane.plane.normal]) === drawing.cursor[pane.plane.normal]) drawLine(context, pane, line, colors);
      }
      letters(context, pane, panes.length > 1, colors);
      context.restore();
    }
    if (drawing.brush) brush(context, drawing.brush, ratio);
  }

  destroy(): void {
    this.contours.clear();
    this.glows.clear();
    this.element.remove();
  }

  private lesion({ maskStyle, cursor, dims, ratio }: Drawing, pane: Pane, shape: Shape, color: string): void {
    if (maskStyle.mode === "off" || maskStyle.opacity <= 0) return;
    const path = this.contour(shape, dims, pane.plane, cursor[pane.plane.normal]);
    if (!path) return;
    const placed = new Path2D();
    placed.addPath(path, new DOMMatrix([pane.acrossScale, 0, 0, pane.downScale, pane.acrossStart, pane.downStart]));
    const context = this.context;
    context.save();
    context.globalAlpha = Math.min(maskStyle.opacity, 1);
    context.lineJoin = "round";
    if (maskStyle.mode === "fill") {
      context.fillStyle = color;
      context.fill(placed, "evenodd");
    } else {
      context.strokeStyle = HALO;
      context.lineWidth = 3.5;
      context.stroke(placed);
      context.strokeStyle = color;
      context.lineWidth = Math.max(1.5, 2 / ratio);
      context.stroke(placed);
    }
    context.restore();
  }

  private contour({ name, voxels, revision }: Shape, dims: Readonly<Voxel>, plane: Plane, index: number): Path2D | null {
    const key = `${name ?? "mask"} ${plane.normal}`;
    const before = this.contours.get(key);
    if (before && before.index === index && before.revision === revision) return before.empty ? null : before.path;
    const { pixels, width, height } = planeOf(voxels, dims, plane, index);
    const loops = contourOf(pixels, width, height);
    const path = pathOf(loops);
    this.contours.set(key, { index, revision, path, empty: loops.length === 0 });
    return loops.length ? path : null;
  }

  private glow({ activation, cursor, dims, ratio }: Drawing, pane: Pane): void {
    if (!activation || activation.opacity <= 0) return;
    const { normal } = pane.plane;
    let glow = this.glows.get(normal);
    if (!glow || glow.index !== cursor[normal] || glow.bytes !== activation.bytes) {
      const canvas = glow?.canvas ?? document.createElement("canvas");
      paintHeat(canvas, activation.bytes, dims, pane.plane, cursor[normal]);
      glow = { index: cursor[normal], bytes: activation.bytes, canvas };
      this.glows.set(normal, glow);
    }
    this.context.save();
    this.context.globalAlpha = Math.min(activation.opacity, 1);
    this.context.imageSmoothingEnabled = true;
    drawPlane(this.context, glow.canvas, pane, ratio);
    this.context.restore();
  }
}

function pathOf(loops: Loops): Path2D {
  const path = new Path2D();
  for (const loop of loops) {
    path.moveTo(loop[0] ?? 0, loop[1] ?? 0);
    for (let place = 2; place < loop.length; place += 2) path.lineTo(loop[place] ?? 0, loop[place + 1] ?? 0);
    path.closePath();
  }
  return path;
}

const HEATS = Uint32Array.from({ length: 256 }, (_, strength) => {
  const [red, green, blue] = heat(strength / 255);
  return ((Math.round(strength * MOST_HEAT) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
});

function paintHeat(canvas: HTMLCanvasElement, bytes: Uint8Array, dims: Readonly<Voxel>, plane: Plane, index: number): void {
  const { pixels, width, height } = planeOf(bytes, dims, plane, index);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(width, height);
  const colors = new Uint32Array(image.data.buffer);
  for (let place = 0; place < pixels.length; place += 1) colors[place] = HEATS[pixels[place] as number] as number;
  context.putImageData(image, 0, 0);
}

function crosshair(context: CanvasRenderingContext2D, pane: Pane, cursor: Readonly<Voxel>, colors: Colors): void {
  const { x, y } = toScreen(pane, cursor);
  const { rect } = pane;
  const open = 9;
  context.strokeStyle = colors.measure;
  context.globalAlpha = 0.65;
  context.lineWidth = 1;
  context.beginPath();
  const [sx, sy] = [Math.round(x) + 0.5, Math.round(y) + 0.5];
  for (const [x0, y0, x1, y1] of [
    [rect.x, sy, sx - open, sy], [sx + open, sy, rect.x + rect.width, sy],
    [sx, rect.y, sx, sy - open], [sx, sy + open, sx, rect.y + rect.height],
  ] as const) {
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
  }
  context.stroke();
  context.globalAlpha = 1;
}

function drawLine(context: CanvasRenderingContext2D, pane: Pane, line: Line, colors: Colors): void {
  const [from, to] = [toScreen(pane, line.from), toScreen(pane, line.to)];
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const [acrossX, acrossY] = length ? [-(to.y - from.y) / length, (to.x - from.x) / length] : [0, 1];
  context.save();
  context.globalAlpha = line.stale ? 0.5 : 1;
  context.lineCap = "round";
  const draw = (): void => {
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    context.beginPath();
    for (const { x, y } of [from, to]) {
      context.moveTo(x - acrossX * 5, y - acrossY * 5);
      context.lineTo(x + acrossX * 5, y + acrossY * 5);
    }
    context.stroke();
  };
  context.strokeStyle = HALO;
  context.lineWidth = line.stressed ? 5 : 3.5;
  draw();
  context.strokeStyle = colors.measure;
  context.lineWidth = line.stressed ? 2.5 : 1.5;
  if (line.stale) context.setLineDash([5, 5]);
  draw();
  context.setLineDash([]);
  // A ruler's length stands at the end that is being drawn, a diameter's at its lower one.
  const end = line.kind === "ruler" || to.y > from.y ? to : from;
  const start = end === to ? from : to;
  const [dx, dy] = length ? [(end.x - start.x) / length, (end.y - start.y) / length] : [0, 1];
  label(context, pane, end, [dx, dy], line.stale ? `${line.text} before` : line.text, colors.measure);
  context.restore();
}

/** Text beyond the end of a line, kept inside the pane. */
function label(context: CanvasRenderingContext2D, { rect }: Pane, end: { x: number; y: number }, way: readonly [number, number], text: string, color: string): void {
  context.font = FONT;
  context.textBaseline = "middle";
  context.textAlign = "center";
  const half = context.measureText(text).width / 2 + 4;
  const away = 7 + Math.abs(way[0]) * half + Math.abs(way[1]) * 9;
  const x = Math.min(Math.max(end.x + way[0] * away, rect.x + half + 4), rect.x + rect.width - half - 4);
  const y = Math.min(Math.max(end.y + way[1] * away, rect.y + 12), rect.y + rect.height - 12);
  context.fillStyle = "rgb(0 0 0 / 65%)";
  context.fillRect(x - half, y - 9, 2 * half, 18);
  context.fillStyle = color;
  context.fillText(text, x, y + 0.5);
}

const FONT = '600 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

function letters(context: CanvasRenderingContext2D, { plane, rect }: Pane, titled: boolean, colors: Colors): void {
  context.font = FONT;
  context.textBaseline = "middle";
  context.textAlign = "center";
  const write = (text: string, x: number, y: number): void => {
    context.strokeStyle = "rgb(0 0 0 / 75%)";
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeText(text, x, y);
    context.fillStyle = colors.ink;
    context.fillText(text, x, y);
  };
  if (plane.letters) {
    const [middleX, middleY] = [rect.x + rect.width / 2, rect.y + rect.height / 2];
    write(plane.letters.left, rect.x + 13, middleY);
    write(plane.letters.right, rect.x + rect.width - 13, middleY);
    write(plane.letters.top, middleX, rect.y + 14);
    write(plane.letters.bottom, middleX, rect.y + rect.height - 13);
  }
  if (titled) {
    context.textAlign = "left";
    write(plane.title, rect.x + 10, rect.y + 14);
  }
}

function brush(context: CanvasRenderingContext2D, { x, y, pane, radiusPx, erases }: NonNullable<Drawing["brush"]>, ratio: number): void {
  context.save();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  // Round in mm, and both scales are pixels a voxel.
  const radius = Math.max(radiusPx * pane.columnScale, 1.5);
  for (const [color, width] of [["rgb(0 0 0 / 70%)", 3], ["#fff", 1.25]] as const) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.setLineDash(erases ? [4, 4] : []);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.moveTo(x - 2, y);
    context.lineTo(x + 2, y);
    context.moveTo(x, y - 2);
    context.lineTo(x, y + 2);
    context.stroke();
  }
  context.restore();
}

function colorOf(element: Element, name: string, otherwise = "#ff60d0"): string {
  return getComputedStyle(element).getPropertyValue(name).trim() || otherwise;
}

function colorsOf(element: Element): Colors {
  const of = (name: string, otherwise: string): string => colorOf(element, name, otherwise);
  return {
    lesion: of("--lesion", "#1ede5c"),
    measure: of("--measure", "#ffd166"),
    ink: of("--viewport-ink", "#e7ecf1"),
    dim: of("--viewport-dim", "#9dabb9"),
  };
}
