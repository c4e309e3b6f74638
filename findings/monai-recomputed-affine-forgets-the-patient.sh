#!/usr/bin/env bash
# Software: MONAI 1.6.1, monai.transforms.Spacing with recompute_affine=True (torch 2.13.0).
# Behavior: the affine of the result is the one between the two voxel grids, not the patient's: origin and directions are
#   lost, and a spacing of 2 mm is stated as 1.95, 2 and 1 mm, so that a scan in left-anterior-superior is mirrored, a
#   tumor's center moves by 147 mm, and its volume is halved. Without the option all three are right.
# Why it surprises: it is documented to make the affine more exact ("based on the actual pixdim"). The voxels are resampled
#   rightly; only what is saved, measured or inverted from them is elsewhere. It goes unnoticed on an identity affine.
# Tumorscope: resamples itself, and `Geometry` carries the patient's affine with the voxels (docs/architecture.md).
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
from monai.transforms import Spacing

affine = np.array([[-1, 0, 0, 90], [0, 1, 0, -120], [0, 0, 2, -70], [0, 0, 0, 1]], float)
voxels = torch.zeros(1, 41, 44, 31)
voxels[0, 10:20, 12:24, 8:16] = 1
tumor = MetaTensor(voxels, affine=torch.tensor(affine))


def place(mask):
    """The center of the mask in RAS mm, and its volume in mm³, by the mask's own affine."""
    affine = np.asarray(mask.affine)
    values = mask.as_tensor()[0].double().numpy()
    index = np.array([np.average(grid, weights=values) for grid in np.indices(values.shape)])
    volume = values.sum() * abs(np.linalg.det(affine[:3, :3]))
    return (affine[:3, :3] @ index + affine[:3, 3]).round(1).tolist(), round(float(volume))


right = place(tumor)
seen = {option: place(Spacing((2, 2, 2), recompute_affine=option)(tumor)) for option in (False, True)}
print(*(f"{name} {version(name)}" for name in ("monai", "torch")), sep=", ")
print("Input:    a tumor in voxels of 1 by 1 by 2 mm, resampled to 2 mm")
print(f"Expected: center {right[0]} mm, volume {right[1]} mm³, give or take a voxel")
for option, (center, volume) in seen.items():
    print(f"Seen:     recompute_affine={option}: center {center} mm, volume {volume} mm³")
off = {option: np.linalg.norm(np.subtract(center, right[0])) for option, (center, _) in seen.items()}
print(f"Seen:     {off[False]:.1f} mm off without the option, {off[True]:.1f} mm with it")
as_known = off[False] < 2 and off[True] > 100 and abs(seen[True][1] / right[1] - 0.5) < 0.1
sys.exit(0 if as_known else "Changed: MONAI behaves otherwise now.")
PYTHON
