import assert from "node:assert/strict";
import { test } from "node:test";
import type { Analysis } from "../../src/analysis";
import { heat } from "../../src/viewport/colors";
import { acquiredPlane, gridOf, threePlanes } from "../../src/viewport/geometry";
import { slicePressed } from "../../src/viewport/keys";
import { diameterLines, rulerLine } from "../../src/viewport/lines";
import { sliceWords } from "../../src/viewport/slice-navigator";
import { wantsCanvas } from "../../src/viewport/webgl";

const AFFINE = [[-0.5, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]];

test("a ruler is in mm where voxels' sizes are known, in pixels where not", () => {
  const known = gridOf([100, 100, 20], AFFINE);
  assert.equal(rulerLine(known, acquiredPlane(known), [10, 10, 3], [40, 50, 3]).text, "25.0 mm");
  assert.equal(rulerLine(known, threePlanes(known)[1], [10, 8, 2], [16, 8, 3]).text, "5.0 mm");
  const unknown = gridOf([100, 100, 1], null);
  assert.equal(rulerLine(unknown, acquiredPlane(unknown), [10, 10, 0], [40, 50, 0]).text, "50.0 px");
});

test("diameters are drawn from row and column to column and row, on their own slice", () => {
  const lesion = { diameters: { unit: "mm", slice: 7, longest: { length: 12.34, start: [1, 2], end: [3, 4] }, perpendicular: { length: 5, start: [5, 6], end: [7, 8] } } };
  const lines = diameterLines({ lesions: [lesion, { diameters: null }] } as unknown as Analysis, 0, false);
  assert.deepEqual(lines.map(({ from, to, text, stressed }) => [from, to, text, stressed]), [
    [[2, 1, 7], [4, 3, 7], "12.3 mm", true],
    [[6, 5, 7], [8, 7, 7], "5.0 mm", true],
  ]);
});

test("keys lead to slices, and never past the ends", () => {
  const to = (key: string, slice: number): number | undefined => slicePressed(key, slice, 24);
  assert.deepEqual([to("ArrowDown", 3), to("ArrowUp", 3), to("PageDown", 3), to("PageUp", 3), to("Home", 3), to("End", 3)], [4, 2, 8, 0, 0, 23]);
  assert.deepEqual([to("ArrowUp", 0), to("PageDown", 22), to("x", 3)], [0, 23, undefined]);
});

test("a slice is told in words", () => {
  assert.equal(sliceWords("Slice 14 of 24", { probability: 0.9996, segmented: true }, null), "Slice 14 of 24, tumor probability >0.99, tumor segmented");
  assert.equal(sliceWords("Slice 3 of 24", { probability: 0.1, segmented: false }, 0.5), "Slice 3 of 24, tumor probability 0.10, counts as one without a tumor, no tumor segmented");
  assert.equal(sliceWords("Single image", { probability: null, segmented: false }, null), "Single image, no tumor segmented");
});

test("heat grows brighter all the way", () => {
  const brightness = Array.from({ length: 21 }, (_, step) => heat(step / 20)).map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue);
  for (let step = 1; step < brightness.length; step += 1) assert.ok((brightness[step] as number) > (brightness[step - 1] as number));
});

test("?canvas is heard before and behind the hash, and in no other word", () => {
  const wants = (rest: string): boolean => wantsCanvas(`http://127.0.0.1:8000/${rest}`);
  assert.deepEqual(["?canvas", "?a=1&canvas=1#/", "#/studies/x?canvas", "", "#/studies/canvas", "?nocanvas"].map(wants), [true, true, true, false, false, false]);
});
