"""The type of a tumor, its probability, and when it is reported as uncertain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from tumorscope.inference.bundles import Card
from tumorscope.inference.model_card import NO_TUMOR


@dataclass(frozen=True)
class TypeFinding:
    """The predicted type of the tumor in a scan.

    Attributes:
        name: the likeliest type; None where its probability is below ``confidence_needed``.
        likeliest: the likeliest type, whatever its probability.
        probability: of the likeliest.
        probabilities: of every type; they add up to one.
        confidence_needed: the bundle's threshold; below it the type is reported as uncertain.
    """

    name: str | None
    likeliest: str
    probability: float
    probabilities: dict[str, float]
    confidence_needed: float


def class_probability(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities ``(slice, class)`` from logits, calibrated by temperature scaling."""
    return softmax(np.asarray(logits, np.float64) / temperature, axis=1)


def tumor_classes(card: Card) -> tuple[str, ...]:
    """The card's classes that are tumor types."""
    return tuple(name for name in card.classes if name != NO_TUMOR)


def type_probability(classes: np.ndarray, card: Card) -> np.ndarray:
    """Probabilities of the types, given that there is a tumor.

    Args:
        classes: ``(slice, class)`` from :func:`class_probability`.
        card: names the classes.

    Returns:
        ``(slice, type)`` in the order of :func:`tumor_classes`, each row adding up to one.
    """
    kept = classes[:, [index for index, name in enumerate(card.classes) if name != NO_TUMOR]]
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12)


def find_type(probabilities: np.ndarray, weights: np.ndarray, card: Card) -> TypeFinding | None:
    """One type for the whole scan, from the weighted mean over its slices.

    Args:
        probabilities: ``(slice, type)`` from :func:`type_probability`.
        weights: ``(slice,)``, such as each slice's area of tumor.
        card: names the types and the confidence needed.

    Returns:
        None where all weights are zero.
    """
    if not weights.sum() > 0:
        return None
    mean = weights @ probabilities / weights.sum()
    named = {name: float(value) for name, value in zip(tumor_classes(card), mean, strict=True)}
    return type_finding(named, card.operating_point.type_confidence)


def type_finding(probabilities: dict[str, float], confidence_needed: float) -> TypeFinding:
    """The likeliest of several types, named where its probability suffices."""
    likeliest = max(probabilities, key=lambda name: probabilities[name])
    probability = probabilities[likeliest]
    name = likeliest if probability >= confidence_needed else None
    return TypeFinding(name, likeliest, probability, probabilities, confidence_needed)
