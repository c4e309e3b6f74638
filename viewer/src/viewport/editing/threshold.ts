/** The intensities that the threshold brush draws on, for each sequence its own. */

import type { Mask } from "../mask";
import type { Volume } from "../volume";
import type { Window } from "../windowing";

const MOST_SAMPLES = 50_000;
/** This share of the mask is darker than what is suggested. */
const DARKER = 0.1;

export class Thresholds {
  on = false;
  private readonly ranges = new Map<string, Window>();

  /** The range of a sequence: what was set, else what the mask suggests. */
  of(volume: Volume, window: Window, mask: Mask | null): Window {
    const known = this.ranges.get(volume.name);
    if (known) return known;
    const found = suggestedRange(volume, window, mask);
    if (mask) this.ranges.set(volume.name, found);
    return found;
  }

  set(volume: Volume, range: Window): void {
    this.ranges.set(volume.name, range);
  }
}

/** As bright as most of the mask or brighter; without a mask, the brighter half of what is shown. */
export function suggestedRange(volume: Volume, window: Window, mask: Mask | null): Window {
  const inside = mask?.inside.reduce((sum, count) => sum + count, 0) ?? 0;
  if (!mask || !inside) return { low: (window.low + window.high) / 2, high: volume.max };
  const step = Math.max(1, Math.ceil(inside / MOST_SAMPLES));
  const values: number[] = [];
  for (let place = 0, met = 0; place < mask.voxels.length; place += 1) {
    if (!mask.voxels[place]) continue;
    const value = (volume.voxels[place] as number) * volume.slope + volume.intercept;
    if (met % step === 0 && Number.isFinite(value)) values.push(value);
    met += 1;
  }
  const sorted = Float64Array.from(values).sort();
  return { low: sorted[Math.floor(DARKER * sorted.length)] ?? volume.min, high: volume.max };
}

/** Whether a voxel's intensity is in a range; both ends are, and what is not a number is not. */
export function within(volume: Volume, { low, high }: Window): (place: number) => boolean {
  const { voxels, slope, intercept } = volume;
  return (place) => {
    const value = (voxels[place] as number) * slope + intercept;
    return value >= low && value <= high;
  };
}
