/** NumPy's percentile and median. */

/** A sorted copy, in double precision. */
export function sorted(values: ArrayLike<number>): Float64Array {
  return new Float64Array(values).sort();
}

/**
 * NumPy's linear percentile of values that are sorted already.
 *
 * @param round rounding to the type in which NumPy interpolates: that of the values for one percentile, double for several
 */
export function percentile(
  ascending: Float64Array,
  percent: number,
  round: (value: number) => number = (value) => value,
): number {
  const position = (ascending.length - 1) * (percent / 100);
  const index = Math.floor(position);
  const share = round(position - index);
  const low = ascending[index];
  const high = ascending[Math.min(index + 1, ascending.length - 1)];
  const step = round(high - low);
  return share >= 0.5 ? round(high - round(step * round(1 - share))) : round(low + round(step * share));
}

/** NumPy's median. */
export function median(values: ArrayLike<number>, round: (value: number) => number = (value) => value): number {
  const ascending = sorted(values);
  const middle = ascending.length >> 1;
  return ascending.length % 2 ? ascending[middle] : round(round(ascending[middle - 1] + ascending[middle]) / 2);
}

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let index = 0; index < values.length; index++) total += values[index];
  return total;
}

export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}
