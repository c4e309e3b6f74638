import assert from "node:assert/strict";
import { test } from "node:test";
import { fillBetween } from "../../../src/viewport/editing/between";
import { signedDistance } from "../../../src/viewport/editing/distance";
import { gapAround } from "../../../src/viewport/editing/interpolation";
import { gridOf, type Voxel } from "../../../src/viewport/geometry";
import { Mask } from "../../../src/viewport/mask";
import { count, disc, plane, stack } from "./shapes";

const DIMS: Voxel = [64, 48, 9];
const GRID = gridOf(DIMS, [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]]);

function maskOf(planes: Record<number, Uint8Array>): Mask {
  return new Mask(GRID, stack(DIMS, planes));
}

test("signed distances are exact in millimeters, whatever the size of the pixels", () => {
  const pixels = disc(31, 23, [15, 11], 6);
  const [across, down] = [0.5, 2];
  const found = signedDistance(pixels, 31, 23, [across, down]);
  for (let place = 0; place < pixels.length; place += 1) {
    let nearest = Infinity;
    for (let other = 0; other < pixels.length; other += 1) {
      if (pixels[other] === pixels[place]) continue;
      nearest = Math.min(nearest, Math.hypot(((other % 31) - (place % 31)) * across, (Math.floor(other / 31) - Math.floor(place / 31)) * down));
    }
    const expected = pixels[place] ? 0.25 - nearest : nearest - 0.25;
    assert.ok(Math.abs((found[place] as number) - expected) < 1e-9);
  }
});

test("between a large and a small disc the radius goes evenly from the one to the other", () => {
  const mask = maskOf({ 2: disc(64, 48, [30, 24], 16), 6: disc(64, 48, [30, 24], 8) });
  const done = fillBetween(mask, GRID, 4, null, false);
  assert.equal(done.kind, "done");
  for (const [slice, radius] of [[3, 14], [4, 12], [5, 10]] as const) {
    const found = Math.sqrt(count(plane(mask.voxels, DIMS, slice)) / Math.PI);
    assert.ok(Math.abs(found - radius) < 0.6, `slice ${slice}: radius ${found}`);
  }
  assert.deepEqual([1, 7].map((slice) => mask.inside[slice]), [0, 0]);
  assert.deepEqual(done.kind === "done" && done.slices, [3, 4, 5]);
});

test("uneven distances between the slices count", () => {
  const mask = maskOf({ 2: disc(64, 48, [30, 24], 16), 4: disc(64, 48, [30, 24], 8) });
  fillBetween(mask, GRID, 3, [0, 1, 2, 3, 10, 11, 12, 13, 14], false);
  assert.ok(Math.abs(Math.sqrt(count(plane(mask.voxels, DIMS, 3)) / Math.PI) - 15) < 0.6);
});

test("a hole in both contours stays a hole, and nothing is written outside both", () => {
  const ring = disc(64, 48, [30, 24], 14).map((pixel, place) => (pixel && !disc(64, 48, [30, 24], 6)[place] ? 1 : 0));
  const mask = maskOf({ 1: ring, 4: ring });
  fillBetween(mask, GRID, 2, null, false);
  for (const slice of [2, 3]) assert.deepEqual(plane(mask.voxels, DIMS, slice), ring);
});

test("contours that do not overlap are connected only where that was asked for", () => {
  const planes = { 2: disc(64, 48, [14, 24], 6), 6: disc(64, 48, [46, 24], 6) };
  const mask = maskOf(planes);
  assert.deepEqual(fillBetween(mask, GRID, 4, null, false), { kind: "apart", below: 2, above: 6 });
  assert.equal(mask.dirty, false);
  assert.equal(fillBetween(mask, GRID, 4, null, true).kind, "done");
  assert.deepEqual(plane(mask.voxels, DIMS, 4), disc(64, 48, [30, 24], 6));
});

test("a lesion that goes on through all slices neither bounds the gap nor is changed", () => {
  const other = disc(64, 48, [54, 10], 5);
  const both = (own: Uint8Array): Uint8Array => own.map((pixel, place) => (pixel || other[place] ? 1 : 0));
  const own = disc(64, 48, [20, 26], 8);
  const mask = maskOf({ 0: other, 1: other, 2: both(own), 3: other, 4: other, 5: both(own), 6: other, 7: other, 8: other });
  const done = fillBetween(mask, GRID, 3, null, false);
  assert.deepEqual(done, { kind: "done", below: 2, above: 5, slices: [3, 4], voxels: 2 * count(own) });
  assert.deepEqual(plane(mask.voxels, DIMS, 4), both(own));
});

test("who stands on a drawn slice fills the gap that it bounds, and undo takes all of it back", () => {
  const planes = { 2: disc(64, 48, [30, 24], 9), 5: disc(64, 48, [32, 24], 9) };
  const mask = maskOf(planes);
  const before = mask.voxels.slice();
  assert.equal(fillBetween(mask, GRID, 5, null, false).kind, "done");
  assert.ok(mask.voxels.some((voxel, place) => voxel && !before[place]));
  mask.undo();
  assert.deepEqual([mask.voxels, mask.dirty], [before, false]);
});

test("without two drawn slices there is no gap", () => {
  assert.equal(gapAround(stack(DIMS, { 3: disc(64, 48, [30, 24], 9) }), DIMS, 5), null);
  assert.deepEqual(fillBetween(maskOf({ 0: disc(64, 48, [30, 24], 9) }), GRID, 4, null, false), { kind: "none" });
});
