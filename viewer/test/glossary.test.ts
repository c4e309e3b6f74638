import assert from "node:assert/strict";
import { test } from "node:test";
import { TERMS } from "../src/glossary";

test("every term is explained in whole sentences that are short enough to read beside an image", () => {
  for (const [title, text] of Object.values(TERMS)) {
    assert.ok(title.length > 2);
    assert.match(text, /^[A-Z].*\.$/s);
    assert.ok(text.length <= 340, `${title}: ${text.length} characters`);
  }
});
