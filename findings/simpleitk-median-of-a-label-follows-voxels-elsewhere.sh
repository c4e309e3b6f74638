#!/usr/bin/env bash
# Software: SimpleITK 2.5.7, LabelIntensityStatisticsImageFilter.GetMedian.
# Behavior: the median of a label comes from a histogram of 128 bins between the smallest and the largest value of the whole
#   image. One bright voxel outside of the label changes it: 297 becomes 303 with a voxel of 4,095, and 282 with one of
#   30,000. Mean, variance, skewness and kurtosis stay. SetNumberOfBins only makes the error smaller.
# Why it surprises: a median is what one takes to be safe from outliers, and a statistic of a label that depends on what is
#   not in the label is none. The documentation speaks of the bins, and calls the result the median.
# Tumorscope: sorts the lesion's own values (measurement/radiomics/intensity_statistics.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet SimpleITK==2.5.7 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

LESION = np.s_[5:10, 10:20, 10:20]
scan = np.random.default_rng(0).normal(300, 30, (20, 40, 40)).round().clip(0, 600).astype(np.int16)
label = np.zeros(scan.shape, np.uint8)
label[LESION] = 1


def statistics(outlier):
    """Median and mean of the lesion where a corner of the image, far from it, has another value."""
    image = scan.copy()
    if outlier is not None:
        image[0, 0, 0] = outlier
    filter_ = sitk.LabelIntensityStatisticsImageFilter()
    filter_.Execute(sitk.GetImageFromArray(label), sitk.GetImageFromArray(image))
    return round(filter_.GetMedian(1), 1), round(filter_.GetMean(1), 1)


print("SimpleITK", version("SimpleITK"))
print("Input:    500 voxels of a lesion around 300, and one voxel elsewhere")
print(f"Expected: a median of {np.median(scan[LESION])} for each")
seen = {outlier: statistics(outlier) for outlier in (None, 4095, 30000)}
for outlier, (median, mean) in seen.items():
    print(f"Seen:     the other voxel {outlier or 'as its neighbors'}: median {median}, mean {mean}")
as_known = [median for median, _ in seen.values()] == [296.4, 303.2, 281.5] and len({mean for _, mean in seen.values()}) == 1
sys.exit(0 if as_known else "Changed: SimpleITK finds other medians now.")
PYTHON
