import assert from "node:assert/strict";
import { test } from "node:test";
import type { Analysis } from "../../src/analysis";
import { labelColors, partsOf } from "../../src/viewport/parts";

test("the enhancing tumor's runs go down the columns and lie where its voxels are", () => {
  // Two slices of two rows and three columns; in the second, row 1 of column 0 and row 0 of column 2.
  const empty = { size: [2, 3], counts: [6] };
  const marked = { size: [2, 3], counts: [1, 1, 2, 1, 1] };
  const labels = [{ name: "whole tumor", mask_rle: [empty, empty] }, { name: "enhancing tumor", mask_rle: [empty, marked] }];
  const [part, ...others] = partsOf({ labels } as unknown as Analysis, [3, 2, 2]);
  assert.equal(others.length, 0);
  assert.equal(part?.name, "enhancing tumor");
  assert.equal(part?.color, "--enhancing");
  assert.deepEqual([...(part?.voxels ?? [])], [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]);
});

test("an analysis by one network, or of an earlier version, has no parts", () => {
  assert.deepEqual(partsOf({ labels: [] } as unknown as Analysis, [3, 2, 2]), []);
  assert.deepEqual(partsOf({} as unknown as Analysis, [3, 2, 2]), []);
});

test("compartments that users name have a color each, the whole the mask's", () => {
  assert.deepEqual(labelColors(["abnormal", "core", "enhancing tumor", "edema"]), ["--lesion", "--part-1", "--enhancing", "--part-2"]);
});
