#!/usr/bin/env bash
# Software: antspyx 0.6.3, ants.label_image_centroids.
# Behavior: in a volume whose three sizes differ the centroid is that of other voxels: of 12 by 14 by 20 voxels, a box
#   around voxel (4.5, 7, 11.5) gets (5.4, 6.22, 5.45), outside the box. In a cube the three coordinates come in reverse
#   order. `physical=True` changes nothing. ants.get_centroids and ants.label_geometry_measures are right.
# Why it surprises: the result is a plausible point inside the head, with no warning; its own example is a cube.
# Tumorscope: computes `center_mm` of a lesion itself, from the file's affine (docs/output.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet antspyx==0.6.3 numpy==2.3.5 scipy==1.15.3 pandas==2.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import ants
import numpy as np


def centroids(shape):
    """A box of 4 by 5 by 8 voxels around voxel (4.5, 7, 11.5): as found by two functions, and where it is in mm."""
    label = np.zeros(shape, np.float32)
    label[3:7, 5:10, 8:16] = 1
    image = ants.from_numpy(label, origin=(10, -20, 30), spacing=(1, 2, 3))
    index, physical = (
        np.ravel(ants.label_image_centroids(image, physical=physical)["vertices"]).round(2).tolist()
        for physical in (False, True)
    )
    return index, physical, ants.get_centroids(image)[0, :3].tolist()


MM = [14.5, -6.0, 64.5]
print("antspyx", version("antspyx"))
print("Input:    a box around voxel (4.5, 7, 11.5), voxels of 1 by 2 by 3 mm from (10, -20, 30)")
print(f"Expected: [4.5, 7.0, 11.5], and with physical=True {MM}")
seen = {shape: centroids(shape) for shape in ((12, 14, 20), (20, 20, 20))}
for shape, (index, physical, right) in seen.items():
    print(f"Seen:     in {shape} {index}, with physical=True {physical}; by get_centroids {right}")
as_known = (
    seen[12, 14, 20] == ([5.4, 6.22, 5.45], [5.4, 6.22, 5.45], MM)
    and seen[20, 20, 20] == ([11.5, 7.0, 4.5], [11.5, 7.0, 4.5], MM)
)
sys.exit(0 if as_known else "Changed: antspyx behaves otherwise now.")
PYTHON
