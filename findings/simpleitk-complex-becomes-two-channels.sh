#!/usr/bin/env bash
# Software: SimpleITK 2.5.7, WriteImage and ReadImage of MetaImage (.mha) with complex voxels.
# Behavior: a complex image, such as an MRI before the magnitude is taken, is written as two real channels; nothing in the
#   file says that they are real and imaginary part, and it reads back as a vector of floats. The same image in NRRD or
#   NIfTI keeps its complex type. No warning in either direction.
# Why it surprises: a reader that takes channels for sequences or echoes gets a real and an imaginary part as two scans.
#   The writer could refuse, as other ITK writers refuse what a format can't hold.
# Tumorscope: takes unnamed channels of a volume for sequences only where the user names them (docs/formats.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import SimpleITK as sitk

shape = (3, 8, 8)
magnitude = np.linspace(1, 100, np.prod(shape)).reshape(shape)
image = sitk.GetImageFromArray(magnitude * np.exp(1j * np.pi / 3))
seen = {}
for suffix in ("mha", "nrrd", "nii"):
    sitk.WriteImage(image, f"complex.{suffix}")
    read = sitk.ReadImage(f"complex.{suffix}")
    seen[suffix] = (read.GetPixelIDTypeAsString(), read.GetNumberOfComponentsPerPixel())
header = open("complex.mha", "rb").read().split(b"ElementDataFile")[0].decode()
print("SimpleITK", sitk.Version_VersionString())
print("Input:   ", image.GetPixelIDTypeAsString(), image.GetSize())
for suffix, (kind, components) in seen.items():
    print(f"Seen:     .{suffix}: {kind}, {components} component(s)")
told = "omplex" in header
print("Header of the .mha names complex numbers:", told)
print("\n".join("          " + line for line in header.splitlines() if "Element" in line))
as_known = (
    seen["mha"] == ("vector of 64-bit float", 2)
    and not told
)
sys.exit(0 if as_known else "Changed: SimpleITK behaves otherwise now.")
PYTHON
