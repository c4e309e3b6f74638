/** Slices on a plain canvas: works everywhere, at once, and is quick for one slice at a time. */

import { sizeCanvas } from "./canvas";
import type { Images, SliceImage } from "./images";
import type { Pane } from "./panes";
import { cut, type Volume } from "./volume";
import { grayer, type Window } from "./windowing";

interface Cut {
  volume: Volume;
  window: Window;
  index: number;
  canvas: HTMLCanvasElement;
}

export class CanvasImages implements Images {
  readonly kind = "canvas";
  readonly element = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  /** The plane last drawn, by its normal. */
  private readonly cuts = new Map<number, Cut>();

  constructor() {
    const context = this.element.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser cannot draw on a canvas");
    this.context = context;
  }

  draw({ volume, window, panes, cursor, width, height, ratio }: SliceImage): void {
    const context = this.context;
    sizeCanvas(this.element, width, height, ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.element.width, this.element.height);
    context.imageSmoothingEnabled = true;
    for (const pane of panes) {
      const image = this.cutOf(volume, window, pane, cursor[pane.plane.normal]);
      drawPlane(context, image, pane, ratio);
    }
  }

  destroy(): void {
    this.cuts.clear();
    this.element.remove();
  }

  private cutOf(volume: Volume, window: Window, pane: Pane, index: number): HTMLCanvasElement {
    const before = this.cuts.get(pane.plane.normal);
    if (before && before.volume === volume && before.index === index && before.window.low === window.low && before.window.high === window.high) {
      return before.canvas;
    }
    const canvas = before?.canvas ?? document.createElement("canvas");
    paint(canvas, volume, window, pane, index);
    this.cuts.set(pane.plane.normal, { volume, window, index, canvas });
    return canvas;
  }
}

function paint(canvas: HTMLCanvasElement, volume: Volume, window: Window, pane: Pane, index: number): void {
  const { start, across, down, width, height } = cut(volume.dims, pane.plane, index);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const gray = grayer(volume, window);
  const { voxels } = volume;
  for (let v = 0, place = 0; v < height; v += 1) {
    for (let u = 0, from = start + v * down; u < width; u += 1, from += across, place += 1) {
      pixels[place] = 0xff000000 | (gray(voxels[from] as number) * 0x010101);
    }
  }
  context.putImageData(image, 0, 0);
}

/** A plane's pixels in their pane, turned as the pane is; whole numbers are pixel centers. */
export function drawPlane(context: CanvasRenderingContext2D, image: HTMLCanvasElement, pane: Pane, ratio: number): void {
  const { rect, acrossScale, acrossStart, downScale, downStart } = pane;
  context.save();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.beginPath();
  context.rect(rect.x, rect.y, rect.width, rect.height);
  context.clip();
  context.imageSmoothingQuality = Math.min(Math.abs(acrossScale), Math.abs(downScale)) * ratio < 1 ? "medium" : "low";
  context.setTransform(ratio * acrossScale, 0, 0, ratio * downScale, ratio * acrossStart, ratio * downStart);
  context.drawImage(image, -0.5, -0.5);
  context.restore();
}
