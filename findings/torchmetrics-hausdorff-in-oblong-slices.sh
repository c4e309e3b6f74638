#!/usr/bin/env bash
# Software: torchmetrics 1.9.0, torchmetrics.functional.segmentation.hausdorff_distance (torch 2.13.0).
# Behavior: the distance between the same two squares depends on the shape of the slice: right where the slice is
#   square, too large in one of 20 by 60.
# Why it surprises: empty background around two masks is not part of their distance.
# Tumorscope: has its own HD95, which does not depend on the field of view (docs/metrics.md, "HD95").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 torchmetrics==1.9.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from torchmetrics.functional.segmentation import hausdorff_distance


def between_squares(rows, columns):
    """Two squares of 5 by 5, the second 40 pixels to the right of the first."""
    truth, predicted = torch.zeros(2, 1, 1, rows, columns, dtype=torch.int)
    truth[..., 5:10, 5:10] = predicted[..., 5:10, 45:50] = 1
    return hausdorff_distance(predicted, truth, num_classes=1, include_background=True).item()


in_square, in_oblong = between_squares(60, 60), between_squares(20, 60)
print(*(f"{name} {version(name)}" for name in ("torchmetrics", "torch")), sep=", ")
print("Input:    two squares of 5x5 pixels, 40 pixels apart along a row, in slices of 60x60 and of 20x60")
print("Expected: 40.0 in both")
print(f"Seen:     {in_square:.2f} in 60x60, {in_oblong:.2f} in 20x60")
as_known = abs(in_square - 40) < 0.01 and abs(in_oblong - 47.07) < 0.01
sys.exit(0 if as_known else "Changed: torchmetrics behaves otherwise now.")
PYTHON
