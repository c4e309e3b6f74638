#!/usr/bin/env bash
# Software: imagecodecs 2026.3.6 (the newest for Python 3.11; 2026.10.10 does the same) with tifffile 2026.3.3.
# Behavior: an array of uint32 compressed with JPEG 2000, lossless by default, comes back with other values, also where they
#   are small: background 0 becomes 1, of a mask with labels 1 and 2 four pixels in five change, and an image of nothing
#   but 0 is read as nothing but 1. int32 and uint16 with the same values are exact, uint32 is with HTJ2K. pylibjpeg-openjpeg
#   2.6.0 decodes the same wrong values, so they are in the file.
# Why it surprises: nothing is raised or warned, the type and the shape are right, and values of two bits need no 32. Label
#   maps are often uint32, and the compression is chosen for being lossless. JPEG 2000 allows 38 bits.
# Tumorscope: writes masks as bytes, without JPEG 2000 (docs/output.md); docs/formats.md names these files.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet imagecodecs==2026.3.6 tifffile==2026.3.3 numpy==2.4.6 \
  pylibjpeg-openjpeg==2.6.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import imagecodecs
import numpy as np
import openjpeg
import tifffile

labels = np.zeros((64, 64), np.uint32)
labels[10:30, 10:30] = 1
labels[20:40, 35:50] = 2


def through_tiff(image):
    file = io.BytesIO()
    tifffile.imwrite(file, image, compression="jpeg2000")
    file.seek(0)
    return tifffile.imread(file)


def through_htj2k(image):
    return imagecodecs.htj2k_decode(imagecodecs.htj2k_encode(image))


def through_two_libraries(image):
    return openjpeg.decode(imagecodecs.jpeg2k_encode(image, level=0))


def changed(image, read):
    return int((read != image).sum())


print(*(f"{name} {version(name)}" for name in ("imagecodecs", "tifffile", "pylibjpeg-openjpeg")), sep=", ")
print(f"Input:    {labels.size} pixels with labels 0, 1 and 2: {np.bincount(labels.ravel()).tolist()}")
print("Expected: no pixel changed by a lossless compression")
seen = {
    "uint16, JPEG 2000": changed(labels, through_tiff(labels.astype(np.uint16))),
    "int32, JPEG 2000": changed(labels, through_tiff(labels.astype(np.int32))),
    "uint32, HTJ2K": changed(labels, through_htj2k(labels)),
    "uint32, JPEG 2000": changed(labels, through_tiff(labels)),
    "uint32, JPEG 2000, read by pylibjpeg": changed(labels, through_two_libraries(labels)),
}
for name, count in seen.items():
    print(f"Seen:     {name}: {count} changed")
print(f"Seen:     labels read from TIFF: {np.bincount(through_tiff(labels).ravel()).tolist()}")
empty = np.unique(through_tiff(np.zeros_like(labels))).tolist()
print(f"Seen:     values of an empty mask: {empty}")
as_known = list(seen.values()) == [0, 0, 0, 3279, 3279] and empty == [1]
sys.exit(0 if as_known else "Changed: imagecodecs behaves otherwise now.")
PYTHON
