import assert from "node:assert/strict";
import { test } from "node:test";
import { isClutter, uploadName, type Picked } from "../src/worklist/files";

const picked = (...paths: string[]): Picked[] => paths.map((path) => ({ file: new File([], path.split("/").pop()!), path }));

test("what systems leave in folders is not sent, and what looks alike is", () => {
  for (const path of [".DS_Store", "study/.DS_Store", "study/__MACOSX/a.dcm", "study/Thumbs.db"]) assert.ok(isClutter(path), path);
  for (const path of ["IM0001", "study/a.dcm", "a.b/c.nii.gz", "thumbs.dbx"]) assert.ok(!isClutter(path), path);
});

test("an upload is called after its file or the folder around all of it", () => {
  assert.equal(uploadName(picked("flair.nii.gz")), "flair.nii.gz");
  assert.equal(uploadName(picked("study/1/a.dcm", "study/2/b.dcm")), "study");
  assert.equal(uploadName(picked("one/a.dcm", "two/b.dcm", "c.png")), "one and 2 more");
});
