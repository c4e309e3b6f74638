/** What an image's three channels show: gray, three sequences, or a photograph (`tumorscope.io.color`). */

import { median, percentile, sorted } from "../arrays/statistics";
import { extremes } from "../arrays/volume";
import type { Pixels } from "./pixels";

const BORDER_PX = 4;
const CLOSE = 0.08;
const DARKER = 0.06;
const LEAST_BACKGROUND = 0.55;
const MOST_DARKER = 0.2;
const GRAY = 0.035;

export type Meaning = "gray" | "sequences" | "photograph";

/** @param pixels of three channels */
export function classifyChannels({ data, rows, columns }: Pixels): Meaning {
  let equal = true;
  for (let at = 0; at < data.length && equal; at += 3) equal = data[at] === data[at + 1] && data[at] === data[at + 2];
  if (equal) return "gray";
  const scaled = unitScale(data);
  if (mostlyGray(scaled)) return "gray";
  return standsOnBackground(scaled, rows, columns) ? "sequences" : "photograph";
}

function unitScale(data: Pixels["data"]): Float32Array {
  if (data instanceof Uint8Array) return Float32Array.from(data, (value) => value / 255);
  const [low] = extremes(data);
  const high = Math.fround(percentile(sorted(data), 99.9));
  return Float32Array.from(data, (value) => (value - low) / Math.max(high - low, 1e-12));
}

/** Whether the bright pixels are gray but for labels and logos in color. */
function mostlyGray(scaled: Float32Array): boolean {
  let bright = 0;
  let colored = 0;
  for (let at = 0; at < scaled.length; at += 3) {
    const [low, high] = extremes(scaled.subarray(at, at + 3));
    if (high <= Math.fround(0.1)) continue;
    bright += 1;
    if (Math.fround(high - low) > Math.fround(GRAY)) colored += 1;
  }
  // Of too little nothing is decided: nearly empty slices stay three sequences.
  return bright >= (0.05 * scaled.length) / 3 && colored / bright < 0.1;
}

/** Air is the darkest value of every sequence, at the image's borders; a photograph fills its frame. */
function standsOnBackground(scaled: Float32Array, rows: number, columns: number): boolean {
  const width = Math.max(1, Math.min(BORDER_PX, rows >> 2, columns >> 2));
  const border: number[] = [];
  const add = (row: number, column: number): number => border.push((row * columns + column) * 3);
  for (let line = 0; line < width; line++) {
    for (let column = 0; column < columns; column++) {
      add(line, column);
      add(rows - 1 - line, column);
    }
    for (let row = 0; row < rows; row++) {
      add(row, line);
      add(row, columns - 1 - line);
    }
  }
  const background = [0, 1, 2].map((channel) => Math.fround(median(border.map((at) => scaled[at + channel]))));
  const alike = border.filter((at) => [0, 1, 2].every((channel) => Math.abs(scaled[at + channel] - background[channel]) < CLOSE)).length;
  const darker = [0, 0, 0];
  for (let at = 0; at < scaled.length; at++) if (scaled[at] < background[at % 3] - DARKER) darker[at % 3] += 1;
  return alike / border.length >= LEAST_BACKGROUND && Math.max(...darker) / (rows * columns) <= MOST_DARKER;
}
