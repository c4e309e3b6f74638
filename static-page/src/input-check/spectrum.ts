/** The logarithm of the power in bands of frequency, as shares of the whole. */

import { mean, sum } from "../arrays/statistics";
import { range } from "../arrays/volume";
import { SIDE } from "./views";

const BANDS = 8;
const SMALL = 1e-6;
const HALF = SIDE / 2 + 1;

export function spectrum(gray: Float32Array): number[] {
  const middle = mean(gray);
  const window = range(SIDE).map((index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / (SIDE - 1)));
  const sums = new Float64Array(BANDS + 1);
  const windowed = Float64Array.from(gray, (value, pixel) => (value - middle) * window[Math.floor(pixel / SIDE)] * window[pixel % SIDE]);
  const cosine = range(SIDE).map((index) => Math.cos((2 * Math.PI * index) / SIDE));
  const sine = range(SIDE).map((index) => Math.sin((2 * Math.PI * index) / SIDE));
  for (let across = 0; across < HALF; across++) {
    // The transform of each row at one frequency, then along the rows.
    const [real, imaginary] = [new Float64Array(SIDE), new Float64Array(SIDE)];
    for (let row = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) {
        const turn = (across * column) & (SIDE - 1);
        real[row] += windowed[row * SIDE + column] * cosine[turn];
        imaginary[row] -= windowed[row * SIDE + column] * sine[turn];
      }
    }
    for (let down = 0; down < SIDE; down++) {
      let [re, im] = [0, 0];
      for (let row = 0; row < SIDE; row++) {
        const turn = (down * row) & (SIDE - 1);
        re += real[row] * cosine[turn] + imaginary[row] * sine[turn];
        im += imaginary[row] * cosine[turn] - real[row] * sine[turn];
      }
      sums[band(down < SIDE / 2 ? down : down - SIDE, across)] += re * re + im * im;
    }
  }
  const bands = sums.subarray(1);
  const total = Math.max(sum(bands), 1e-9);
  return Array.from(bands, (value) => Math.log(value / total + SMALL));
}

/** 0 for the mean. */
function band(down: number, across: number): number {
  const place = Math.floor(Math.log2(Math.max(Math.hypot(down, across), SMALL)) * 1.5);
  return Math.min(Math.max(place, -1), BANDS - 1) + 1;
}
