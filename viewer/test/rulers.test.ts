import assert from "node:assert/strict";
import { test } from "node:test";
import type { Analysis } from "../src/analysis";
import { parsed, rulersOf, rulersText } from "../src/study/rulers";
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

test("a version keeps its rulers by slice, row and column, and gives them back", () => {
  const drawn = [{ normal: 2, from: [1.234, 2, 3], to: [4, 6, 3] }] as const;
  const text = rulersText(drawn.map((each) => ({ normal: each.normal, from: [...each.from], to: [...each.to] })));
  assert.deepEqual(JSON.parse(text), [{ axis: "slice", start: [3, 2, 1.23], end: [3, 6, 4] }]);
  assert.deepEqual(rulersOf({ rulers: JSON.parse(text) } as unknown as Analysis), [{ normal: 2, from: [1.23, 2, 3], to: [4, 6, 3] }]);
  assert.deepEqual(rulersOf({} as unknown as Analysis), []);
});
