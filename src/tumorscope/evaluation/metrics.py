"""Metrics of segmentation and presence, with one policy for empty masks.

Empty masks. If truth and prediction are both empty, Dice
and HD95 are ``None`` and the case is not counted, neither as 0 nor as 1 (the same
network scores 0.68 or 0.86 on LGG depending on that choice). If only one is empty, Dice
is 0 and HD95 is ``None``, because there is no distance to an empty mask. The false-positive rate on empty slices
is a metric of its own.

Weights. The metrics for slice presence take weights of shape ``(…, slice)`` and return an
array ``(…)``: with ones they are the usual metrics (tests compare them with
scikit-learn's), and with the number of times that each patient was drawn they are all draws of a
bootstrap at once. An undefined metric, such as the sensitivity without slices with a
tumor, is NaN.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

CALIBRATION_BINS = 15


def dice(truth: np.ndarray, predicted: np.ndarray) -> float | None:
    """Twice the overlap over the sum of the sizes (Dice 1945), of masks of any one shape.

    Given all slices of a patient it is the patient's Dice.

    >>> dice(np.array([1, 1, 0], bool), np.array([0, 1, 1], bool))
    0.5
    >>> dice(np.zeros(3, bool), np.zeros(3, bool)) is None
    True
    """
    sizes = _size(truth, predicted)
    return None if sizes == 0 else 2 * int(np.count_nonzero(truth & predicted)) / sizes


def slice_dice(truth: np.ndarray, predicted: np.ndarray) -> list[float | None]:
    """Dice of every slice of ``(slice, row, column)`` ; None if both are empty."""
    return [dice(*masks) for masks in zip(truth, predicted, strict=True)]


def tumor_slice_dice(truth: np.ndarray, predicted: np.ndarray) -> float | None:
    """Mean Dice of the slices with a true tumor; None if there are none."""
    values = [value for value, mask in zip(slice_dice(truth, predicted), truth, strict=True) if mask.any()]
    return None if not values else float(np.mean(np.array(values, float)))


def hd95(
    truth: np.ndarray, predicted: np.ndarray, spacing_mm: tuple[float, float, float] | None = None
) -> float | None:
    """95th percentile of the distances between the two surfaces, the larger of the two directions.

    The surface of a mask is its voxels with a face neighbor outside of it. The percentile is
    computed for each direction separately, by linear interpolation; pooling both directions,
    as some libraries do, hides a small false lesion (``docs/metrics.md``).

    With a spacing, surfaces and distances are three-dimensional, in mm. Without one the gap
    between slices is unknown: segmentations are then compared within each slice, in pixels, and
    the distances of all slices in which neither mask is empty are pooled.
    Slices in which one of them is empty have no distance; they show in Dice, sensitivity and the
    false-positive rate.

    Args:
        truth, predicted: boolean ``(slice, row, column)``.
        spacing_mm: of voxel centers ``(slice, row, column)``.

    Returns:
        None without any distance.
    """
    _size(truth, predicted)
    if spacing_mm is not None:
        pairs, spacing = [(truth, predicted)], spacing_mm
    else:
        pairs, spacing = list(zip(truth, predicted, strict=True)), (1.0, 1.0)
    from_truth, from_predicted = [], []
    for true_mask, predicted_mask in pairs:
        if true_mask.any() and predicted_mask.any():
            box = ndimage.find_objects((true_mask | predicted_mask).astype(np.uint8))[0]
            true_surface, predicted_surface = _surface(true_mask[box]), _surface(predicted_mask[box])
            from_truth.append(_distances(predicted_surface, spacing)[true_surface])
            from_predicted.append(_distances(true_surface, spacing)[predicted_surface])
    if not from_truth:
        return None
    return float(max(np.percentile(np.concatenate(values), 95) for values in (from_truth, from_predicted)))


def empty_slice_false_positive_rate(
    truth_px: np.ndarray, predicted_px: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Fraction of the slices without a true tumor in which at least one pixel is predicted.

    Args:
        truth_px, predicted_px: pixels of the mask in each slice, ``(slice,)``.
        weights: ``(…, slice)``.
    """
    weights = _weights(weights, truth_px)
    empty = truth_px == 0
    return ratio(weights @ (empty & (predicted_px > 0)), weights @ empty)


