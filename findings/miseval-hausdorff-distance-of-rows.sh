#!/usr/bin/env bash
# Software: miseval 1.3.0, miseval.evaluate with metric "HD" (with hausdorff 0.2.6, which it installs).
# Behavior: "HD" takes the rows of the mask's array for points. A tumor predicted 40 pixels below the true one has the same
#   rows in another order: its distance is 0, that of a perfect segmentation. One 40 pixels to the right gets 3.16, the
#   square root of the width 10. "AHD", the average Hausdorff distance, is in turn the largest one, 40.
# Why it surprises: the distance depends on the direction of an error rather than on its size, and the best value stands for
#   a tumor that was missed altogether. Nothing is raised for two slices of one shape.
# Tumorscope: measures between the surfaces of both masks (docs/metrics.md, "HD95").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet miseval==1.3.0 hausdorff==0.2.6 dictances==1.5.3 numba==0.68.1 \
  numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from miseval import evaluate
from scipy.spatial.distance import cdist

truth = np.zeros((64, 64), int)
truth[10:20, 10:20] = 1
PREDICTIONS = {
    "40 pixels below": np.roll(truth, 40, axis=0),
    "40 pixels to the right": np.roll(truth, 40, axis=1),
    "one pixel to the right": np.roll(truth, 1, axis=1),
}


def expected(predicted):
    """The Hausdorff distance, and the mean of both directions' mean distances, of the marked pixels."""
    distances = cdist(np.argwhere(truth), np.argwhere(predicted))
    nearest = distances.min(axis=0), distances.min(axis=1)
    return max(each.max() for each in nearest), np.mean([each.mean() for each in nearest])


print(*(f"{name} {version(name)}" for name in ("miseval", "hausdorff")), sep=", ")
print("Input:    a tumor of 10 by 10 pixels, three predictions")
seen = {}
for name, predicted in PREDICTIONS.items():
    largest, average = expected(predicted)
    seen[name] = [round(float(evaluate(truth, predicted, metric=metric)), 2) for metric in ("HD", "AHD")]
    print(f"Expected: {name}: HD {largest:.2f}, AHD {average:.2f}")
    print(f"Seen:     {name}: HD {seen[name][0]:.2f}, AHD {seen[name][1]:.2f}")
as_known = list(seen.values()) == [[0, 40], [3.16, 40], [1.41, 1]]
sys.exit(0 if as_known else "Changed: miseval behaves otherwise now.")
PYTHON
