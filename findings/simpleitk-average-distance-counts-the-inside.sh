#!/usr/bin/env bash
# Software: SimpleITK 2.5.7, HausdorffDistanceImageFilter.GetAverageHausdorffDistance; antspyx 0.6.3, ants.hausdorff_distance.
# Behavior: the average is over all voxels of a mask, and those inside the other mask count as 0 mm. A ball predicted 3 mm too
#   large on all sides has an average distance of 0.34 mm if the true radius is 20 mm, 0.79 mm if it is 5 mm. Between the
#   surfaces it is about 3 mm for each. The maximum beside it is that of the surfaces.
# Why it surprises: an average distance is reported as how far a contour is off, and the maximum from the same object is that.
#   Here the same error is smaller the larger the tumor, so that values of two sets of cases cannot be compared.
# Tumorscope: states HD95 between surfaces, each direction by itself (docs/metrics.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet SimpleITK==2.5.7 antspyx==0.6.3 numpy==2.3.5 scipy==1.15.3 pandas==2.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import ants
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

MARGIN_MM = 3
from_center = np.sqrt(((np.indices((60, 60, 60)) - 30) ** 2).sum(axis=0))


def surface(mask):
    return mask & ~ndimage.binary_erosion(mask)


def between_surfaces(one, other):
    """The mean distance from a surface to the other, the larger of both directions, voxels of 1 mm."""
    distances = [ndimage.distance_transform_edt(~surface(mask)) for mask in (one, other)]
    return float(max(distances[1][surface(one)].mean(), distances[0][surface(other)].mean()))


def by_simpleitk(one, other):
    filter_ = sitk.HausdorffDistanceImageFilter()
    filter_.Execute(*(sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (one, other)))
    return filter_.GetAverageHausdorffDistance()


def by_ants(one, other):
    return ants.hausdorff_distance(*(ants.from_numpy(mask.astype(np.uint32)) for mask in (one, other)))["AverageDistance"]


print(*(f"{name} {version(name)}" for name in ("SimpleITK", "antspyx")), sep=", ")
print(f"Input:    a ball, and the same with {MARGIN_MM} mm more on all sides; voxels of 1 mm")
seen = {}
for radius in (20, 10, 5):
    balls = from_center <= radius, from_center <= radius + MARGIN_MM
    seen[radius] = [round(float(average(*balls)), 2) for average in (by_simpleitk, by_ants)]
    print(f"Expected: radius {radius} mm: {between_surfaces(*balls):.2f} mm")
    print(f"Seen:     radius {radius} mm: SimpleITK {seen[radius][0]}, antspyx {seen[radius][1]}")
sys.exit(0 if seen == {20: [0.34, 0.34], 10: [0.55, 0.55], 5: [0.79, 0.79]} else "Changed: the averages are others now.")
PYTHON
