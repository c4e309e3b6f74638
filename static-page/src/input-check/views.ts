/** What the input check looks at: a slice framed to what stands out (`tumorscope.preprocessing.input_check.views`). */

import { median, percentile, sorted } from "../arrays/statistics";
import { borders, extremes, rounding, type Volume } from "../arrays/volume";
import { CropResize } from "../preparation/crop-resize";
import { withoutFrame } from "../preparation/frames";
import { headBox, headMask } from "../preparation/head";

export const SIDE = 64;
const ENOUGH_PX = 128;
const BRIGHTEST = 95;
const SPIKE = 1e5;
const LARGEST = 1e20;

/** A slice at one size with gray values from zero to one, and ones for the head. */
export interface View {
  readonly gray: Float32Array;
  readonly head: Uint8Array;
}

/** @param image one slice */
export function headView(image: Volume, pixelAspect: number): View {
  const reduced = averagedDown(withoutFrame(image));
  const [, rows, columns] = reduced.shape;
  const head = headMask(reduced);
  const dark = darkAround(reduced, head);
  const cropResize = new CropResize([rows, columns], headBox(head, reduced.shape, pixelAspect), SIDE);
  const view = cropResize.forward(dark);
  const ascending = sorted(view);
  const [low, high] = [0.5, 99.5].map((percent) => Math.fround(percentile(ascending, percent)));
  if (high - low <= 1e-6) return { gray: new Float32Array(view.length), head: new Uint8Array(view.length).fill(1) };
  return {
    gray: view.map((value) => Math.min(Math.max((value - low) / (high - low), 0), 1)),
    head: Uint8Array.from(cropResize.forward(head), (value) => (value > 0.5 ? 1 : 0)),
  };
}

/** With the air at zero, so that large offsets cost no digits; large images as means of square blocks. */
function averagedDown(image: Volume): Volume {
  const data = withoutSpikes(image.data);
  const [, rows, columns] = image.shape;
  const step = Math.max(1, Math.floor(Math.min(rows, columns) / ENOUGH_PX));
  const [height, width] = [Math.floor(rows / step), Math.floor(columns / step)];
  const air = median(borders({ data, shape: image.shape }).flat());
  const round = rounding(image.data);
  const total = new Float32Array(height * width);
  for (let row = 0; row < step; row++) {
    for (let column = 0; column < step; column++) {
      for (let pixel = 0; pixel < total.length; pixel++) {
        const from = (Math.floor(pixel / width) * step + row) * columns + (pixel % width) * step + column;
        total[pixel] += round(data[from] - air);
      }
    }
  }
  const most = Math.max(...extremes(total).map(Math.abs), 1e-30);
  return { data: total.map((value) => value / most), shape: [1, height, width] };
}

/** The few pixels that are far out of all proportion, brought nearer. */
function withoutSpikes(data: Volume["data"]): Volume["data"] {
  if (data.BYTES_PER_ELEMENT <= 2) return data;
  const clipped = Float64Array.from(data, (value) => Math.min(Math.max(value, -LARGEST), LARGEST));
  const ascending = clipped.slice().sort();
  const [low, high] = [percentile(ascending, 0.5), percentile(ascending, 99.5)];
  if (low === high) return clipped;
  const [least, most] = [low - SPIKE * (high - low), high + SPIKE * (high - low)];
  return clipped.map((value) => Math.min(Math.max(value, least), most));
}

/** Black for white where the air is as bright as the head's brightest, as on inverted displays. */
function darkAround(image: Volume, head: Uint8Array): Float32Array {
  const data = image.data as Float32Array;
  const inside = sorted(data.filter((_, pixel) => head[pixel]));
  const inverted = median(borders(image).flat()) >= percentile(inside, BRIGHTEST);
  const [, most] = extremes(data);
  return inverted ? data.map((value) => most - value) : data;
}
