"""Classification metrics: recognition of each class, and calibration of the probabilities.

As in :mod:`tumorscope.evaluation.metrics`, weights ``(…, slice)`` are how often each slice
was drawn, so that one call computes all draws of a bootstrap. Tests compare the metrics with scikit-learn's.
"""

from __future__ import annotations

import numpy as np

from tumorscope.evaluation.metrics import ratio


def class_confusion(
    truth: np.ndarray, predicted: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Counts ``(…, true class, predicted class)``.

    Args:
        truth, predicted: indices of classes, ``(slice,)``.
        classes: number of classes.
        weights: ``(…, slice)``.
    """
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    cell = (truth * classes + predicted)[:, None] == np.arange(classes * classes)
    return (weights @ cell).reshape(*weights.shape[:-1], classes, classes)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Fraction of slices whose class was predicted."""
    return ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def recall(counts: np.ndarray) -> np.ndarray:
    """For each class the fraction of its slices that were predicted as such, ``(…, class)``."""
    return ratio(_diagonal(counts), counts.sum(axis=-1))


def precision(counts: np.ndarray) -> np.ndarray:
    """For each class the fraction of the slices predicted as such that are of it, ``(…, class)``."""
    return ratio(_diagonal(counts), counts.sum(axis=-2))


def f1(counts: np.ndarray) -> np.ndarray:
    """For each class the harmonic mean of recall and precision, ``(…, class)``."""
    return ratio(2 * _diagonal(counts), counts.sum(axis=-1) + counts.sum(axis=-2))


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that occur."""
    return _mean_known(recall(counts))


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that occur or were predicted."""
    return _mean_known(f1(counts))


def class_brier(truth: np.ndarray, probability: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean squared distance between the probabilities and the truth, summed over classes (Brier 1950): zero to two.

    Args:
        truth: indices of classes, ``(slice,)``.
        probability: ``(slice, class)``.
        weights: ``(…, slice)``.
    """
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    distance = ((probability - np.eye(probability.shape[1])[truth]) ** 2).sum(axis=1)
    return ratio(weights @ distance, weights.sum(axis=-1))


def coverage_curve(right: np.ndarray, confidence: np.ndarray, points: int = 21) -> list[dict[str, float]]:
    """For increasing confidence limits, the fraction of slices that are named and their accuracy.

    Args:
        right: boolean ``(slice,)``.
        confidence: probability of the predicted class, ``(slice,)``.
        points: number of limits, evenly from zero to one.
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
    return ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))
