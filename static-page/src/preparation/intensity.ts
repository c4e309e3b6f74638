/** Intensities on one scale, whatever the scanner's units: `tumorscope.preprocessing.intensity`. */

import { percentile } from "../arrays/statistics";

const LOWEST = -4;
const HIGHEST = 6;
const MANY_PIXELS = 1_000_000;

const PERCENTILES = [0.5, 1, 2, ...Array.from({ length: 19 }, (_, index) => 5 * (index + 1)), 98, 99, 99.5];
const STANDARD = [
  ...[-1.81, -1.76, -1.67, -1.46, -1.15, -0.89, -0.67, -0.51, -0.38, -0.27, -0.18, -0.09],
  0,
  ...[0.09, 0.18, 0.28, 0.38, 0.51, 0.68, 0.95, 1.32, 1.83, 2.32, 2.57, 2.76],
];
const MIDDLE = STANDARD.length >> 1;
const SAME_LEVEL = 1e-6;

/** An increasing piecewise linear map from gray levels to the network's scale. */
export interface IntensityMap {
  readonly levels: readonly number[];
  readonly standard: readonly number[];
}

/**
 * The map of the head's percentiles onto those of an average head MRI slice.
 *
 * @param inside gray levels of the head's pixels in all slices, in their order
 * @returns null for an image without any contrast
 */
export function standardMap(inside: ArrayLike<number>): IntensityMap | null {
  const stride = Math.max(1, Math.floor(inside.length / MANY_PIXELS));
  const ascending = new Float64Array(Math.ceil(inside.length / stride));
  for (let index = 0; index < ascending.length; index++) ascending[index] = inside[index * stride];
  ascending.sort();
  const found = PERCENTILES.map((percent) => percentile(ascending, percent));
  const middle = found[MIDDLE];
  const [levels, standard] = merged(found);
  const last = levels.length - 1;
  if (last < 1) return null;
  const below = Math.max(middle - levels[0], levels[1] - levels[0]);
  const above = Math.max(levels[last] - middle, levels[last] - levels[last - 1]);
  const darkest = STANDARD[0];
  const brightest = STANDARD[STANDARD.length - 1];
  return {
    levels: [
      levels[0] - (below * (standard[0] - LOWEST)) / -darkest,
      ...levels,
      levels[last] + (above * (HIGHEST - standard[last])) / brightest,
    ],
    standard: [LOWEST, ...standard, HIGHEST],
  };
}

/**
 * Several percentiles on one gray level: that level gets the middle of their standard values.
 *
 * Rounding may have split the level: percentiles nearer than {@link SAME_LEVEL} of their range are one.
 */
function merged(found: readonly number[]): [levels: number[], standard: number[]] {
  const least = SAME_LEVEL * (found[found.length - 1] - found[0]);
  const groups: { level: number; values: number[] }[] = [];
  found.forEach((level, index) => {
    if (index > 0 && level - found[index - 1] <= least) groups[groups.length - 1].values.push(STANDARD[index]);
    else groups.push({ level, values: [STANDARD[index]] });
  });
  return [
    groups.map(({ level }) => level),
    groups.map(({ values }) => values.reduce((all, one) => all + one, 0) / values.length),
  ];
}

/** NumPy's `interp` for every pixel; zeros without a map. */
export function applyMap(image: Float32Array, map: IntensityMap | null): Float32Array {
  const result = new Float32Array(image.length);
  if (!map) return result;
  const { levels, standard } = map;
  const last = levels.length - 1;
  const slopes = levels.slice(1).map((level, index) => (standard[index + 1] - standard[index]) / (level - levels[index]));
  for (let index = 0; index < image.length; index++) {
    const value = image[index];
    if (value <= levels[0]) result[index] = standard[0];
    else if (value >= levels[last]) result[index] = standard[last];
    else {
      let [low, high] = [0, last];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (value >= levels[middle]) low = middle;
        else high = middle;
      }
      result[index] = slopes[low] * (value - levels[low]) + standard[low];
    }
  }
  return result;
}
