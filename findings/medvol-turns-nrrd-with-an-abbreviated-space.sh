#!/usr/bin/env bash
# Software: MedVol 0.0.22 (with pynrrd 1.1.3 and nibabel 5.4.2), MedVol(file).save(other).
# Behavior: an NRRD whose space is written "LPS" instead of "left-posterior-superior" is saved as NIfTI turned by 180°, left
#   to right and front to back: its coordinates are taken for RAS as they stand. One in "left-anterior-superior" or "LAS"
#   is mirrored for the same reason. "left-posterior-superior" and "right-anterior-superior" are converted rightly.
# Why it surprises: the NRRD format defines both spellings as the same space, other readers (SimpleITK 2.5.7) take them so,
#   and a space it does not know ends in a wrong file rather than in a word. Scan and mask still fit each other.
# Tumorscope: reads both spellings and all three spaces alike, which tests hold (docs/formats.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet medvol==0.0.22 pynrrd==1.1.3 nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import nibabel
import nrrd
import numpy as np
import SimpleITK as sitk
from medvol import MedVol

SPACES = ("left-posterior-superior", "LPS", "right-anterior-superior", "RAS", "left-anterior-superior", "LAS")
MARKED = (1, 2, 3)
voxels = np.zeros((4, 5, 6), np.int16)
voxels[MARKED] = 1


def marked_mm(image):
    return (image.affine @ [*np.argwhere(image.get_fdata() == 1)[0], 1])[:3].round(1).tolist()


def by_simpleitk(path):
    x, y, z = sitk.ReadImage(path).TransformIndexToPhysicalPoint(MARKED)
    return [-x, -y, z]


def by_medvol(path):
    MedVol(path).save("saved.nii.gz")
    return marked_mm(nibabel.load("saved.nii.gz"))


print(*(f"{name} {version(name)}" for name in ("medvol", "pynrrd", "SimpleITK")), sep=", ")
print("Input:    an NRRD with one marked voxel in each of six spaces; positions in RAS mm")
wrong = []
for space in SPACES:
    directions = {"space directions": np.diag([1.0, 2.0, 3.0]), "space origin": [10.0, 20.0, 30.0]}
    nrrd.write("scan.nrrd", voxels, {"space": space, **directions})
    right, seen = by_simpleitk("scan.nrrd"), by_medvol("scan.nrrd")
    print(f"Expected: {space}: {right}; seen in the NIfTI file: {seen}")
    if not np.allclose(right, seen):
        wrong.append(space)
as_known = wrong == ["LPS", "left-anterior-superior", "LAS"]
sys.exit(0 if as_known else "Changed: MedVol behaves otherwise now.")
PYTHON
