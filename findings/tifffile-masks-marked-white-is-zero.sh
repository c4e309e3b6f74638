#!/usr/bin/env bash
# Software: tifffile 2026.3.3, imwrite of a boolean array (beside it Pillow 13.0.0).
# Behavior: without photometric=..., a boolean array is marked "white is zero" (PhotometricInterpretation 0), while
#   True is stored as 1. tifffile itself reads the bits and ignores the mark.
# Why it surprises: by the header True is black. Pillow follows it, as baseline TIFF demands, and returns the mask
#   turned inside out, without a word; arrays of integers are marked "black is zero".
#   imwrite(..., photometric="minisblack") is read alike by both.
# Tumorscope: reads a one-bit TIFF that tifffile wrote by its bits and any other by its header
#   (src/tumorscope/reading/raster.py, _read_tiff).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 tifffile==2026.3.3 pillow==13.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import tifffile
from PIL import Image

mask = np.zeros((20, 20), bool)
mask[5:7, 8:10] = True


def marked(**options):
    """Pixels that tifffile and Pillow find marked, and the mark in the header."""
    tifffile.imwrite("mask.tif", mask, **options)
    with tifffile.TiffFile("mask.tif") as file, Image.open("mask.tif") as image:
        return int(file.asarray().sum()), int(np.array(image).sum()), file.pages[0].photometric.name


by_default, stated = marked(), marked(photometric="minisblack")
print(*(f"{name} {version(name)}" for name in ("tifffile", "pillow", "numpy")), sep=", ")
print("Input:    a boolean mask of 20x20 pixels, 4 of them marked")
print("Expected: 4 marked pixels by either reader")
print("Seen:     tifffile reads {}, Pillow {} ({})".format(*by_default))
print("          with photometric='minisblack': tifffile reads {}, Pillow {} ({})".format(*stated))
as_known = by_default == (4, 396, "MINISWHITE") and stated == (4, 4, "MINISBLACK")
sys.exit(0 if as_known else "Changed: tifffile or Pillow behaves otherwise now.")
PYTHON
