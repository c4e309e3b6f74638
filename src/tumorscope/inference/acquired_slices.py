"""Slices as they are analyzed and as they were acquired: the view of a scan, and predictions brought back from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.scan import Scan
from tumorscope.inference.engine import Predictions
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.preprocessing.axial import View, axial_view
from tumorscope.preprocessing.crop_resize import CropResize


@dataclass(frozen=True, eq=False)
class SlicePredictions:
    """Probabilities of the acquired slices.

    Attributes:
        tumor: that a slice shows a tumor, ``(slice,)``.
        mask: the largest mask probability of any of its pixels, ``(slice,)``, NaN where presence rules a mask out so
            that it was not computed; None without a mask output.
        types: ``(slice, type)``; None where the network does not predict types.
    """

    tumor: np.ndarray
    mask: np.ndarray | None
    types: np.ndarray | None


def network_view(scan: Scan) -> View:
    """How the network receives the scan; unevenly spaced slices stay as they were acquired."""
    if scan.slice_positions is not None:
        return View(spacing_mm=scan.spacing_mm)
    return axial_view(scan.shape, scan.affine)


def on_acquired_slices(
    predictions: Predictions,
    probability: np.ndarray,
    types: np.ndarray | None,
    tumor_type: TypeFinding | None,
    crop_resize: CropResize,
    view: View,
) -> SlicePredictions:
    """Predictions for the acquired slices from those for the analyzed ones.

    Args:
        predictions: of the network, for every analyzed slice.
        probability: tumor probability ``(analyzed slice,)``.
        types: type probability ``(analyzed slice, type)``, or None.
        tumor_type: of the whole scan, or None.
        crop_resize: from the analyzed slices to the network's input.
        view: from the acquired slices to the analyzed ones.
    """
    if not view.is_acquired:
        return _resliced(predictions, probability, tumor_type, crop_resize, view)
    order = slice(None, None, -1 if view.flips[0] else 1)
    masks = None if predictions.mask is None else predictions.mask.max(axis=(1, 2))
    if masks is not None and predictions.localized is not None:
        masks = np.where(predictions.localized == 1, masks, np.nan)
    return SlicePredictions(
        probability[order],
        None if masks is None else masks[order],
        None if types is None else types[order],
    )


def _resliced(
    predictions: Predictions,
    probability: np.ndarray,
    tumor_type: TypeFinding | None,
    crop_resize: CropResize,
    view: View,
) -> SlicePredictions:
    """Predictions for acquired slices that run across the analyzed ones.

    The tumor probability of an acquired slice is the largest mask probability of its pixels, each limited
    to the tumor probability of the analyzed slice through it.
    """
    count = crop_resize.shape[view.axes.index(0) - 1]
    types = None if tumor_type is None else np.tile([*tumor_type.probabilities.values()], (count, 1))
    if predictions.mask is None:
        return SlicePredictions(np.full(count, probability.max()), None, types)
    axis = view.axes.index(0) - 1  # of an analyzed slice, the axis along which acquired slices follow one another
    lines = np.stack([crop_resize.inverse(mask).max(axis=1 - axis) for mask in predictions.mask])
    lines = np.clip(lines, 0, 1)
    limited = np.minimum(lines, probability[:, None]).max(axis=0)
    order = slice(None, None, -1 if view.flips[axis + 1] else 1)
    return SlicePredictions(limited[order], lines.max(axis=0)[order], types)
