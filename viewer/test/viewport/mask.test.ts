import assert from "node:assert/strict";
import { test } from "node:test";
import { acquiredPlane, gridOf, threePlanes, type Voxel } from "../../src/viewport/geometry";
import { Mask } from "../../src/viewport/mask";

const DIMS: Voxel = [40, 30, 5];
const GRID = gridOf(DIMS, [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]]);
const PLANE = acquiredPlane(GRID);
const SIZE = 40 * 30 * 5;

function stroke(mask: Mask, value: 0 | 1, radius: number, ...places: Voxel[]): void {
  mask.begin(value);
  places.forEach((place, at) => mask.paint(PLANE, places[Math.max(at - 1, 0)] as Voxel, place, radius));
  mask.end();
}

test("a dab is a disc of its radius on its own slice", () => {
  const mask = new Mask(GRID, new Uint8Array(SIZE));
  stroke(mask, 1, 6, [20, 15, 2]);
  for (let row = 0; row < 30; row += 1) {
    for (let column = 0; column < 40; column += 1) {
      const within = Math.hypot(column - 20, row - 15) <= 6;
      assert.equal(mask.voxels[column + 40 * (row + 30 * 2)], within ? 1 : 0);
    }
  }
  assert.deepEqual([...mask.inside], [0, 0, mask.inside[2], 0, 0]);
});

test("a fast stroke leaves no gaps", () => {
  const mask = new Mask(GRID, new Uint8Array(SIZE));
  stroke(mask, 1, 2, [3, 4, 0], [36, 25, 0]);
  for (let along = 0; along <= 1; along += 0.01) {
    const [column, row] = [Math.round(3 + 33 * along), Math.round(4 + 21 * along)];
    assert.equal(mask.voxels[column + 40 * row], 1);
  }
});

test("the smallest brush still draws the pixel under it; edges and places outside do no harm", () => {
  const mask = new Mask(GRID, new Uint8Array(SIZE));
  stroke(mask, 1, 0, [7.4, 8.3, 1]);
  assert.deepEqual([mask.inside[1], mask.voxels[7 + 40 * (8 + 30)]], [1, 1]);
  stroke(mask, 1, 5, [0, 0, 0], [-20, -20, 0]);
  stroke(mask, 1, 5, [60, 60, 0]);
  stroke(mask, 1, 5, [10, 10, 5]);
  assert.equal(mask.inside[0], [...mask.voxels.slice(0, 1200)].filter(Boolean).length);
});

test("across the slices a brush is round in millimeters", () => {
  const mask = new Mask(GRID, new Uint8Array(SIZE));
  const across = threePlanes(GRID)[1];
  mask.begin(1);
  mask.paint(across, [20, 15, 2], [20, 15, 2], 5);
  mask.end();
  // 5 mm reach 5 columns, and one slice of 4 mm.
  assert.deepEqual([...mask.inside], [0, 7, 11, 7, 0]);
  assert.equal(mask.voxels[25 + 40 * (15 + 60)], 1);
  assert.equal(mask.voxels[20 + 40 * (16 + 60)], 0);
});

test("undo and redo go back and forth exactly, a new stroke ends what could be done again", () => {
  const original = Uint8Array.from({ length: SIZE }, (_, place) => (place % 7 === 0 ? 1 : 0));
  const mask = new Mask(GRID, original);
  const states = [mask.voxels.slice()];
  stroke(mask, 1, 4, [10, 10, 1], [20, 12, 1]);
  states.push(mask.voxels.slice());
  stroke(mask, 0, 6, [15, 11, 1]);
  states.push(mask.voxels.slice());
  assert.equal(mask.undo(), 1);
  assert.deepEqual(mask.voxels, states[1]);
  mask.undo();
  assert.deepEqual(mask.voxels, states[0]);
  assert.deepEqual([mask.dirty, mask.canUndo, mask.canRedo, mask.undo()], [false, false, true, null]);
  mask.redo();
  mask.redo();
  assert.deepEqual(mask.voxels, states[2]);
  assert.equal(mask.redo(), null);
  mask.undo();
  stroke(mask, 1, 1, [30, 20, 4]);
  assert.deepEqual([mask.canRedo, mask.dirty], [false, true]);
  const counts = [0, 1, 2, 3, 4].map((slice) => [...mask.voxels.slice(slice * 1200, (slice + 1) * 1200)].filter(Boolean).length);
  assert.deepEqual([...mask.inside], counts);
});

test("a stroke that changes nothing is no change", () => {
  const mask = new Mask(GRID, new Uint8Array(SIZE).fill(1));
  stroke(mask, 1, 5, [10, 10, 1]);
  assert.deepEqual([mask.dirty, mask.canUndo], [false, false]);
});

test("a stroke that was the first finger of a pinch is as if it had not been, and redo survives it", () => {
  const mask = new Mask(GRID, new Uint8Array(SIZE));
  stroke(mask, 1, 3, [10, 10, 1]);
  mask.undo();
  mask.begin(1);
  mask.paint(PLANE, [5, 5, 0], [9, 9, 0], 3);
  mask.abandon();
  assert.equal(mask.voxels.some(Boolean), false);
  assert.deepEqual([mask.dirty, mask.canRedo, [...mask.inside]], [false, true, [0, 0, 0, 0, 0]]);
});

test("discarding brings back the mask that came, which was never touched", () => {
  const original = Uint8Array.from({ length: SIZE }, (_, place) => (place % 5 === 0 ? 1 : 0));
  const kept = original.slice();
  const mask = new Mask(GRID, original);
  stroke(mask, 1, 8, [20, 15, 3]);
  mask.discard();
  assert.deepEqual(mask.voxels, kept);
  assert.deepEqual(original, kept);
  assert.deepEqual([mask.dirty, mask.canUndo, mask.canRedo], [false, false, false]);
});

test("a mask on another grid is refused", () => {
  assert.throws(() => new Mask(GRID, new Uint8Array(SIZE - 1)), /another grid/);
});
