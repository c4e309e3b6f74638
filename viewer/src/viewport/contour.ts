/**
 * The contour of a mask, half-way between pixel centers (marching squares at level 0.5).
 *
 * Pixels that touch by a corner belong together, as they do in a lesion and in its diameters.
 */

/** Closed lines; each is u, v, u, v, … in voxels, whole numbers being pixel centers. */
export type Loops = Float32Array[];

/** Half steps from a square's top left pixel center: 0 top, 1 right, 2 bottom, 3 left. */
const SIDES = [[1, 0], [2, 1], [1, 2], [0, 1]] as const;

/**
 * For a square's code (1 top left, 2 top right, 4 bottom right, 8 bottom left), from which side to
 * which: the lesion always on the right of the line's way.
 */
const LINES: readonly (readonly (readonly [number, number])[])[] = [
  [], [[0, 3]], [[1, 0]], [[1, 3]], [[2, 1]], [[0, 1], [2, 3]], [[2, 0]], [[2, 3]],
  [[3, 2]], [[0, 2]], [[1, 2], [3, 0]], [[1, 2]], [[3, 1]], [[0, 1]], [[3, 0]], [],
];

/** @param pixels rows one after another, anything but zero is inside. */
export function contourOf(pixels: Uint8Array, width: number, height: number): Loops {
  const box = boxOf(pixels, width, height);
  if (!box) return [];
  const inside = (u: number, v: number): boolean => u >= 0 && v >= 0 && u < width && v < height && pixels[v * width + u] !== 0;
  // Points lie on half steps, counted from (-1, -1); a point belongs to one line's end and one line's start.
  const across = 2 * (width + 2);
  const next = new Map<number, number>();
  for (let v = box.top - 1; v <= box.bottom; v += 1) {
    for (let u = box.left - 1; u <= box.right; u += 1) {
      const code = (inside(u, v) ? 1 : 0) | (inside(u + 1, v) ? 2 : 0) | (inside(u + 1, v + 1) ? 4 : 0) | (inside(u, v + 1) ? 8 : 0);
      for (const [from, to] of LINES[code] ?? []) {
        next.set(point(u, v, from, across), point(u, v, to, across));
      }
    }
  }
  return loops(next, across);
}

function point(u: number, v: number, side: number, across: number): number {
  const [right, below] = SIDES[side] ?? [0, 0];
  return (2 * (v + 1) + below) * across + 2 * (u + 1) + right;
}

function loops(next: Map<number, number>, across: number): Loops {
  const found: Loops = [];
  for (const start of [...next.keys()]) {
    if (!next.has(start)) continue;
    const line: number[] = [];
    let at = start;
    for (let following = next.get(at); following !== undefined; following = next.get(at)) {
      line.push((at % across) / 2 - 1, Math.floor(at / across) / 2 - 1);
      next.delete(at);
      at = following;
    }
    found.push(Float32Array.from(line));
  }
  return found;
}

function boxOf(pixels: Uint8Array, width: number, height: number): { left: number; right: number; top: number; bottom: number } | null {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let v = 0; v < height; v += 1) {
    for (let u = 0, place = v * width; u < width; u += 1, place += 1) {
      if (!pixels[place]) continue;
      if (u < left) left = u;
      if (u > right) right = u;
      if (v < top) top = v;
      bottom = v;
    }
  }
  return right < 0 ? null : { left, right, top, bottom };
}
