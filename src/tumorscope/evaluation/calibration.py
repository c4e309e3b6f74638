"""Temperature scaling on validation patients, and the confidence below which no class is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp, softmax

from tumorscope.evaluation.class_metrics import coverage_curve
from tumorscope.evaluation.metrics import expected_calibration_error

WANTED_ACCURACY = 0.97
"""Wanted accuracy of the named classes; slices below the confidence for that are uncertain."""
LARGEST_CONFIDENCE = 0.95
"""Upper limit of the chosen confidence; a class with this probability is always named."""


@dataclass(frozen=True)
class Calibration:
    """A temperature, and its effect on the slices that it was fitted to.

    Attributes:
        temperature: divisor of the logits (Guo et al. 2017).
        slices: number of slices it was fitted to.
        nll_before, nll_after: mean negative log-likelihood at temperature one and at the chosen one.
        ece_before, ece_after: expected calibration error; for classes, of the predicted class.
    """

    temperature: float
    slices: int
    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON, four digits each."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def calibrate_presence(logits: np.ndarray, present: np.ndarray) -> Calibration:
    """The temperature that maximizes the likelihood of presence logits ``(slice,)`` given the truth."""
    signed = np.where(present, logits, -logits).astype(np.float64)

    def loss(temperature: float) -> float:
        return float(np.logaddexp(0, -signed / temperature).mean())

    def error(temperature: float) -> float:
        return float(expected_calibration_error(present, expit(logits / temperature)))

    return _calibration(loss, error, len(logits))


def calibrate_classes(logits: np.ndarray, truth: np.ndarray) -> Calibration:
    """The same for class logits ``(slice, class)`` and the indices of the true classes."""
    logits = np.asarray(logits, np.float64)

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        return float((np.asarray(logsumexp(scaled, axis=1)) - scaled[np.arange(len(truth)), truth]).mean())

    def error(temperature: float) -> float:
        right, confidence = predicted_classes(logits, truth, temperature)
        return float(expected_calibration_error(right, confidence))

    return _calibration(loss, error, len(logits))


def predicted_classes(logits: np.ndarray, truth: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Whether the most probable class is the true one, and its probability, each ``(slice,)``."""
    probability = softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return probability.argmax(axis=1) == truth, probability.max(axis=1)


def choose_confidence(right: np.ndarray, confidence: np.ndarray, wanted: float = WANTED_ACCURACY) -> float:
    """The lowest confidence above which the named classes have the wanted accuracy.

    Args:
        right: boolean ``(slice,)``.
        confidence: probability of the predicted class, ``(slice,)``.
        wanted: accuracy among the named classes.

    Returns:
        Zero if all may be named; at most :data:`LARGEST_CONFIDENCE`.
    """
    for limit in np.arange(0, LARGEST_CONFIDENCE + 1e-9, 0.01):
        named = confidence >= limit
        if not named.any():
            break
        if right[named].mean() >= wanted:
            return round(float(limit), 2)
    return LARGEST_CONFIDENCE


def class_report(logits: np.ndarray, truth: np.ndarray) -> tuple[Calibration, float, dict[str, Any]]:
    """Temperature, confidence, and both with the coverage curve for the model card."""
    calibration = calibrate_classes(logits, truth)
    right, confidence = predicted_classes(logits, truth, calibration.temperature)
    limit = choose_confidence(right, confidence)
    named = confidence >= limit
    return (
        calibration,
        limit,
        {
            **calibration.as_dict(),
            "confidence": limit,
            "coverage": round(float(named.mean()), 4),
            "accuracy_of_named": round(float(right[named].mean()), 4) if named.any() else None,
            "accuracy_of_all": round(float(right.mean()), 4),
            "curve": coverage_curve(right, confidence),
        },
    )


def _calibration(loss: Callable[[float], float], error: Callable[[float], float], slices: int) -> Calibration:
    # Bounded, because without a single error the likelihood has no maximum.
    minimum = minimize_scalar(
        lambda logarithm: loss(float(np.exp(logarithm))), bounds=(np.log(0.2), np.log(10)), method="bounded"
    )
    temperature = round(float(np.exp(minimum.x)), 4)
    return Calibration(temperature, slices, loss(1.0), loss(temperature), error(1.0), error(temperature))