def confusion(present: np.ndarray, positive: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Counts ``[[tn, fp], [fn, tp]]``, shape ``(…, 2, 2)``: rows are the truth.

    Args:
        present: boolean ``(slice,)``, whether a slice truly shows a tumor.
        positive: boolean ``(slice,)``, whether a tumor was predicted.
        weights: ``(…, slice)``.

    >>> confusion(np.array([0, 0, 1], bool), np.array([0, 1, 1], bool)).astype(int).tolist()
    [[1, 1], [0, 1]]
    """
    weights = _weights(weights, present)
    cells = np.stack([~present & ~positive, ~present & positive, present & ~positive, present & positive], axis=-1)
    return (weights @ cells).reshape(*weights.shape[:-1], 2, 2)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Fraction of correct predictions, from ``(…, 2, 2)`` counts."""
    return ratio(counts[..., 0, 0] + counts[..., 1, 1], counts.sum(axis=(-2, -1)))


def sensitivity(counts: np.ndarray) -> np.ndarray:
    """Fraction of tumor slices that were predicted positive; NaN without any."""
    return ratio(counts[..., 1, 1], counts[..., 1, :].sum(axis=-1))


def specificity(counts: np.ndarray) -> np.ndarray:
    """Fraction of slices without tumor that were predicted negative; NaN without any."""
    return ratio(counts[..., 0, 0], counts[..., 0, :].sum(axis=-1))


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean of sensitivity and specificity; NaN if one of them has no slices."""
    return (sensitivity(counts) + specificity(counts)) / 2


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean of the F1 of tumor and of no tumor; NaN if one is neither true nor predicted."""
    wrong = counts[..., 0, 1] + counts[..., 1, 0]
    scores = [ratio(2 * counts[..., k, k], 2 * counts[..., k, k] + wrong) for k in (0, 1)]
    return (scores[0] + scores[1]) / 2


def auroc(present: np.ndarray, probability: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Probability that a tumor slice ranks above one without tumor, ties counting half.

    Hanley and McNeil 1982. NaN without slices of one kind.

    Args:
        present: boolean ``(slice,)``.
        probability: ``(slice,)``; only its order matters.
        weights: ``(…, slice)``.
    """
    weights = _weights(weights, present)
    order = np.argsort(probability, kind="stable")
    ranked, positive = probability[order], present[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    with_tumor = np.add.reduceat(weights[..., order] * positive, starts, axis=-1)
    without = np.add.reduceat(weights[..., order] * ~positive, starts, axis=-1)
    below = np.cumsum(without, axis=-1) - without / 2
    return ratio((with_tumor * below).sum(axis=-1), with_tumor.sum(axis=-1) * without.sum(axis=-1))


def brier(present: np.ndarray, probability: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean squared difference between probability and truth (Brier 1950)."""
    weights = _weights(weights, present)
    return ratio(weights @ (probability - present) ** 2, weights.sum(axis=-1))


def expected_calibration_error(
    present: np.ndarray,
    probability: np.ndarray,
    weights: np.ndarray | None = None,
    bins: int = CALIBRATION_BINS,
) -> np.ndarray:
    """Expected difference between tumor probability and tumor frequency (Naeini et al. 2015), or between the probability
    of the predicted class and its accuracy (Guo et al. 2017).

    Slices are sorted into bins of equal width by their tumor probability; the differences
    are averaged over bins, weighted by their number of slices. Bins include their upper edge, as in
    Guo et al. 2017, and zero belongs to the first.
    """
    weights = _weights(weights, present)
    in_bin = calibration_bin(probability, bins)[:, None] == np.arange(bins)
    gaps = np.abs(weights @ (in_bin * (probability - present)[:, None]))
    return ratio(gaps.sum(axis=-1), weights.sum(axis=-1))


def calibration_bin(probability: np.ndarray, bins: int = CALIBRATION_BINS) -> np.ndarray:
    """For each probability the index of its bin."""
    return np.clip(np.ceil(np.asarray(probability, float) * bins).astype(int) - 1, 0, bins - 1)


def _size(truth: np.ndarray, predicted: np.ndarray) -> int:
    if truth.shape != predicted.shape:
        raise ValueError(f"masks of shapes {truth.shape} and {predicted.shape} cannot be compared")
    if truth.dtype != bool or predicted.dtype != bool:
        # A mask stored as 0 and 255 would otherwise score far above 1.
        raise ValueError(f"masks must be boolean, not {truth.dtype} and {predicted.dtype}")
    return int(np.count_nonzero(truth)) + int(np.count_nonzero(predicted))


def _distances(surface: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """The distance of every pixel to the surface."""
    return np.asarray(ndimage.distance_transform_edt(~surface, spacing))


def _surface(mask: np.ndarray) -> np.ndarray:
    """The outermost pixels of the mask; outside of the array counts as background."""
    return mask & ~np.asarray(ndimage.binary_erosion(mask), bool)


def _weights(weights: np.ndarray | None, slices: np.ndarray) -> np.ndarray:
    return np.ones(len(slices)) if weights is None else np.asarray(weights, float)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan)
