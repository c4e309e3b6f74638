/** All slices at a glance: a bar of tumor probability each, the one shown marked; a slider for hand and keys. */

import { type NumberedSlices, probabilityText, sliceNumber } from "../wording";
import { sizeCanvas } from "./canvas";
import { css, heat } from "./colors";

export interface StripSlice {
  probability: number | null;
  /** Whether the mask has pixels on it. */
  segmented: boolean;
}

export interface StripOptions {
  slices: number;
  numbered: NumberedSlices;
  operatingPoint: number | null;
  describe(index: number): string;
  chosen(index: number): void;
}

const LEFT = 10;
const RIGHT = 10;
const TOP = 6;
const MARKS = 5;
const BOTTOM = 13;

export class SliceNavigator {
  readonly element = document.createElement("div");
  private readonly canvas = document.createElement("canvas");
  private slices: StripSlice[] = [];
  private current = 0;
  private hovered: number | null = null;

  constructor(private readonly options: StripOptions) {
    const { element } = this;
    element.className = "slice-navigator";
    element.tabIndex = 0;
    element.setAttribute("role", "slider");
    element.setAttribute("aria-label", "Slice");
    element.setAttribute("aria-orientation", "horizontal");
    element.setAttribute("aria-valuemin", "1");
    element.setAttribute("aria-valuemax", String(options.slices));
    element.hidden = options.slices < 2;
    this.canvas.setAttribute("aria-hidden", "true");
    element.append(this.canvas);
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      options.chosen(this.under(event));
    });
    element.addEventListener("pointermove", (event) => {
      this.hovered = this.under(event);
      element.title = options.describe(this.hovered);
      if (element.hasPointerCapture(event.pointerId)) options.chosen(this.hovered);
      this.draw();
    });
    element.addEventListener("pointerleave", () => {
      this.hovered = null;
      this.draw();
    });
  }

  show(current: number, slices: StripSlice[]): void {
    this.current = current;
    this.slices = slices;
    this.element.setAttribute("aria-valuenow", String(current + 1));
    this.element.setAttribute("aria-valuetext", this.options.describe(current));
    this.draw();
  }

  draw(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const context = this.canvas.getContext("2d");
    if (!width || !height || !context) return;
    const ratio = devicePixelRatio || 1;
    sizeCanvas(this.canvas, width, height, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.element);
    const color = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
    const step = (width - LEFT - RIGHT) / this.options.slices;
    const base = height - BOTTOM - MARKS;
    const room = base - TOP;
    const gap = step >= 4 ? 1 : 0;
    const snap = (x: number): number => Math.round(x * ratio) / ratio;
    this.slices.forEach((slice, index) => {
      const left = snap(LEFT + index * step);
      const wide = Math.max(snap(LEFT + (index + 1) * step) - left - gap, 1 / ratio);
      if (index === this.current || index === this.hovered) {
        context.fillStyle = index === this.current ? "rgb(255 255 255 / 22%)" : "rgb(255 255 255 / 12%)";
        context.fillRect(left, 0, wide, height - BOTTOM + 2);
      }
      if (slice.probability !== null) {
        const tall = Math.max(room * slice.probability, 2);
        context.fillStyle = css(heat(0.3 + 0.7 * slice.probability));
        context.fillRect(left, base - tall, wide, tall);
      } else {
        context.fillStyle = "#445363";
        context.fillRect(left, base - 2, wide, 2);
      }
      if (slice.segmented) {
        context.fillStyle = color("--lesion", "#1ede5c");
        context.fillRect(left, base + 1.5, wide + gap, MARKS - 2);
      }
    });
    if (this.options.operatingPoint !== null) {
      const y = snap(base - room * this.options.operatingPoint) + 0.5 / ratio;
      // Dark and light dashes in turn, to be seen on bars and beside them.
      for (const [color, offset] of [["#fff", 0], ["#000", 4]] as const) {
        context.strokeStyle = color;
        context.lineWidth = 1 / ratio;
        context.setLineDash([4, 4]);
        context.lineDashOffset = offset;
        context.beginPath();
        context.moveTo(LEFT - 4, y);
        context.lineTo(width - RIGHT + 4, y);
        context.stroke();
      }
      context.setLineDash([]);
    }
    const accent = color("--accent", "#6cb8e6");
    const [left, right] = [snap(LEFT + this.current * step), snap(LEFT + (this.current + 1) * step) - gap];
    context.strokeStyle = accent;
    context.lineWidth = 2;
    context.strokeRect(left - 1, 1, Math.max(right - left, 1) + 2, height - BOTTOM + 1);
    this.numbers(context, width, height, step, color("--viewport-ink", "#e7ecf1"), color("--viewport-dim", "#9dabb9"));
  }

  /** The slice shown under its bar, and the ends where they do not run into it. */
  private numbers(context: CanvasRenderingContext2D, width: number, height: number, step: number, ink: string, dim: string): void {
    const y = height - 6;
    context.textBaseline = "middle";
    context.font = '600 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
    const at = LEFT + (this.current + 0.5) * step;
    const number = (index: number): string => String(sliceNumber(this.options.numbered, index));
    const half = context.measureText(number(this.current)).width / 2;
    const middle = Math.min(Math.max(at, LEFT + half), width - RIGHT - half);
    context.textAlign = "center";
    context.fillStyle = ink;
    context.fillText(number(this.current), middle, y);
    context.font = context.font.replace("600 ", "");
    context.fillStyle = dim;
    const [first, last] = [number(0), number(this.options.slices - 1)];
    context.textAlign = "left";
    if (middle - half > LEFT + context.measureText(first).width + 6) context.fillText(first, LEFT, y);
    context.textAlign = "right";
    if (middle + half < width - RIGHT - context.measureText(last).width - 6) context.fillText(last, width - RIGHT, y);
  }

  private under(event: PointerEvent): number {
    const { left, width } = this.element.getBoundingClientRect();
    const place = Math.floor(((event.clientX - left - LEFT) / Math.max(width - LEFT - RIGHT, 1)) * this.options.slices);
    return Math.min(Math.max(place, 0), this.options.slices - 1);
  }
}

/** What a slice is, in words. */
export function sliceWords(where: string, slice: StripSlice, operatingPoint: number | null): string {
  const probability = slice.probability === null ? "" : `, tumor probability ${probabilityText(slice.probability)}`;
  const side = slice.probability === null || operatingPoint === null ? "" : slice.probability >= operatingPoint ? ", counts as one with a tumor" : ", counts as one without a tumor";
  return `${where}${probability}${side}, ${slice.segmented ? "tumor segmented" : "no tumor segmented"}`;
}
