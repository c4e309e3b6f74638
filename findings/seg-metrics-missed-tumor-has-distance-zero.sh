#!/usr/bin/env bash
# Software: seg-metrics 1.2.8, seg_metrics.seg_metrics.write_metrics.
# Behavior: where the prediction is empty and the truth is not, or the other way round, hd, hd95 and msd are 0, as for a
#   perfect segmentation; Dice is 0. The warning that is logged speaks of precision and recall only.
# Why it surprises: over several patients, every missed tumor lowers the mean HD95. The distance to nothing is undefined;
#   other libraries give NaN, infinity or an error.
# Tumorscope: a case in which one mask is empty has no distance (docs/metrics.md, "HD95").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 pandas==2.3.3 SimpleITK==2.5.7 seg-metrics==1.2.8
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from seg_metrics.seg_metrics import write_metrics

truth = np.zeros((20, 40, 40), np.uint8)
truth[8:12, 10:20, 10:20] = 1
PREDICTIONS = {
    "4 mm to the right": np.roll(truth, 4, axis=2),
    "nothing": np.zeros_like(truth),
}
METRICS = ["dice", "hd", "hd95", "msd"]
seen = {}
for name, predicted in PREDICTIONS.items():
    found = write_metrics(labels=[1], gdth_img=truth, pred_img=predicted, spacing=[5, 1, 1], metrics=METRICS)[0]
    seen[name] = {metric: float(found[metric][0]) for metric in METRICS}

print("seg-metrics", version("seg-metrics"))
print("Input:    a tumor of 10 by 10 by 4 voxels of 1 by 1 by 5 mm (x, y, z), two predictions")
print("Expected: for the prediction of nothing no distance, or a warning that it is undefined")
for name, values in seen.items():
    print(f"Seen:     {name}: " + ", ".join(f"{metric} {value:.2f}" for metric, value in values.items()))
shifted, nothing = seen.values()
as_known = abs(shifted["hd95"] - 4) < 0.01 and set(nothing.values()) == {0.0}
sys.exit(0 if as_known else "Changed: seg-metrics behaves otherwise now.")
PYTHON
