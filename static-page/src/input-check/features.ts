/** What the input check measures in a view (`tumorscope.preprocessing.input_check.features`). */

import { mean, sum } from "../arrays/statistics";
import { range } from "../arrays/volume";
import { grain } from "./grain";
import { spectrum } from "./spectrum";
import { SIDE, type View } from "./views";

const RINGS = 10;
const BINS = 12;
const FINE = 48;
const THUMBNAIL = 16;
const SMALL = 1e-6;

/** The ellipse with the head's moments. */
export interface Form {
  /** Of each pixel; 1 on the ellipse. */
  readonly radius: Float64Array;
  /** Direction in which it grows: parts along rows and columns. */
  readonly down: Float64Array;
  readonly across: Float64Array;
  readonly share: number;
  readonly center: readonly [column: number, row: number];
  /** From −1 (tall) to 1 (wide). */
  readonly upright: number;
  /** Of the short to the long axis. */
  readonly ratio: number;
}

export function measures(view: View): number[] {
  const form = formOf(view.head);
  const found = [...segmentation(view, form), ...rings(view.gray, form), ...grays(view), ...grain(view.gray, form), ...spectrum(view.gray)];
  return found.map((value) => (Number.isFinite(value) ? Math.fround(value) : 0));
}

/** The view as a few coarse pixels, of mean 0 and length 1. */
export function thumbnail({ gray }: View): number[] {
  const step = SIDE / THUMBNAIL;
  const small = new Array<number>(THUMBNAIL * THUMBNAIL).fill(0);
  gray.forEach((value, pixel) => {
    const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE];
    small[Math.floor(row / step) * THUMBNAIL + Math.floor(column / step)] += value / (step * step);
  });
  const middle = mean(small);
  const away = small.map((value) => value - middle);
  const length = Math.max(Math.hypot(...away), SMALL);
  return away.map((value) => value / length);
}

function formOf(head: Uint8Array): Form {
  const axis = range(SIDE).map((index) => ((index + 0.5) / SIDE) * 2 - 1);
  const area = Math.max(sum(head), 1);
  let [cx, cy] = [0, 0];
  head.forEach((inside, pixel) => {
    cx += inside * axis[pixel % SIDE];
    cy += inside * axis[Math.floor(pixel / SIDE)];
  });
  cx /= area;
  cy /= area;
  let [xx, yy, xy] = [0, 0, 0];
  head.forEach((inside, pixel) => {
    const [dx, dy] = [axis[pixel % SIDE] - cx, axis[Math.floor(pixel / SIDE)] - cy];
    xx += inside * dx * dx;
    yy += inside * dy * dy;
    xy += inside * dx * dy;
  });
  xx = xx / area + 1e-4;
  yy = yy / area + 1e-4;
  xy /= area;
  const determinant = Math.max(xx * yy - xy * xy, 1e-8);
  const [radius, down, across] = [new Float64Array(head.length), new Float64Array(head.length), new Float64Array(head.length)];
  for (let pixel = 0; pixel < head.length; pixel++) {
    const [dx, dy] = [axis[pixel % SIDE] - cx, axis[Math.floor(pixel / SIDE)] - cy];
    const [u, v] = [(yy * dx - xy * dy) / determinant, (xx * dy - xy * dx) / determinant];
    radius[pixel] = Math.sqrt(Math.max(u * dx + v * dy, 0)) / 2;
    const length = Math.hypot(u, v) + SMALL;
    down[pixel] = v / length;
    across[pixel] = u / length;
  }
  const spread = Math.sqrt((xx - yy) ** 2 + 4 * xy * xy);
  const ratio = Math.sqrt(Math.max(xx + yy - spread, SMALL) / (xx + yy + spread));
  return { radius, down, across, share: area / head.length, center: [cx, cy], upright: (xx - yy) / (xx + yy), ratio };
}

