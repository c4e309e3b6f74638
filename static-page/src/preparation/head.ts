/** Where the head is in a scan: `tumorscope.preprocessing.head`. */

import { median, percentile, sorted, sum } from "../arrays/statistics";
import { borders, rounding, type Shape, strided, type Volume } from "../arrays/volume";
import { withoutFrame } from "./frames";

const ENOUGH_PX = 128;
const SMOOTHING = 1 / 128;
const RELATIVE_THRESHOLD = Math.fround(0.12);
const SMALLEST_HEAD = 0.02;
const FAINTEST_LINE = 0.015;

/** A rectangle in a slice, in pixels; it may reach beyond the image. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Ones for the pixels that belong to the head rather than to air; all ones where no head is found. */
export function headMask(volume: Volume): Uint8Array {
  const [slices, rows, columns] = volume.shape;
  const stride = Math.max(1, Math.floor(Math.min(rows, columns) / ENOUGH_PX));
  const coarse = strided(withoutFrame(volume), 1, stride);
  const smooth = gaussian(headSignal(coarse), coarse.shape, SMOOTHING * Math.min(coarse.shape[1], coarse.shape[2]));
  const head = new Uint8Array(smooth.length);
  for (let index = 0; index < head.length; index++) head[index] = smooth[index] > RELATIVE_THRESHOLD ? 1 : 0;
  const whole = new Uint8Array(slices * rows * columns);
  if (sum(head) / head.length < SMALLEST_HEAD) return whole.fill(1);
  for (let slice = 0; slice < slices; slice++) {
    for (let row = 0; row < rows; row++) {
      const from = (slice * coarse.shape[1] + Math.floor(row / stride)) * coarse.shape[2];
      const to = (slice * rows + row) * columns;
      for (let column = 0, left = 0; column < columns; column++) {
        if (column && column % stride === 0) left += 1;
        whole[to + column] = head[from + left];
      }
    }
  }
  return whole;
}

/** How far each pixel is from the air's gray level, as a share of the brightest percent, at most 1. */
function headSignal(coarse: Volume): Float32Array {
  const { data } = coarse;
  const round = rounding(data);
  const air = round(median(borders(coarse).flat()));
  // Plain loops: several times faster than the arrays' own methods, and this is most of the work before the network.
  const distance = new Float64Array(data.length);
  for (let index = 0; index < data.length; index++) distance[index] = Math.abs(round(data[index] - air));
  const brightest = round(percentile(sorted(distance), 99));
  const signal = new Float32Array(data.length);
  if (!(brightest > 0)) return signal;
  for (let index = 0; index < data.length; index++) signal[index] = Math.min(round(distance[index] / brightest), 1);
  return signal;
}

/** SciPy's Gaussian filter over rows and columns, float32 between the two as there. */
function gaussian(image: Float32Array, [slices, rows, columns]: Shape, sigma: number): Float32Array {
  if (!(sigma > 1e-15)) return image;
  const radius = Math.floor(4 * sigma + 0.5);
  const weights = Array.from({ length: radius + 1 }, (_, away) => Math.exp((-0.5 / (sigma * sigma)) * away * away));
  const total = weights[0] + 2 * weights.slice(1).reduce((all, one) => all + one, 0);
  const kernel = weights.map((weight) => weight / total);
  const half = new Float32Array(image.length);
  const result = new Float32Array(image.length);
  const line = new Float64Array(Math.max(rows, columns) + 2 * radius);
  for (let slice = 0; slice < slices; slice++) {
    const start = slice * rows * columns;
    for (let column = 0; column < columns; column++) correlate(image, half, start + column, columns, rows, kernel, line);
    for (let row = 0; row < rows; row++) correlate(half, result, start + row * columns, 1, columns, kernel, line);
  }
  return result;
}

/** One line with a symmetric kernel; beyond its ends the line is mirrored. `line` is room to work in. */
function correlate(
  from: Float32Array,
  to: Float32Array,
  start: number,
  step: number,
  length: number,
  kernel: readonly number[],
  line: Float64Array,
): void {
  const reach = kernel.length - 1;
  for (let index = 0; index < length; index++) line[index + reach] = from[start + index * step];
  for (let away = 1; away <= reach; away++) {
    line[reach - away] = line[reach + mirrored(-away, length)];
    line[reach + length - 1 + away] = line[reach + mirrored(length - 1 + away, length)];
  }
  for (let index = 0; index < length; index++) {
    let value = line[index + reach] * kernel[0];
    for (let away = reach; away > 0; away--) value += (line[index + reach - away] + line[index + reach + away]) * kernel[away];
    to[start + index * step] = value;
  }
}

function mirrored(index: number, length: number): number {
  const around = ((index % (2 * length)) + 2 * length) % (2 * length);
  return around < length ? around : 2 * length - 1 - around;
}

/**
 * The square (in millimeters) that frames the head in every slice of a scan.
 *
 * @param pixelAspect height of a pixel divided by its width
 * @param margin share of the side added on each side
 */
export function headBox(head: Uint8Array, [slices, rows, columns]: Shape, pixelAspect = 1, margin = 0.03): Box {
  const byRow = new Float64Array(rows);
  const byColumn = new Float64Array(columns);
  for (let slice = 0; slice < slices; slice++) {
    for (let row = 0; row < rows; row++) {
      const line = (slice * rows + row) * columns;
      for (let column = 0; column < columns; column++) {
        byRow[row] += head[line + column];
        byColumn[column] += head[line + column];
      }
    }
  }
  const [top, bottom] = extent(byRow);
  const [left, right] = extent(byColumn);
  const framed = Math.max((bottom - top) * pixelAspect, right - left) * (1 + 2 * margin);
  const side = Math.min(framed, Math.max(rows * pixelAspect, columns)); // more would only add black borders
  const height = side / pixelAspect;
  return { top: (top + bottom - height) / 2, left: (left + right - side) / 2, height, width: side };
}

function extent(profile: Float64Array): [first: number, end: number] {
  const least = FAINTEST_LINE * profile.reduce((most, value) => Math.max(most, value), 0);
  const inside = (value: number): boolean => value > least;
  return [profile.findIndex(inside), profile.findLastIndex(inside) + 1];
}
