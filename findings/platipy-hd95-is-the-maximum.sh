#!/usr/bin/env bash
# Software: platipy 0.7.2, platipy.imaging.label.comparison.compute_surface_metrics (beside it surface-distance 0.1).
# Behavior: "hausdorffDistance95" is the 95th percentile of two numbers, the largest distance of each direction, and so
#   nearly the Hausdorff distance itself: one false voxel 16 mm away makes it 15.2 mm, where the percentile of the
#   surface's distances is 0. "sigmaSurfaceDistance", the standard deviation, isn't divided by the number of points: for a
#   mask moved by 2 mm it is 39 mm, and larger tumors get a larger one.
# Why it surprises: HD95 is taken because single voxels don't change it, and no standard deviation of distances from 0 to 2
#   mm exceeds 1 mm. Both carry the usual names and are plausible numbers in mm.
# Tumorscope: takes the percentile over the surface, each direction by itself (docs/metrics.md, "HD95").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet platipy==0.7.2 SimpleITK==2.5.7 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 \
  surface-distance==0.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from platipy.imaging.label.comparison import compute_surface_metrics
from scipy.ndimage import binary_erosion, distance_transform_edt
from surface_distance import compute_robust_hausdorff, compute_surface_distances

truth = np.zeros((20, 60, 60), bool)
truth[6:14, 20:40, 20:40] = True
one_more = truth.copy()
one_more[10, 30, 55] = True
PREDICTIONS = {"one false voxel 16 mm away": one_more, "moved by 2 mm": np.roll(truth, 2, axis=2)}


def surface(mask):
    return mask & ~binary_erosion(mask)


def expected(predicted):
    """HD95 by another library, and the standard deviation of the distances between the two surfaces, in mm."""
    hd95 = compute_robust_hausdorff(compute_surface_distances(truth, predicted, (1, 1, 1)), 95)
    distances = [
        distance_transform_edt(~surface(other))[surface(mask)] for mask, other in ((truth, predicted), (predicted, truth))
    ]
    return float(hd95), float(np.concatenate(distances).std())


def seen(predicted):
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (truth, predicted)]
    found = compute_surface_metrics(*images)
    return float(found["hausdorffDistance95"]), float(found["sigmaSurfaceDistance"])


print(*(f"{name} {version(name)}" for name in ("platipy", "SimpleITK", "surface-distance")), sep=", ")
print("Input:    a tumor of 20 by 20 by 8 voxels of 1 mm, two predictions")
results = {name: (expected(mask), seen(mask)) for name, mask in PREDICTIONS.items()}
for name, (right, found) in results.items():
    print(f"Expected: {name}: HD95 {right[0]:.2f} mm, standard deviation {right[1]:.2f} mm")
    print(f"Seen:     {name}: HD95 {found[0]:.2f} mm, standard deviation {found[1]:.2f} mm")
(false_voxel, by_platipy), (moved, moved_by_platipy) = results.values()
as_known = false_voxel[0] == 0 and abs(by_platipy[0] - 15.2) < 0.01 and moved[1] < 1 and moved_by_platipy[1] > 30
sys.exit(0 if as_known else "Changed: platipy behaves otherwise now.")
PYTHON