/** How much like an ellipse before dark air, how compact, how even left and right. */
function segmentation({ gray, head }: View, form: Form): number[] {
  const at = (row: number, column: number): number => row * SIDE + column;
  let [both, either, core, holes, length] = [0, 0, 0, 0, 0];
  const air: number[] = [];
  for (let pixel = 0; pixel < head.length; pixel++) {
    const inside = form.radius[pixel] <= 1;
    if (inside && head[pixel]) both += 1;
    if (inside || head[pixel]) either += 1;
    if (form.radius[pixel] < 0.8) {
      core += 1;
      holes += 1 - head[pixel];
    }
    if (!head[pixel]) air.push(gray[pixel]);
    if (pixel >= SIDE && head[pixel] !== head[pixel - SIDE]) length += 1;
    if (pixel % SIDE && head[pixel] !== head[pixel - 1]) length += 1;
  }
  const lines = range(SIDE);
  const edge = mean([
    mean(lines.map((index) => head[at(0, index)])),
    mean(lines.map((index) => head[at(SIDE - 1, index)])),
    mean(lines.map((index) => head[at(index, 0)])),
    mean(lines.map((index) => head[at(index, SIDE - 1)])),
  ]);
  const corner = SIDE / 8;
  const corners = [0, SIDE - corner].flatMap((top) =>
    [0, SIDE - corner].map((left) => mean(range(corner * corner).map((index) => gray[at(top + Math.floor(index / corner), left + (index % corner))]))),
  );
  const dark = air.length > SIDE ? [mean(air), deviation(air)] : [mean(corners), 0.5];
  const [mirror, upside] = symmetry(gray);
  return [
    form.share, Math.abs(form.center[0]), form.center[1], form.upright, form.ratio, both / Math.max(either, 1), holes / core, edge,
    ...corners.sort((one, other) => one - other), ...dark, length / Math.sqrt(form.share) / SIDE, mirror, upside,
  ];
}

/** Correlation of the view with its mirror images, left-right and upside-down. */
function symmetry(gray: Float32Array): [number, number] {
  const half = SIDE / 2;
  const small = new Float64Array(half * half);
  gray.forEach((value, pixel) => {
    small[(Math.floor(pixel / SIDE) >> 1) * half + ((pixel % SIDE) >> 1)] += value / 4;
  });
  const middle = mean(small);
  let [power, mirror, upside] = [0, 0, 0];
  for (let pixel = 0; pixel < small.length; pixel++) {
    const [row, column] = [Math.floor(pixel / half), pixel % half];
    const value = small[pixel] - middle;
    power += value * value;
    mirror += value * (small[row * half + half - 1 - column] - middle);
    upside += value * (small[(half - 1 - row) * half + column] - middle);
  }
  return [mirror / Math.max(power, SMALL), upside / Math.max(power, SMALL)];
}

/** Mean and deviation of the gray values in rings around the head's center. */
function rings(gray: Float32Array, form: Form): number[] {
  const [count, total, squares] = [new Float64Array(RINGS), new Float64Array(RINGS), new Float64Array(RINGS)];
  gray.forEach((value, pixel) => {
    const ring = Math.floor(Math.min(form.radius[pixel] * (RINGS - 2), RINGS - 1));
    count[ring] += 1;
    total[ring] += value;
    squares[ring] += value * value;
  });
  const means = Array.from(total, (value, ring) => value / Math.max(count[ring], 1));
  const deviations = Array.from(squares, (value, ring) => Math.sqrt(Math.max(value / Math.max(count[ring], 1) - means[ring] ** 2, 0)));
  return [...means, ...deviations];
}

/** The histogram of the head's gray values, and how much is black or white. */
function grays({ gray, head }: View): number[] {
  const within = gray.filter((_, pixel) => head[pixel]);
  const inside = within.length ? within : gray;
  const fine = new Array<number>(FINE).fill(0);
  inside.forEach((value) => {
    fine[Math.floor(Math.fround(value * Math.fround(47.999)))] += 1 / inside.length;
  });
  const levels = range(BINS).map((bin) => sum(fine.slice((bin * FINE) / BINS, ((bin + 1) * FINE) / BINS)));
  const entropy = -sum(fine.map((value) => value * Math.log(value + SMALL)));
  const middle = mean(inside);
  const spread = deviation(inside);
  const skew = mean(Float64Array.from(inside, (value) => (value - middle) ** 3)) / Math.max(spread, 0.03) ** 3;
  const commonest = sum([...fine].sort((one, other) => other - one).slice(0, 3));
  const share = (test: (value: number) => boolean): number => gray.filter(test).length / gray.length;
  const [black, white] = [share((value) => value < Math.fround(0.03)), share((value) => value > Math.fround(0.97))];
  return [...levels.map(Math.sqrt), entropy, commonest, middle, spread, skew, Math.sqrt(black), Math.sqrt(white)];
}

function deviation(values: ArrayLike<number>): number {
  const middle = mean(values);
  return Math.sqrt(mean(Float64Array.from(values, (value) => (value - middle) ** 2)));
}
