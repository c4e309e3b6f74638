import { equal } from "node:assert/strict";
import { test } from "node:test";
import { ofRevision } from "../src/api";

test("a file is named from the page, whatever path the service or a proxy puts before it", () => {
  for (const root of ["", "/tumor", "/mri/api/tumor"]) {
    equal(ofRevision(`${root}/api/studies/AAAA/images/t1.nii.gz?revision=3`, 1), "api/studies/AAAA/images/t1.nii.gz?revision=1");
  }
});
