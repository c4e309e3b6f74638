import assert from "node:assert/strict";
import { test } from "node:test";
import type { Geometry } from "../src/analysis";
import { linkOf } from "../src/compare/link";

/** An axial stack whose first slice is at a height. */
function axial(slices: number, thickness: number, first: number, pixels = 100, positions: number[] | null = null): Geometry {
  const affine = [[-1, 0, 0, 50], [0, -1, 0, 50], [0, 0, thickness, first], [0, 0, 0, 1]];
  return { shape: [slices, pixels, pixels], spacing_mm: [thickness, 1, 1], affine, slice_positions: positions, sequences: ["flair"], kind: "volume" };
}

test("slices at the same millimeter belong together, whatever their thickness", () => {
  const link = linkOf(axial(24, 5, -60), axial(120, 1, -60));
  assert.equal(link.kind, "mm");
  assert.equal(link.follow(0, 10, 0), 50);
  assert.equal(link.follow(1, 52, 0), 10);
  assert.equal(link.follow(0, 23, 0), 115);
});

test("a stack that runs from head to feet is read the right way round", () => {
  const down = axial(24, -5, 55);
  const link = linkOf(axial(24, 5, -60), down);
  assert.equal(link.kind, "mm");
  assert.equal(link.follow(0, 0, 0), 23);
  assert.equal(link.follow(1, 0, 0), 23);
});

test("unevenly spaced slices are where they say", () => {
  const uneven = axial(4, 1, 0, 100, [0, 10, 20, 70]);
  assert.deepEqual([0, 3, 4, 7].map((slice) => linkOf(axial(8, 10, 0), uneven).follow(0, slice, 0)), [0, 2, 2, 3]);
});

test("an offset set by hand holds for both directions", () => {
  const link = linkOf(axial(30, 5, -60), axial(30, 5, -60));
  const offset = link.offset(10, 13);
  assert.equal(offset, 15);
  assert.deepEqual([link.follow(0, 20, offset), link.follow(1, 20, offset)], [23, 17]);
  assert.equal(link.follow(0, 29, offset), 29);
});

test("without positions, across planes, or without a common part the share of the stack counts", () => {
  const unknown: Geometry = { ...axial(11, 5, 0), affine: null, spacing_mm: null };
  const sagittal: Geometry = { ...axial(21, 5, 0), affine: [[0, 0, 5, -50], [-1, 0, 0, 50], [0, -1, 0, 50], [0, 0, 0, 1]] };
  for (const other of [unknown, sagittal, axial(21, 5, 900)]) assert.equal(linkOf(axial(21, 5, 0), other).kind, "share");
  const link = linkOf(axial(21, 5, 0), unknown);
  assert.deepEqual([0, 10, 20].map((slice) => link.follow(0, slice, 0)), [0, 5, 10]);
  assert.equal(link.follow(0, 10, link.offset(10, 7)), 7);
  assert.equal(linkOf(axial(1, 5, 0), unknown).follow(0, 0, 0), 5);
});
