/** Which slices of a thin volume are analyzed: `tumorscope.preprocessing.sampling`. */

import { range } from "../arrays/volume";

/** Ratios so little below a limit count as the limit. */
const NEAR = 0.01;

/** Rising indices of the analyzed slices; the last slice is one of them. */
export function sampleSlices(count: number, spacingMm: number | null, distanceMm: number | null): number[] {
  if (spacingMm === null || distanceMm === null || count < 2) return range(count);
  const wanted = Math.max(1, Math.trunc(distanceMm / 2 / spacingMm + NEAR));
  const stride = Math.min(wanted, Math.max(1, Math.floor((count - 1) / 2)));
  const chosen = range(Math.ceil(count / stride)).map((index) => index * stride);
  if (chosen[chosen.length - 1] !== count - 1) chosen.push(count - 1);
  return chosen;
}

/** For each slice the analyzed one before it, by position, and the share of the next. */
export function between(count: number, sampled: readonly number[]): { lower: number; share: number }[] {
  let lower = 0;
  return range(count).map((slice) => {
    while (lower < sampled.length - 2 && sampled[lower + 1] <= slice) lower += 1;
    if (sampled.length < 2) return { lower: 0, share: 0 };
    return { lower, share: (slice - sampled[lower]) / (sampled[lower + 1] - sampled[lower]) };
  });
}
