#!/usr/bin/env bash
# Software: medpy 0.5.2, medpy.metric.binary.hd95 (beside it surface-distance 0.1).
# Behavior: hd95 takes the 95th percentile of the surface distances of both directions pooled.
# Why it surprises: the Hausdorff distance is the larger of two directed distances, and its 95th percentile is
#   usually read as the larger of two directed percentiles. Pooled, a false lesion whose surface is less than a
#   twentieth of both surfaces together counts as nothing: 0 mm for a false ball of 3 mm radius 40 mm away.
#   The definitions differ, neither is a fault by itself; two publications' "HD95" are not the same number.
# Tumorscope: takes the percentile of each direction and the larger of both (docs/metrics.md, "HD95").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 scipy==1.17.1 medpy==0.5.2 surface-distance==0.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import surface_distance
from medpy.metric.binary import hd95


def ball(radius, center, shape=(64, 64, 96)):
    return sum((axis - at) ** 2 for axis, at in zip(np.ogrid[tuple(map(slice, shape))], center)) <= radius**2


truth = ball(10, (32, 32, 24))
predicted = truth | ball(3, (32, 32, 64))
distances = surface_distance.compute_surface_distances(truth, predicted, (1.0, 1.0, 1.0))
directed = surface_distance.compute_robust_hausdorff(distances, 95)
pooled = hd95(predicted, truth)

print(*(f"{name} {version(name)}" for name in ("medpy", "surface-distance", "numpy", "scipy")), sep=", ")
print("Input:    a ball of 10 mm; the same with a false ball of 3 mm, 40 mm away; voxels of 1 mm")
print(f"Expected: about 29 mm, the larger of the two directed percentiles; surface-distance: {directed:.1f} mm")
print(f"Seen:     medpy: {pooled:.1f} mm")
sys.exit(0 if pooled == 0 and 28 < directed < 31 else "Changed: medpy or surface-distance behaves otherwise now.")
PYTHON
