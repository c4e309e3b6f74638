import assert from "node:assert/strict";
import { test } from "node:test";
import { contourOf, type Loops } from "../../src/viewport/contour";

function pixels(...rows: string[]): [Uint8Array, number, number] {
  const width = rows[0]?.length ?? 0;
  return [Uint8Array.from(rows.join(""), (mark) => (mark === "#" ? 1 : 0)), width, rows.length];
}

/** Positive where the way round is clockwise on the screen. */
function area(loop: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < loop.length; at += 2) {
    const next = (at + 2) % loop.length;
    sum += (loop[at] as number) * (loop[next + 1] as number) - (loop[next] as number) * (loop[at + 1] as number);
  }
  return sum / 2;
}

const areas = (loops: Loops): number[] => loops.map(area).sort((one, other) => one - other);

test("a single pixel is a diamond, half a pixel from its center on every side", () => {
  const [loop, ...others] = contourOf(...pixels("...", ".#.", "..."));
  assert.equal(others.length, 0);
  const points = new Set<string>();
  for (let at = 0; at < (loop?.length ?? 0); at += 2) points.add(`${loop?.[at]} ${loop?.[at + 1]}`);
  assert.deepEqual([...points].sort(), ["0.5 1", "1 0.5", "1 1.5", "1.5 1"]);
});

test("a rectangle loses an eighth of a pixel at each corner and reaches half a pixel out", () => {
  const [loop] = contourOf(...pixels("......", ".####.", ".####.", "......"));
  assert.ok(loop);
  assert.equal(area(loop), 8 - 4 / 8);
  assert.deepEqual([Math.min(...loop.filter((_, at) => at % 2 === 0)), Math.max(...loop.filter((_, at) => at % 2 === 0))], [0.5, 4.5]);
});

test("a mask at the image's edge closes outside it", () => {
  const [loop] = contourOf(...pixels("##", "##"));
  assert.ok(loop);
  assert.equal(area(loop), 4 - 0.5);
  assert.equal(Math.min(...loop), -0.5);
});

test("a hole is a line of its own, the other way round", () => {
  assert.deepEqual(areas(contourOf(...pixels(".....", ".###.", ".#.#.", ".###.", "....."))), [-0.5, 9 - 0.5]);
});

test("pixels that touch by a corner belong together, both ways", () => {
  assert.equal(contourOf(...pixels("#.", ".#")).length, 1);
  assert.equal(contourOf(...pixels(".#", "#.")).length, 1);
});

test("two lesions are two lines, no lesion none", () => {
  assert.equal(contourOf(...pixels("#..#", "#..#")).length, 2);
  assert.deepEqual(contourOf(new Uint8Array(12), 4, 3), []);
});

test("every neighboring pair of which one is inside is cut once, and no other", () => {
  let state = 7;
  const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  const [width, height] = [17, 13];
  const mask = Uint8Array.from({ length: width * height }, () => (random() < 0.45 ? 1 : 0));
  const inside = (u: number, v: number): number => (u < 0 || v < 0 || u >= width || v >= height ? 0 : (mask[v * width + u] ?? 0));
  const expected = new Set<string>();
  for (let v = -1; v <= height; v += 1) {
    for (let u = -1; u <= width; u += 1) {
      if (inside(u, v) !== inside(u + 1, v)) expected.add(`${u + 0.5} ${v}`);
      if (inside(u, v) !== inside(u, v + 1)) expected.add(`${u} ${v + 0.5}`);
    }
  }
  const found: string[] = [];
  for (const loop of contourOf(mask, width, height)) for (let at = 0; at < loop.length; at += 2) found.push(`${loop[at]} ${loop[at + 1]}`);
  assert.equal(found.length, new Set(found).size);
  assert.deepEqual(new Set(found), expected);
});
