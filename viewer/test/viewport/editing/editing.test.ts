import assert from "node:assert/strict";
import { test } from "node:test";
import { click } from "../../../src/viewport/editing/clicks";
import { componentAt } from "../../../src/viewport/editing/component";
import { enclosed } from "../../../src/viewport/editing/plane-components";
import { suggestedRange, within } from "../../../src/viewport/editing/threshold";
import { acquiredPlane, gridOf, threePlanes, type Voxel } from "../../../src/viewport/geometry";
import { Mask } from "../../../src/viewport/mask";
import { Volume } from "../../../src/viewport/volume";
import { COUNTED } from "../../../src/wording";
import { count, disc, pixels, stack } from "./shapes";

const DIMS: Voxel = [40, 30, 5];
const GRID = gridOf(DIMS, [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]]);
const PLANE = acquiredPlane(GRID);
const at = ([column, row, slice]: Voxel): number => column + 40 * (row + 30 * slice);

test("a lesion is what touches by faces, edges and corners", () => {
  const voxels = new Uint8Array(40 * 30 * 5);
  const lesion: Voxel[] = [[5, 5, 1], [6, 6, 2], [6, 7, 2], [7, 8, 3]];
  for (const voxel of [...lesion, [9, 8, 3] as Voxel]) voxels[at(voxel)] = 1;
  assert.deepEqual([...componentAt(voxels, DIMS, [6, 6, 2])].sort((one, other) => one - other), lesion.map(at).sort((one, other) => one - other));
  assert.equal(componentAt(voxels, DIMS, [20, 20, 2]).length, 0);
});

test("removing a lesion leaves the others, tells where it was, and undo brings it back", () => {
  const small = disc(40, 30, [10, 10], 4);
  const both = small.map((pixel, place) => (pixel || disc(40, 30, [30, 20], 5)[place] ? 1 : 0));
  const mask = new Mask(GRID, stack(DIMS, { 1: both, 2: both }));
  const before = mask.voxels.slice();
  const words = click("remove", mask, GRID, PLANE, [10.3, 9.8, 1], COUNTED);
  assert.equal(words, `Lesion removed: ${2 * count(small)} voxels on slices 2 to 3.`);
  assert.equal(mask.voxels.filter(Boolean).length, before.filter(Boolean).length - 2 * count(small));
  assert.match(click("remove", mask, GRID, PLANE, [10, 10, 1], COUNTED), /no lesion/);
  assert.equal(mask.undo(), 2);
  assert.deepEqual(mask.voxels, before);
});

test("a contour that touches itself only by corners is closed; one with a gap is not", () => {
  const closed = pixels([".....", "..#..", ".#.#.", "..#..", "....."]);
  assert.deepEqual([...(enclosed(closed, 5, 5, [2, 2]) ?? [])], [12]);
  const open = pixels([".....", "..#..", ".#...", "..#..", "....."]);
  assert.equal(enclosed(open, 5, 5, [2, 2]), null);
  assert.equal(enclosed(closed, 5, 5, [2, 1])?.length, 0);
});

test("filling closes a hole on its slice alone, in any plane", () => {
  const ring = disc(40, 30, [20, 15], 8).map((pixel, place) => (pixel && !disc(40, 30, [20, 15], 5)[place] ? 1 : 0));
  const mask = new Mask(GRID, stack(DIMS, { 1: ring, 3: ring }));
  assert.match(click("fill", mask, GRID, PLANE, [20, 15, 1], COUNTED), /^Filled: \d+ voxels\.$/);
  assert.deepEqual([mask.inside[1], mask.inside[3]], [count(disc(40, 30, [20, 15], 8)), count(ring)]);
  assert.match(click("fill", mask, GRID, PLANE, [2, 2, 3], COUNTED), /Nothing encloses/);
  const across = threePlanes(GRID)[1];
  const voxels = stack(DIMS, {});
  for (const [column, slice] of [[5, 1], [6, 1], [7, 1], [5, 2], [7, 2], [5, 3], [6, 3], [7, 3]] as const) voxels[at([column, 9, slice])] = 1;
  const other = new Mask(GRID, voxels);
  click("fill", other, GRID, across, [6, 9, 2], COUNTED);
  assert.equal(other.voxels[at([6, 9, 2])], 1);
});

test("the threshold brush changes only voxels in its range, and the eraser too", () => {
  const stored = Int16Array.from({ length: 40 * 30 * 5 }, (_, place) => place % 40);
  const volume = new Volume("flair", { dims: DIMS, voxels: stored, slope: 2, intercept: 1 } as never);
  const only = within(volume, { low: 31, high: 41 }); // stored 15 to 20
  const mask = new Mask(GRID, new Uint8Array(stored.length));
  mask.begin(1);
  mask.paint(PLANE, [18, 15, 2], [18, 15, 2], 8, only);
  mask.end();
  const columns = new Set(Array.from(mask.voxels.keys()).filter((place) => mask.voxels[place]).map((place) => place % 40));
  assert.deepEqual([...columns].sort((one, other) => one - other), [15, 16, 17, 18, 19, 20]);
  mask.begin(0);
  mask.paint(PLANE, [18, 15, 2], [18, 15, 2], 20, within(volume, { low: 41, high: 99 }));
  mask.end();
  assert.equal(mask.voxels[at([20, 15, 2])], 0);
  assert.equal(mask.voxels[at([19, 15, 2])], 1);
});

test("what is not a number is in no range, and the range suggested is that of most of the mask", () => {
  const voxels = Float32Array.from({ length: 40 * 30 * 5 }, (_, place) => (place === 0 ? NaN : place % 100));
  const volume = new Volume("flair", { dims: DIMS, voxels, slope: 1, intercept: 0 } as never);
  assert.equal(within(volume, { low: -Infinity, high: Infinity })(0), false);
  const mask = new Mask(GRID, Uint8Array.from(voxels, (value) => (value >= 50 ? 1 : 0)));
  assert.deepEqual(suggestedRange(volume, { low: 0, high: 10 }, mask), { low: 55, high: 99 });
  assert.deepEqual(suggestedRange(volume, { low: 0, high: 10 }, null), { low: 5, high: 99 });
});
