import assert from "node:assert/strict";
import { test } from "node:test";
import { areaText, bytesText, momentText, probabilityText, sliceFindingText, sliceOfText, sliceRangeText, stageText, volumeText } from "../src/wording";

test("a probability is never rounded to certainty", () => {
  assert.deepEqual([0.9993, 0.4711, 0].map((value) => probabilityText(value)), [">0.99", "0.47", "<0.01"]);
  assert.equal(probabilityText(null), "–");
});

test("sizes say which unit is known", () => {
  assert.deepEqual([volumeText(9, 12345.6), volumeText(9, 432.1), volumeText(1200, null)], ["12.3 ml", "432 mm³", "1,200 voxels"]);
  assert.deepEqual([volumeText(1, null), volumeText(1200, null, true)], ["1 voxel", "1,200 px"]); // a single image has pixels
  assert.deepEqual([areaText(12, 10.55), areaText(3, 2.44), areaText(1200, null)], ["11 mm²", "2.4 mm²", "1,200 px"]);
  assert.deepEqual([bytesText(999), bytesText(12_345), bytesText(4_200_000_000)], ["999 B", "12 kB", "4.2 GB"]);
});

test("what was found on a slice breaks only between probability and area", () => {
  const found = sliceFindingText({ tumor_probability: 0.98, area_px: 700, area_mm2: 2882 });
  assert.deepEqual(found.split(" "), ["probability\u00a00.98", "·", "2,882\u00a0mm²"]);
  assert.equal(sliceFindingText({ tumor_probability: 0.04, area_px: 0, area_mm2: 0 }), "probability\u00a00.04");
  assert.equal(sliceFindingText(undefined), "");
});

test("a moment is told from now, in both directions", () => {
  const now = Date.UTC(2026, 0, 10);
  assert.equal(momentText("2026-01-09T23:55:00Z", now), "5 min ago");
  assert.equal(momentText("2026-02-08T00:00:00Z", now), "in 29 days");
  assert.equal(momentText("2026-01-11T00:00:00Z", now), "in 1 day");
});

test("work that goes on says what and how far", () => {
  assert.equal(stageText("analyzing", { stage: "analyzing", done: 12, total: 60 }), "Analyzing: slice 12 of 60");
  assert.equal(stageText("queued", { stage: null, done: 0, total: 0 }), "Waiting");
  assert.equal(stageText("analyzing", { stage: "writing", done: 0, total: 0 }), "Writing the results");
});

test("slices have the series' numbers, or are counted from 1", () => {
  const counted = { slices: [{}, {}, {}] };
  assert.deepEqual([sliceOfText(counted, 0), sliceRangeText(counted, 0, 2), sliceRangeText(counted, 1, 1)], ["Slice 1 of 3", "slices 1 to 3", "slice 2"]);
  const downwards = { slices: [{ number: 3 }, { number: 2 }, { number: 1 }] };
  assert.deepEqual([sliceOfText(downwards, 0), sliceRangeText(downwards, 0, 1)], ["Slice 3 of 3", "slices 2 to 3"]);
  assert.equal(sliceOfText({ slices: [{ number: 101 }, { number: 103 }] }, 1), "Slice 103 of 101–103");
  assert.equal(sliceOfText({ slices: [{ number: 7 }] }, 0), "Single image");
});
