/** The slice, and over it the contour and the activation map. */

import { h, replaceChildren } from "../../../viewer/src/dom";
import type { SliceFinding } from "../findings/analysis";
import type { Shown } from "../messages";
import { AUTOMATIC, type Window } from "./window";

/** From nothing over red to yellow, as opaque as it is strong. */
const MAP_COLORS = Uint8ClampedArray.from({ length: 256 * 4 }, (_, index) => {
  const share = (index >> 2) / 255;
  return [255, 255 * Math.max(0, share * 1.5 - 0.5), 40 * share, 190 * share][index & 3];
});
const CONTOUR_WIDTH = 2;

export interface Layers {
  readonly contour: boolean;
  readonly map: boolean;
}

export class Viewport {
  readonly canvas = h("canvas", { class: "slice", role: "img" });
  readonly #edges = h("div", { class: "edges", "aria-hidden": "true" });
  readonly element = h("div", { class: "viewport" }, this.canvas, this.#edges);
  window = AUTOMATIC;
  #draw: () => void = () => undefined;

  constructor() {
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** @param finding of the slice, where it is known */
  show(shown: Shown, index: number, finding: SliceFinding | null, layers: Layers): void {
    const image = grayImage(shown, index, this.window);
    showEdges(this.#edges, shown);
    const map = finding && layers.map ? mapImage(finding, shown) : null;
    const contour = finding && layers.contour ? contourPath(finding.contour) : null;
    this.#draw = () => {
      const { rows, columns, aspect } = shown;
      const [width, height] = [this.element.clientWidth, this.element.clientHeight];
      const scale = Math.min(width / columns, height / (rows * aspect)) * devicePixelRatio;
      this.canvas.width = Math.max(1, Math.round(columns * scale));
      this.canvas.height = Math.max(1, Math.round(rows * aspect * scale));
      this.canvas.style.setProperty("width", `${this.canvas.width / devicePixelRatio}px`);
      this.canvas.style.setProperty("height", `${this.canvas.height / devicePixelRatio}px`);
      const context = this.canvas.getContext("2d");
      if (!context) return;
      context.imageSmoothingQuality = "high";
      for (const layer of [image, map]) if (layer) context.drawImage(layer, 0, 0, this.canvas.width, this.canvas.height);
      if (!contour) return;
      const scaled = new Path2D();
      scaled.addPath(contour, new DOMMatrix([this.canvas.width / columns, 0, 0, this.canvas.height / rows, 0, 0]));
      context.lineWidth = CONTOUR_WIDTH * devicePixelRatio;
      context.lineCap = "round";
      context.strokeStyle = getComputedStyle(this.element).getPropertyValue("--lesion");
      context.stroke(scaled);
    };
    this.#draw();
  }
}

/** The patient's sides, at the edges where they are. */
function showEdges(place: HTMLElement, { edges }: Shown): void {
  replaceChildren(place, ...Object.entries(edges ?? {}).map(([edge, letter]) => h("span", { class: `edge-${edge}` }, letter)));
}

function grayImage({ gray, rows, columns }: Shown, index: number, { low, high }: Window): OffscreenCanvas {
  const levels = Uint8ClampedArray.from({ length: 256 }, (_, level) => (255 * (level - low)) / (high - low));
  const pixels = gray.subarray(index * rows * columns, (index + 1) * rows * columns).map((level) => levels[level]);
  return painted(rows, columns, (data) => pixels.forEach((value, pixel) => data.set([value, value, value, 255], 4 * pixel)));
}

function mapImage({ map }: SliceFinding, { rows, columns }: Shown): OffscreenCanvas {
  return painted(rows, columns, (data) => {
    map.forEach((value, pixel) => {
      const color = 4 * Math.round(value * 255);
      data.set(MAP_COLORS.subarray(color, color + 4), 4 * pixel);
    });
  });
}

/** The mask of a slice as a black and white image, pixel by pixel. */
export function maskImage({ mask }: SliceFinding, { rows, columns }: Shown): OffscreenCanvas {
  return painted(rows, columns, (data) => mask.forEach((value, pixel) => data.set([255 * value, 255 * value, 255 * value, 255], 4 * pixel)));
}

function painted(rows: number, columns: number, paint: (data: Uint8ClampedArray) => void): OffscreenCanvas {
  const canvas = new OffscreenCanvas(columns, rows);
  const image = new ImageData(columns, rows);
  paint(image.data);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

function contourPath(segments: Float32Array): Path2D {
  const path = new Path2D();
  for (let at = 0; at < segments.length; at += 4) {
    path.moveTo(segments[at], segments[at + 1]);
    path.lineTo(segments[at + 2], segments[at + 3]);
  }
  return path;
}
