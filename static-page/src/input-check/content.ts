/** What the values show instead of a structural MRI (`tumorscope.preprocessing.input_check.content`). */

import { median } from "../arrays/statistics";
import { extremes, slicesOf, spreadEvenly, type Volume } from "../arrays/volume";

const MOST_SLICES = 24;
const MOST_LABELS = 32;
const CONSTANT = 0.65;
const NEARLY_ONE = 0.95;
const CERTAIN = 0.1;
const ROUNDING = 1e-3;
const TISSUE_MM2_S = [3e-4, 3e-3] as const;
const FASTEST_MM2_S = 0.02;

/** A sentence, or null where the values are those of an MRI. */
export function contentReason(volume: Volume): string | null {
  const some = slicesOf(volume, spreadEvenly(volume.shape[0], MOST_SLICES));
  const [low, high] = extremes(some.data);
  const whole = some.data.every((value: number) => Number.isInteger(value));
  if (low >= 0 && high > 0 && whole && isLabelMap(some)) return "This looks like a label map (a segmentation or an atlas), not an MRI.";
  const real = some.data instanceof Float32Array || some.data instanceof Float64Array;
  if (real && low >= 0 && high >= NEARLY_ONE && high <= 1 + ROUNDING && isProbabilityMap(some)) {
    return "This looks like a tissue probability map, not an MRI.";
  }
  if (low <= -900 && isCt(some)) return "This looks like a CT in Hounsfield units, not an MRI.";
  if (real && high > 0 && high < FASTEST_MM2_S && isDiffusivity(some)) {
    return "This looks like a map of diffusion coefficients in mm²/s, not a structural MRI.";
  }
  return null;
}

/** Few values that are constant over regions. */
function isLabelMap({ data, shape }: Volume): boolean {
  const values = new Set<number>();
  for (let index = 0; index < data.length && values.size <= MOST_LABELS; index++) if (data[index] > 0) values.add(data[index]);
  if (values.size > MOST_LABELS) return false;
  let [equal, both] = [0, 0];
  const compare = (one: number, other: number): void => {
    if (!(one > 0 && other > 0)) return;
    both += 1;
    if (one === other) equal += 1;
  };
  const [, rows, columns] = shape;
  for (let index = 0; index < data.length; index++) {
    if (index % columns) compare(data[index], data[index - 1]);
    if (Math.floor(index / columns) % rows) compare(data[index], data[index - columns]);
  }
  return both > 0 && equal / both >= CONSTANT;
}

/** Fractions from zero to one that are mostly near either end. */
function isProbabilityMap({ data }: Volume): boolean {
  const [certain, inside, between] = [
    count(data, (value) => value >= NEARLY_ONE),
    count(data, (value) => value > ROUNDING),
    count(data, (value) => value > 0.3 && value < 0.7),
  ];
  return certain >= CERTAIN * inside && between < 1.5 * certain;
}

/** Air near −1000 HU around soft tissue near 40 HU. */
function isCt({ data }: Volume): boolean {
  const air = count(data, (value) => value > -1100 && value < -900);
  const tissue = count(data, (value) => value > -500);
  const soft = count(data, (value) => value > -20 && value < 100);
  return air >= 0.1 * data.length && soft >= 0.3 * tissue && 0.3 * tissue > 0.01 * data.length;
}

/** Values as small as mm²/s, tissue's median below free water. */
function isDiffusivity({ data }: Volume): boolean {
  const [low, high] = TISSUE_MM2_S;
  const tissue = Array.from(data).filter((value) => value > low / 3);
  if (!tissue.length) return false;
  const middle = median(tissue);
  return low <= middle && middle <= high;
}

function count(data: Volume["data"], test: (value: number) => boolean): number {
  let found = 0;
  for (let index = 0; index < data.length; index++) if (test(data[index])) found += 1;
  return found;
}
