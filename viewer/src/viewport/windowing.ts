/** Which intensities are black and which are white. */

import type { Volume } from "./volume";

export interface Window {
  low: number;
  high: number;
}

const MOST_SAMPLES = 250_000;
/**
 * Shares of the scan's voxels that lie below black and below white; the report's images use the same, of all voxels.
 * A background of one value, as brain extraction leaves it, is not counted: it would make every scan too bright.
 */
const DARKEST = 0.01;
const BRIGHTEST = 0.995;
/** From this share on a single value is a background; noise around a head has many values. */
const PLATEAU = 0.3;

export function autoWindow(volume: Volume): Window {
  const { voxels, dims: [columns, rows, slices], slope, intercept, min, max } = volume;
  const step = Math.max(1, Math.ceil(Math.sqrt(voxels.length / MOST_SAMPLES)));
  const samples: number[] = [];
  for (let slice = 0; slice < slices; slice += 1) {
    for (let row = 0; row < rows; row += step) {
      const start = columns * (row + rows * slice);
      for (let place = start; place < start + columns; place += step) {
        const value = voxels[place] as number;
        if (Number.isFinite(value)) samples.push(value);
      }
    }
  }
  const sorted = withoutPlateau(Float64Array.from(samples).sort());
  const at = (share: number): number => (sorted[Math.round(share * (sorted.length - 1))] ?? 0) * slope + intercept;
  const [low, high] = slope > 0 ? [at(DARKEST), at(BRIGHTEST)] : [at(1 - DARKEST), at(1 - BRIGHTEST)];
  if (high > low) return { low, high };
  return { low: min, high: max > min ? max : min + 1 };
}

/** Sorted values without the one that a background consists of; all of them where none does. */
function withoutPlateau(sorted: Float64Array): Float64Array {
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    while (end < sorted.length && sorted[end] === sorted[start]) end += 1;
    if (end - start < PLATEAU * sorted.length || end - start === sorted.length) continue;
    const rest = new Float64Array(sorted.length - (end - start));
    rest.set(sorted.subarray(0, start));
    rest.set(sorted.subarray(end), start);
    return rest;
  }
  return sorted;
}

/** A window that can be drawn: high above low by something. */
export function sound({ low, high }: Window, volume: Volume): Window {
  const least = Math.max((volume.max - volume.min) / 4096, Number.EPSILON * Math.abs(high), 1e-12);
  return high - low >= least ? { low, high } : { low, high: low + least };
}

/** As viewers turn it: to the right for a wider window, down for a higher level. */
export function dragged(from: Window, volume: Volume, dx: number, dy: number): Window {
  const range = Math.max(volume.max - volume.min, 1e-9);
  const width = Math.max((from.high - from.low) * Math.exp(dx / 220), range / 1000);
  const level = (from.low + from.high) / 2 + (dy / 500) * Math.min(range, 4 * (from.high - from.low));
  return sound({ low: level - width / 2, high: level + width / 2 }, volume);
}

/** Gray of 0..255 for stored values. */
export function grayer(volume: Volume, { low, high }: Window): (stored: number) => number {
  const scale = 255 / (high - low);
  const gain = volume.slope * scale;
  const offset = (volume.intercept - low) * scale + 0.5;
  return (stored) => {
    const gray = stored * gain + offset;
    return gray >= 255 ? 255 : gray > 0 ? gray | 0 : 0;
  };
}

/** A value as people read it: whole where the sequence is in whole numbers. */
export function valueText(value: number, volume: Volume): string {
  if (!Number.isFinite(value)) return "–";
  const whole = !(volume.voxels instanceof Float32Array || volume.voxels instanceof Float64Array) && volume.slope === 1;
  if (whole || Math.abs(value) >= 10_000) return value.toFixed(0);
  const range = volume.max - volume.min;
  return value.toFixed(range > 200 ? 1 : range > 2 ? 2 : 4);
}
