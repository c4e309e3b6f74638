#!/usr/bin/env bash
# Software: torchmetrics 1.9.0, torchmetrics.segmentation.GeneralizedDiceScore (beside it its DiceScore and MONAI 1.6.1).
# Behavior: a slice without tumor, in truth and prediction, counts as 0. A perfect segmentation of a head with a tumor in
#   one of four slices has a generalized Dice of 0.25; the more healthy slices a scan has, the lower.
# Why it surprises: DiceScore of the same library leaves such slices out and gives 1, and MONAI's generalized Dice counts
#   them as 1. 0.25 looks like the score of a bad network, and comparing two networks by it compares their scans' length.
# Tumorscope: counts no case that is empty in both (docs/metrics.md, "Dice").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 torchmetrics==1.9.0 monai==1.6.1 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import torch
from monai.metrics import compute_generalized_dice
from torchmetrics.segmentation import DiceScore, GeneralizedDiceScore

slices = torch.zeros(4, 32, 32, dtype=torch.long)
slices[1, 10:20, 10:20] = 1


def score(metric):
    return float(metric(num_classes=2, include_background=False, input_format="index")(slices.clone(), slices))


one_hot = torch.stack([1 - slices, slices], dim=1)
generalized, plain = score(GeneralizedDiceScore), score(DiceScore)
by_monai = float(compute_generalized_dice(one_hot.float(), one_hot.float(), include_background=False).mean())
print(*(f"{name} {version(name)}" for name in ("torchmetrics", "monai", "torch")), sep=", ")
print("Input:    four slices, one with a tumor; the prediction equals the truth")
print(f"Expected: 1; DiceScore {plain:g}, MONAI's generalized Dice {by_monai:g}")
print(f"Seen:     GeneralizedDiceScore {generalized:g}")
as_known = plain == 1 and by_monai == 1 and abs(generalized - 0.25) < 1e-6
sys.exit(0 if as_known else "Changed: torchmetrics counts empty slices otherwise now.")
PYTHON
