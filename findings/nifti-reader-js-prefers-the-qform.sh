#!/usr/bin/env bash
# Software: nifti-reader-js 0.8.0 (npm), readHeader; the file made and read with nibabel 5.4.2 and SimpleITK 2.5.7.
# Behavior: where both forms are coded and the qform's code is the higher (aligned, 2) the affine comes from the qform. nibabel
#   and SimpleITK take the sform (scanner, 1). If the two differ the head lies elsewhere, here mirrored.
# Why it surprises: codes name a space and are no ranks, and nifti1.h says that the sform's method applies wherever its code
#   is above zero. Viewers in the browser are built on this reader, so left and right may depend on the program.
# Tumorscope: takes the sform, and warns where the qform or the voxel sizes place the head elsewhere (io/nifti_placement.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" nifti-reader-js@0.8.0
cat > read.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { readHeader } from "nifti-reader-js";
const bytes = readFileSync(process.argv[2]);
const header = readHeader(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
console.log(JSON.stringify(header.affine));
JAVASCRIPT
"$folder/venv/bin/python" - <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version

import nibabel
import numpy as np
import SimpleITK

SFORM = np.array([[1, 0, 0, -10], [0, 1, 0, -20], [0, 0, 2, -30], [0, 0, 0, 1.0]])
QFORM = np.array([[-1, 0, 0, 50], [0, 1, 0, -20], [0, 0, 2, -30], [0, 0, 0, 1.0]])


def by_simpleitk():
    image = SimpleITK.ReadImage("scan.nii")
    directions = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions, image.GetOrigin()
    return np.diag([-1, -1, 1, 1]) @ affine  # LPS to RAS


def first_row(affine):
    return np.asarray(affine)[0].round(3).tolist()


def seen(sform_code, qform_code):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), None)
    image.set_sform(SFORM, sform_code)
    image.set_qform(QFORM, qform_code)
    nibabel.save(image, "scan.nii")
    by_js = json.loads(subprocess.run(["node", "read.mjs", "scan.nii"], check=True, capture_output=True, text=True).stdout)
    return {"nibabel": nibabel.load("scan.nii").affine, "SimpleITK": by_simpleitk(), "nifti-reader-js": np.array(by_js)}


print(*(f"{name} {version(name)}" for name in ("nibabel", "SimpleITK")), "nifti-reader-js 0.8.0", sep=", ")
print(f"Input:    sform with x = {first_row(SFORM)}, qform with x = {first_row(QFORM)}")
as_known = True
for codes in ((1, 1), (1, 2)):
    found = seen(*codes)
    print(f"Seen:     sform_code {codes[0]}, qform_code {codes[1]}: {({name: first_row(one) for name, one in found.items()})}")
    by_js = found.pop("nifti-reader-js")
    as_known &= all(np.allclose(one, SFORM) for one in found.values())
    as_known &= np.allclose(by_js, QFORM if codes == (1, 2) else SFORM)
print(f"Expected: {first_row(SFORM)} each time")
sys.exit(0 if as_known else "Changed: the readers choose otherwise now.")
PYTHON
