/** Percentiles and sums. */

/** A sorted copy, in double precision. */
export function sorted(values: ArrayLike<number>): Float64Array {
  return new Float64Array(values).sort();
}

/** Interpolated linearly between values that are sorted already: `tumorscope.preprocessing.percentiles`. */
export function percentile(ascending: Float64Array, percent: number): number {
  const position = (percent / 100) * (ascending.length - 1);
  const index = Math.floor(position);
  const low = ascending[index];
  const high = ascending[Math.min(index + 1, ascending.length - 1)];
  return high > low ? low + (high - low) * (position - index) : low;
}

export function median(values: ArrayLike<number>): number {
  return percentile(sorted(values), 50);
}

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let index = 0; index < values.length; index++) total += values[index];
  return total;
}

export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}
