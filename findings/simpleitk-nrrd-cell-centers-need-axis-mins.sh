#!/usr/bin/env bash
# Software: SimpleITK 2.5.7, ReadImage of NRRD without a space.
# Behavior: "centers: cell" says that samples lie in the middle of cells, half a voxel inside the axis minimum. With
#   "axis mins: 0 0 0" the first voxel's center is read at half a voxel; without that field, whose absence leaves the
#   minimum unknown, at 0, and "centers" has no effect. The voxels are otherwise placed alike, and nothing is said.
# Why it surprises: a field that only states the natural origin moves the image by half a voxel, 2.5 mm in slices of 5 mm,
#   so that a mask written without it no longer lies on the scan that has it.
# Tumorscope: reads NRRD with SimpleITK, notes that such a header does not say how the head lies, and refuses a mask on
#   another grid (docs/formats.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import SimpleITK as sitk

SPACINGS = (1.0, 2.0, 5.0)
FIELDS = {
    "centers: cell, no axis mins": "centers: cell cell cell\n",
    "centers: cell, axis mins: 0 0 0": "centers: cell cell cell\naxis mins: 0 0 0\n",
    "centers: node, axis mins: 0 0 0": "centers: node node node\naxis mins: 0 0 0\n",
}
seen = {}
for number, (name, fields) in enumerate(FIELDS.items()):
    header = (
        "NRRD0004\ntype: unsigned char\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n"
        f"spacings: {' '.join(map(str, SPACINGS))}\n{fields}\n"
    )
    with open(f"{number}.nrrd", "wb") as file:
        file.write(header.encode() + bytes(range(64)))
    seen[name] = sitk.ReadImage(f"{number}.nrrd").GetOrigin()

print("SimpleITK", sitk.Version_VersionString())
print("Input:    4 by 4 by 4 voxels of 1 by 2 by 5 mm, three headers")
print("Expected: one origin for the first two headers, or a warning")
for name, origin in seen.items():
    print(f"Seen:     {name}: first voxel's center at {origin}")
as_known = list(seen.values()) == [(0.0, 0.0, 0.0), (0.5, 1.0, 2.5), (0.0, 0.0, 0.0)]
sys.exit(0 if as_known else "Changed: SimpleITK behaves otherwise now.")
PYTHON
