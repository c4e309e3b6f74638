/**
 * Signed distances to the edge of a shape in a plane, exact in millimeters.
 *
 * Squared distances by two passes of lower envelopes of parabolas (Felzenszwalb and Huttenlocher, 2012).
 */

const FAR = 1e20;

/**
 * Negative inside. Zero is half-way between pixel centers for pixels of one size.
 *
 * @param spacing of the pixels, across and down.
 * @returns for a shape without pixels, large values everywhere.
 */
export function signedDistance(pixels: Uint8Array, width: number, height: number, spacing: readonly [number, number]): Float64Array {
  const outside = toNearest(pixels, width, height, spacing, 1);
  const inside = toNearest(pixels, width, height, spacing, 0);
  const half = Math.min(...spacing) / 2;
  return outside.map((far, place) => (pixels[place] ? half - (inside[place] as number) : far - half));
}

/** Each pixel's distance to the nearest one that is in the shape (1) or out of it (0). */
function toNearest(pixels: Uint8Array, width: number, height: number, [across, down]: readonly [number, number], wanted: 0 | 1): Float64Array {
  const squares = Float64Array.from(pixels, (pixel) => (Boolean(pixel) === Boolean(wanted) ? 0 : FAR));
  const line = new Float64Array(Math.max(width, height));
  for (let u = 0; u < width; u += 1) {
    for (let v = 0; v < height; v += 1) line[v] = squares[v * width + u] as number;
    const near = envelope(line, height, down);
    for (let v = 0; v < height; v += 1) squares[v * width + u] = near[v] as number;
  }
  for (let v = 0; v < height; v += 1) {
    line.set(squares.subarray(v * width, (v + 1) * width));
    squares.set(envelope(line, width, across), v * width);
  }
  return squares.map(Math.sqrt);
}

/** For each place the least of `values[other] + (distance to other)²`. */
function envelope(values: Float64Array, length: number, step: number): Float64Array {
  const lowest = new Int32Array(length);
  const begins = new Float64Array(length + 1);
  let last = 0;
  begins[0] = -Infinity;
  begins[1] = Infinity;
  const height = (place: number): number => (values[place] as number) + (place * step) ** 2;
  for (let place = 1; place < length; place += 1) {
    let meet = 0;
    for (;;) {
      const other = lowest[last] as number;
      meet = (height(place) - height(other)) / (2 * step * step * (place - other));
      if (meet > (begins[last] as number)) break;
      last -= 1;
    }
    last += 1;
    lowest[last] = place;
    begins[last] = meet;
    begins[last + 1] = Infinity;
  }
  const found = new Float64Array(length);
  for (let place = 0, at = 0; place < length; place += 1) {
    while ((begins[at + 1] as number) < place) at += 1;
    const other = lowest[at] as number;
    found[place] = (values[other] as number) + ((place - other) * step) ** 2;
  }
  return found;
}
