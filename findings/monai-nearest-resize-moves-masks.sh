#!/usr/bin/env bash
# Software: MONAI 1.6.1, monai.transforms.Resize and Zoom with mode "nearest" (torch 2.13.0).
# Behavior: made smaller by 4, a mask holds the first voxel of each four, while the affine that MONAI gives it is that of
#   the four's middle: on voxels of 1 mm it is 1.5 mm off along each axis, 2.6 mm in all. "nearest-exact", "trilinear" and
#   "area" agree with their affines.
# Why it surprises: image and mask resized by one ResizeD(mode=("trilinear", "nearest")) no longer lie on each other, though
#   both have the same affine.
# Tumorscope: resizes masks as shares of each pixel, by the same matrix as the image (docs/training.md, "What the compact
#   network sees").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 monai==1.6.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Resize

# Voxels of 1 mm, each holding its own position in mm along the first axis.
position = torch.arange(24.0)[None, :, None, None].expand(1, 24, 24, 24)
image = MetaTensor(position.clone(), affine=torch.eye(4, dtype=torch.float64))


def moved_mm(mode):
    """How far the sampled positions are from those that the result's own affine states, along one axis."""
    small = Resize((6, 6, 6), mode=mode)(image)
    stated = small.affine[0, 0] * torch.arange(6) + small.affine[0, 3]
    return float((small.as_tensor()[0, :, 0, 0] - stated).mean())


seen = {mode: round(moved_mm(mode), 3) for mode in ("trilinear", "area", "nearest-exact", "nearest")}
print(*(f"{name} {version(name)}" for name in ("monai", "torch")), sep=", ")
print("Input:    24 by 24 by 24 voxels of 1 mm that hold their position, resized to 6 by 6 by 6")
print("Expected: positions as the result's affine states them, but for half a voxel (0.5 mm) of rounding")
print(f"Seen:     off by {seen} mm")
as_known = seen["nearest"] == -1.5 and max(abs(seen[mode]) for mode in seen if mode != "nearest") <= 0.5
sys.exit(0 if as_known else "Changed: MONAI behaves otherwise now.")
PYTHON
