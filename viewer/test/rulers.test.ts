import assert from "node:assert/strict";
import { test } from "node:test";
import { parsed } from "../src/study/rulers";
import { gridOf } from "../src/viewport/geometry";
import { storedLine } from "../src/viewport/lines";

test("what was kept comes back, and only what is whole", () => {
  const ruler = { normal: 2, from: [1, 2, 3], to: [4, 6, 3] };
  assert.deepEqual(parsed(JSON.stringify({ changed: 5, rulers: [ruler] })), { changed: 5, rulers: [ruler] });
  const broken = [null, 7, { ...ruler, normal: 3 }, { ...ruler, from: [1, 2] }, { ...ruler, to: [1, 2, "x"] }, ruler];
  assert.deepEqual(parsed(JSON.stringify({ changed: 5, rulers: broken }))?.rulers, [ruler]);
  for (const text of [null, "", "{", "[]", "5", '{"rulers": []}', '{"changed": 1}']) assert.equal(parsed(text), null);
});

test("a kept ruler is as long as it was, in any plane", () => {
  const grid = gridOf([100, 100, 20], [[-0.5, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]]);
  assert.equal(storedLine(grid, { normal: 2, from: [10, 10, 3], to: [40, 50, 3] }).text, "25.0 mm");
  assert.equal(storedLine(grid, { normal: 1, from: [10, 8, 2], to: [16, 8, 3] }).text, "5.0 mm");
});
