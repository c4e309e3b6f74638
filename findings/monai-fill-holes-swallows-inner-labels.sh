#!/usr/bin/env bash
# Software: MONAI 1.6.1, monai.transforms.FillHoles on a label map (torch 2.13.0).
# Behavior: a label enclosed by another one is filled like a hole: an enhancing core (2) inside an edema (1) is gone, by
#   default and with connectivity=1; with channels the voxels belong to both labels afterwards. A loop over the labels with
#   SciPy that fills background only leaves the core.
# Why it surprises: the documentation says "an enclosed hole is defined as a background pixel/voxel", and label 0 is the
#   background. In segmentations of tumors labels lie within each other, so that the step which should repair a mask
#   removes the part that matters most, and the Dice of the whole tumor does not change.
# Tumorscope: fills no holes; labels inside each other are masks of their own (docs/training.md, "--labels").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 monai==1.6.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import torch
from monai.transforms import FillHoles
from scipy.ndimage import binary_fill_holes

labels = np.zeros((12, 12, 12), np.uint8)
labels[2:10, 2:10, 2:10] = 1
labels[4:8, 4:8, 4:8] = 2
labels[3, 3, 3] = 0
filled = labels.copy()
for label in (1, 2):
    filled[binary_fill_holes(labels == label) & (labels == 0)] = label


def count(mask):
    return np.bincount(np.asarray(mask, np.uint8).ravel(), minlength=3).tolist()


one_hot = torch.tensor(np.stack([labels == label for label in range(3)]))
seen = {
    "by default": count(FillHoles()(torch.tensor(labels[None]))),
    "connectivity=1": count(FillHoles(connectivity=1)(torch.tensor(labels[None]))),
    "applied_labels=2": count(FillHoles(applied_labels=2)(torch.tensor(labels[None]))),
}
channels = [int(channel.sum()) for channel in FillHoles()(one_hot)]
print(*(f"{name} {version(name)}" for name in ("monai", "torch")), sep=", ")
print(f"Input:    voxels of background, edema, core: {count(labels)}, with a hole of one voxel in the edema")
print(f"Expected: {count(filled)}")
for name, counts in seen.items():
    print(f"Seen:     {name}: {counts}")
print(f"Seen:     as channels: {channels}")
as_known = (
    seen["by default"] == seen["connectivity=1"] == [1216, 512, 0]
    and seen["applied_labels=2"] == count(labels)
    and channels[1:] == [512, 64]
)
sys.exit(0 if as_known else "Changed: MONAI behaves otherwise now.")
PYTHON
