"""Metrics of merit for classes: how often each is recognized, and how honest the probabilities are.

As in :mod:`tumorscope.evaluation.metrics`, weights ``(…, slice)`` are how often each slice
was drawn, so that all draws of a bootstrap are one call. Tests hold the metrics against
scikit-learn's.
"""

from __future__ import annotations

import numpy as np

from tumorscope.evaluation.metrics import calibration_bin


def class_confusion(truth: np.ndarray, said: np.ndarray, classes: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Counts ``(…, true class, said class)``.

    Args:
        truth, said: places of classes, ``(slice,)``.
        classes: how many there are.
        weights: ``(…, slice)``.
    """
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    cell = (truth * classes + said)[:, None] == np.arange(classes * classes)
    return (weights @ cell).reshape(*weights.shape[:-1], classes, classes)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of slices whose class was said."""
    return _share(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def recall(counts: np.ndarray) -> np.ndarray:
    """For each class the share of its slices that were called so, ``(…, class)``."""
    return _share(_diagonal(counts), counts.sum(axis=-1))


def precision(counts: np.ndarray) -> np.ndarray:
    """For each class the share of the slices called so that are of it, ``(…, class)``."""
    return _share(_diagonal(counts), counts.sum(axis=-2))


def f1(counts: np.ndarray) -> np.ndarray:
    """For each class the harmonic mean of recall and precision, ``(…, class)``."""
    return _share(2 * _diagonal(counts), counts.sum(axis=-1) + counts.sum(axis=-2))


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that occur."""
    return _mean_known(recall(counts))


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that occur or were said."""
    return _mean_known(f1(counts))


def top_calibration_error(
    right: np.ndarray, confidence: np.ndarray, bins: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """How far the probability of what was said is from how often it was right (Guo et al. 2017).

    Args:
        right: boolean ``(slice,)``.
        confidence: probability of the class that was said, ``(slice,)``.
        bins: of equal width.
        weights: ``(…, slice)``.
    """
    weights = np.ones(len(right)) if weights is None else np.asarray(weights, float)
    held = calibration_bin(confidence, bins)[:, None] == np.arange(bins)
    gaps = np.abs(weights @ (held * (confidence - right)[:, None]))
    return _share(gaps.sum(axis=-1), weights.sum(axis=-1))


def class_brier(truth: np.ndarray, probability: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean squared distance between the probabilities and the truth, summed over classes (Brier 1950): zero to two.

    Args:
        truth: places of classes, ``(slice,)``.
        probability: ``(slice, class)``.
        weights: ``(…, slice)``.
    """
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    distance = ((probability - np.eye(probability.shape[1])[truth]) ** 2).sum(axis=1)
    return _share(weights @ distance, weights.sum(axis=-1))


def coverage_curve(right: np.ndarray, confidence: np.ndarray, points: int = 21) -> list[dict[str, float]]:
    """What leaving unsure slices open buys: for rising limits, the share that is still named and how often rightly.

    Args:
        right: boolean ``(slice,)``.
        confidence: probability of the class that was said, ``(slice,)``.
        points: limits tried, evenly from zero to one.
    """
    curve = []
    for limit in np.linspace(0, 1, points):
        named = confidence >= limit
        if named.any():
            curve.append(
                {
                    "confidence": round(float(limit), 3),
                    "coverage": round(float(named.mean()), 4),
                    "accuracy": round(float(right[named].mean()), 4),
                }
            )
    return curve


def _diagonal(counts: np.ndarray) -> np.ndarray:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _mean_known(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return _share(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan)
