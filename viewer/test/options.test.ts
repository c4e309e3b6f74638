import assert from "node:assert/strict";
import { test } from "node:test";
import { aheadText, optionHint } from "../src/wording";
import { fieldsOf, isStated, readingOf } from "../src/options-fields";

const NOTHING = ["", "", ""];

test("what is not stated is not sent", () => {
  const reading = readingOf(false, NOTHING, [{ name: " ", sequence: "t1" }]);
  assert.deepEqual(reading, { register: false, spacing: null, sequences: {} });
  assert.deepEqual(fieldsOf(reading), {});
  assert.equal(isStated(reading), false);
});

test("options are sent as the service takes them, by form or JSON", () => {
  const rows = [{ name: " 7.nii.gz ", sequence: "t1c" }, { name: "", sequence: "t1" }, { name: "AX T2", sequence: "unknown" }];
  const reading = readingOf(true, ["0.5", "0.5", " 6"], rows);
  assert.deepEqual(reading, { register: true, spacing: [0.5, 0.5, 6], sequences: { "7.nii.gz": "t1c", "AX T2": "unknown" } });
  assert.equal(isStated(reading), true);
  assert.deepEqual(fieldsOf(reading), {
    register: "true",
    spacing: "0.5,0.5,6",
    sequences: '{"7.nii.gz":"t1c","AX T2":"unknown"}',
  });
  assert.deepEqual(JSON.parse(fieldsOf(readingOf(false, NOTHING, [{ name: "__proto__", sequence: "t1" }]))["sequences"] ?? ""), JSON.parse('{"__proto__":"t1"}'));
});

test("a voxel size that is not complete, and a name given twice, are refused", () => {
  for (const lengths of [["1", "1", ""], ["1", "?", "1"], ["1", "0", "1"], ["1", "-2", "1"]]) assert.throws(() => readingOf(false, lengths, []), /three lengths/);
  assert.throws(() => readingOf(false, NOTHING, [{ name: "a", sequence: "t1" }, { name: "a ", sequence: "t2" }]), /a is stated twice/);
});

test("a failure that names an option of the command line names the page's", () => {
  assert.match(optionHint("case: flair and t1 are on different grids; give --register to co-register them"), /“Align the series to each other”/);
  assert.match(optionHint("add it with --sequence or name channels with --channels"), /“What is shown”/);
  assert.match(optionHint("sequences: no file, folder or DICOM series of the upload is named 'x'; check it"), /“What is shown”/);
  assert.match(optionHint("x.nii: the file states voxels of 1×1×5 mm, not 1×1×1; leave out the spacing"), /“Voxel size” below/);
  assert.equal(optionHint("x.png: not an image"), "");
});

test("a waiting scan tells how many come before it", () => {
  assert.deepEqual([null, 0, 1, 12].map(aheadText), ["", "next in turn", "1 scan before it", "12 scans before it"]);
});
