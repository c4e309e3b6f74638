#!/usr/bin/env bash
# Software: nyxus 0.11.0, Nyxus.featurize of morphological features.
# Behavior: DIAMETER_EQUAL_AREA, documented as the diameter of a circle of the region's area, and ROI_RADIUS_MAX are squared
#   lengths: a disc of 10 pixels radius gets 404 and 82. SOLIDITY, the area by that of the convex hull, is 0.68 for this
#   disc and 0.21 for one of 3 pixels, since the hull's area is too large by about twice its perimeter.
#   DIAMETER_EQUAL_PERIMETER, MAJOR_AXIS_LENGTH and the largest Feret diameter are right, in the same table. nyxus's repository
#   has a square root for the first since, no release has.
# Why it surprises: a disc has a solidity near 1, and no diameter of it exceeds the image. Solidity is taken for how
#   irregular a lesion's margin is; here it grows with the lesion's size, and a model learns the size once more.
# Tumorscope: takes shape features from a mesh in mm as IBSI defines them; tests hold them to IBSI's values
#   (measurement/radiomics).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet nyxus==0.11.0 numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import nyxus

RIGHT = ["AREA_PIXELS_COUNT", "DIAMETER_EQUAL_PERIMETER", "MAJOR_AXIS_LENGTH", "STAT_FERET_DIAM_MAX"]
WRONG = ["DIAMETER_EQUAL_AREA", "ROI_RADIUS_MAX", "CONVEX_HULL_AREA", "SOLIDITY"]


def features(radius):
    rows, columns = np.indices((80, 80)) - 40
    disc = rows**2 + columns**2 <= radius**2
    image = np.random.default_rng(0).integers(100, 150, disc.shape).astype(np.uint32)
    row = nyxus.Nyxus(RIGHT + WRONG).featurize(image, disc.astype(np.uint32)).iloc[0]
    return {name: round(float(row[name]), 2) for name in RIGHT + WRONG}


print("nyxus", version("nyxus"))
seen = {radius: features(radius) for radius in (3, 10, 20)}
for radius, row in seen.items():
    print(f"Input:    a disc of {radius} pixels radius; right: {({name: row[name] for name in RIGHT})}")
    print(f"Expected: diameter about {2 * radius}, radius about {radius}, solidity about 1")
    print(f"Seen:     {({name: row[name] for name in WRONG})}")
as_known = all(
    abs(row["DIAMETER_EQUAL_AREA"] - 4 * row["AREA_PIXELS_COUNT"] / np.pi) < 0.01 for row in seen.values()
) and [row["SOLIDITY"] for row in seen.values()] == [0.21, 0.68, 0.9]
sys.exit(0 if as_known else "Changed: nyxus computes otherwise now.")
PYTHON
