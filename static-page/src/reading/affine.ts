/** The few matrix operations that geometry needs, 3×3 as rows. */

export type Matrix = number[][];

export function column(matrix: Matrix, index: number): number[] {
  return matrix.slice(0, 3).map((row) => row[index]);
}

export function norm(vector: readonly number[]): number {
  return Math.hypot(...vector);
}

export function cross(a: readonly number[], b: readonly number[]): number[] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function determinant(m: Matrix): number {
  return column(m, 0).reduce((all, value, index) => all + value * cross(column(m, 1), column(m, 2))[index], 0);
}

export function argmax(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > values[best] ? index : best), 0);
}

/** The rotation (or reflection) nearest to a matrix: its polar factor, by Newton's iteration. */
export function nearestRotation(matrix: Matrix): Matrix {
  let current = matrix;
  for (let step = 0; step < 50; step++) {
    const size = determinant(current);
    const columns = [0, 1, 2].map((index) => column(current, index));
    // Columns of the inverse's transpose.
    const dual = [0, 1, 2].map((index) => cross(columns[(index + 1) % 3], columns[(index + 2) % 3]).map((value) => value / size));
    const next = [0, 1, 2].map((row) => [0, 1, 2].map((col) => (columns[col][row] + dual[col][row]) / 2));
    const change = Math.max(...next.flatMap((row, r) => row.map((value, c) => Math.abs(value - current[r][c]))));
    current = next;
    if (change < 1e-14) break;
  }
  return current;
}
