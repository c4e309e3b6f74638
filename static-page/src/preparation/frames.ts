/** Bright frames around images, as screenshots and web pages have them: `tumorscope.preprocessing.frames`. */

import { median, percentile, sorted } from "../arrays/statistics";
import { borders, likeOf, strided, type Volume } from "../arrays/volume";

const BRIGHT = 0.25;
const EVEN = 0.04;
const LEAST_PX = 16;

/** Rows and columns, each from the first up to, but without, the last. */
type Region = [top: number, bottom: number, left: number, right: number];

/** The same images with the air's gray level in place of a bright frame of one level around all of them. */
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
  const sides = borders(volume);
  const level = Math.max(...sides.map((side) => median(side)));
  const extent = Math.max(percentile(coarse, 99), level) - low;
  if (!Number.isFinite(extent) || extent <= 0 || level - low < BRIGHT * extent) return null;
  const isEven = (value: number): boolean => Math.abs(value - level) <= EVEN * extent;
  if (!sides.some((side) => side.every(isEven))) return null;
  const [top, bottom, left, right] = imageRegion(volume, isEven);
  const [, rows, columns] = volume.shape;
  const whole = top === 0 && left === 0 && bottom === rows && right === columns;
  return whole || Math.min(bottom - top, right - left) < LEAST_PX ? null : [top, bottom, left, right];
}

function imageRegion({ data, shape }: Volume, isEven: (value: number) => boolean): Region {
  const [slices, rows, columns] = shape;
  const evenRows = new Array<boolean>(rows).fill(true);
  for (let slice = 0; slice < slices; slice++) {
    for (let row = 0; row < rows; row++) {
      const line = (slice * rows + row) * columns;
      for (let column = 0; column < columns && evenRows[row]; column++) evenRows[row] = isEven(data[line + column]);
    }
  }
  const [top, bottom] = imageLines(evenRows);
  const evenColumns = new Array<boolean>(columns).fill(true);
  for (let slice = 0; slice < slices; slice++) {
    for (let row = top; row < bottom; row++) {
      const line = (slice * rows + row) * columns;
      for (let column = 0; column < columns; column++) evenColumns[column] &&= isEven(data[line + column]);
    }
  }
  return [top, bottom, ...imageLines(evenColumns)];
}

/** The lines from the first to the last that is not even; where a frame ends, one line less. */
function imageLines(even: readonly boolean[]): [number, number] {
  const first = even.indexOf(false);
  if (first < 0) return [0, 0];
  const last = even.lastIndexOf(false);
  return [first && first + 1, last + (last === even.length - 1 ? 1 : 0)];
}
