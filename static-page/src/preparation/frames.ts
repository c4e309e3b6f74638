/** Bright frames around images, as screenshots and web pages have them: `tumorscope.preprocessing.frames`. */

import { median, percentile, sorted } from "../arrays/statistics";
import { borders, likeOf, strided, type Volume } from "../arrays/volume";

const BRIGHT = 0.25;
const STEP = 0.1;
const EVEN = 0.12;
const LEAST_PX = 16;

/** Rows and columns, each from the first up to, but without, the last. */
type Region = [top: number, bottom: number, left: number, right: number];

/** The same images with the air's gray level in place of a bright frame around all of them. */
export function withoutFrame(volume: Volume): Volume {
  const region = insideFrame(volume);
  if (!region) return volume;
  const inside = cropped(volume, region);
  const air = median(borders(inside).flat());
  const data = likeOf(volume.data, volume.data.length).fill(air);
  const [slices, rows, columns] = volume.shape;
  const [top, bottom, left, right] = region;
  for (let slice = 0; slice < slices; slice++) {
    for (let row = top; row < bottom; row++) {
      const line = (slice * rows + row) * columns;
      data.set(volume.data.subarray(line + left, line + right), line + left);
    }
  }
  return { data, shape: volume.shape };
}

function cropped({ data, shape }: Volume, [top, bottom, left, right]: Region): Volume {
  const [slices, rows, columns] = shape;
  const result = likeOf(data, slices * (bottom - top) * (right - left));
  let next = 0;
  for (let slice = 0; slice < slices; slice++) {
    for (let row = top; row < bottom; row++) {
      const line = (slice * rows + row) * columns;
      result.set(data.subarray(line + left, line + right), next);
      next += right - left;
    }
  }
  return { data: result, shape: [slices, bottom - top, right - left] };
}

/** The image inside a frame; null where there is no frame. */
function insideFrame(volume: Volume): Region | null {
  const coarse = sorted(strided(volume, Math.max(1, volume.shape[0] >> 3), 4).data);
  const low = percentile(coarse, 1);
  const high = Math.max(percentile(coarse, 99), ...borders(volume).map((side) => median(side)));
  if (!Number.isFinite(high - low) || high <= low) return null;
  const [, rows, columns] = volume.shape;
  const [top, bottom] = inside(rows, (row) => lineOf(volume, row, 0, columns, 1), low, high);
  const [left, right] = inside(columns, (column) => lineOf(volume, top, column, bottom - top, columns), low, high);
  const whole = top === 0 && left === 0 && bottom === rows && right === columns;
  return whole || Math.min(bottom - top, right - left) < LEAST_PX ? null : [top, bottom, left, right];
}

/** The pixels of a line in all slices, from a row and a column on. */
function lineOf({ data, shape }: Volume, row: number, column: number, length: number, step: number): number[] {
  const [slices, rows, columns] = shape;
  const line: number[] = [];
  for (let slice = 0; slice < slices; slice++) {
    const start = (slice * rows + row) * columns + column;
    for (let place = 0; place < length; place++) line.push(data[start + place * step]);
  }
  return line;
}

/** The lines between two sides of a frame, where there are any. */
function inside(count: number, line: (index: number) => number[], low: number, high: number): [number, number] {
  const first = frameWidth(count, line, low, high);
  const last = count - frameWidth(count, (index) => line(count - 1 - index), low, high);
  return first < last ? [first, last] : [0, 0];
}

/** How many lines from the edge on are a frame's, with the one where it meets the image; 0 without a frame. */
function frameWidth(count: number, line: (index: number) => number[], low: number, high: number): number {
  let level = low;
  for (let width = 0; width < count; width++) {
    const values = sorted(line(width));
    const [darkest, middle, brightest] = [2, 50, 98].map((percent) => percentile(values, percent));
    if (brightest - darkest <= EVEN * (high - low) && middle - low >= BRIGHT * (high - low)) {
      level = middle;
      continue;
    }
    const within = median(line(Math.min(width + 1, count - 1)));
    return width > 0 && level - within >= STEP * (high - low) ? width + 1 : 0;
  }
  return 0;
}
