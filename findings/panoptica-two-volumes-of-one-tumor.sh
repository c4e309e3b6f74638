#!/usr/bin/env bash
# Software: panoptica 2.1.7, Panoptica_Evaluator.evaluate with voxelspacing.
# Behavior: in one result "instance_volume_ref" is in mm³, and "global_bin_volume_ref" and "global_bin_volume_pred" are
#   numbers of voxels, whatever the spacing. A tumor of 4,000 voxels of 5 by 1 by 1 mm has 20,000 and 4,000.
# Why it surprises: the three carry one word and no unit, and the distances of the same result follow the spacing. Without
#   a spacing both agree, so that a test with voxels of 1 mm doesn't show it.
# Tumorscope: volumes are in ml everywhere, from the affine, and "voxels" is in the name where they are counted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet panoptica==2.1.7 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from panoptica import ConnectedComponentsInstanceApproximator, InputType, NaiveThresholdMatching, Panoptica_Evaluator
from panoptica.metrics import Metric

truth = np.zeros((20, 40, 40), np.uint8)
truth[5:15, 5:25, 5:25] = 1
SPACING = (5.0, 1.0, 1.0)
evaluator = Panoptica_Evaluator(
    expected_input=InputType.SEMANTIC,
    instance_approximator=ConnectedComponentsInstanceApproximator(),
    instance_matcher=NaiveThresholdMatching(),
    instance_metrics=[Metric.DSC, Metric.IOU, Metric.HD],
    verbose=False,
)
moved = np.roll(truth, 1, axis=0)
result = next(iter(evaluator.evaluate(moved, truth, voxelspacing=SPACING).values())).to_dict()
volumes = {name: float(result[name]) for name in ("instance_volume_ref", "global_bin_volume_ref", "global_bin_volume_pred")}
expected = float(truth.sum() * np.prod(SPACING))
print(f"panoptica {version('panoptica')}")
print("Input:    one tumor of 4,000 voxels of 5 by 1 by 1 mm, predicted one slice too high")
print(f"Expected: {expected:g} three times, a Hausdorff distance of 5")
print(f"Seen:     {volumes}, a Hausdorff distance of {result['sq_hd']:g}")
as_known = volumes["instance_volume_ref"] == expected and result["sq_hd"] == 5
as_known = as_known and volumes["global_bin_volume_ref"] == volumes["global_bin_volume_pred"] == truth.sum()
sys.exit(0 if as_known else "Changed: panoptica gives these volumes otherwise now.")
PYTHON
