/** The contour of a mask: marching squares on its probability, so that it runs between pixel centers. */

/**
 * @param field probability of each pixel
 * @returns line segments as x₁, y₁, x₂, y₂ in pixels, the image's corner at zero
 */
export function contourSegments(field: Float32Array, rows: number, columns: number, level: number): Float32Array {
  const at = (row: number, column: number): number =>
    row < 0 || column < 0 || row >= rows || column >= columns ? 0 : field[row * columns + column];
  const segments: number[] = [];
  for (let row = -1; row < rows; row++) {
    for (let column = -1; column < columns; column++) {
      const corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
      const inside = corners.map((value) => value >= level);
      if (inside.every((value) => value === inside[0])) continue;
      const crossing = (edge: number): [number, number] => {
        const next = (edge + 1) % 4;
        const share = (level - corners[edge]) / (corners[next] - corners[edge]);
        const [x, y] = CORNERS[edge];
        const [toX, toY] = CORNERS[next];
        return [column + 0.5 + x + (toX - x) * share, row + 0.5 + y + (toY - y) * share];
      };
      const edges = [0, 1, 2, 3].filter((edge) => inside[edge] !== inside[(edge + 1) % 4]);
      // Where two opposite corners are inside, each is cut off by itself.
      if (edges.length === 4 && inside[0]) edges.unshift(edges.pop() as number);
      for (let pair = 0; pair < edges.length; pair += 2) segments.push(...crossing(edges[pair]), ...crossing(edges[pair + 1]));
    }
  }
  return Float32Array.from(segments);
}

const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]] as const;
