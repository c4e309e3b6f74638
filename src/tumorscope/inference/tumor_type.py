"""Which type a tumor is of, how sure that is, and when it is better left open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from tumorscope.inference.bundles import Card
from tumorscope.inference.model_card import NO_TUMOR


@dataclass(frozen=True)
class TypeFinding:
    """One opinion on the type of the tumor in a scan.

    Attributes:
        name: the likeliest type, or None where that is too unsure to be named.
        likeliest: the likeliest type, however unsure.
        probability: of the likeliest.
        probabilities: of every type; they add up to one.
        confidence_needed: the bundle's limit below which a type is not named.
    """

    name: str | None
    likeliest: str
    probability: float
    probabilities: dict[str, float]
    confidence_needed: float


def class_probability(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities ``(slice, class)`` from logits, made honest by the bundle's temperature."""
    return softmax(np.asarray(logits, np.float64) / temperature, axis=1)


def tumor_classes(card: Card) -> tuple[str, ...]:
    """The card's classes that are types of tumors."""
    return tuple(name for name in card.classes if name != NO_TUMOR)


def type_probability(classes: np.ndarray, card: Card) -> np.ndarray:
    """Probabilities of the types, given that there is a tumor.

    Args:
        classes: ``(slice, class)`` from :func:`class_probability`.
        card: names the classes.

    Returns:
        ``(slice, type)`` in the order of :func:`tumor_classes`, each row adding up to one.
    """
    kept = classes[:, [place for place, name in enumerate(card.classes) if name != NO_TUMOR]]
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12)


def find_type(probabilities: np.ndarray, weights: np.ndarray, card: Card) -> TypeFinding | None:
    """One type for the whole scan: the mean over its slices.

    Args:
        probabilities: ``(slice, type)`` from :func:`type_probability`.
        weights: ``(slice,)``, how much each slice has to say, such as its area of tumor.
        card: names the types and the confidence needed.

    Returns:
        None where no slice has anything to say.
    """
    if not weights.sum() > 0:
        return None
    mean = weights @ probabilities / weights.sum()
    named = {name: float(value) for name, value in zip(tumor_classes(card), mean, strict=True)}
    return opinion(named, card.operating_point.type_confidence)


def opinion(probabilities: dict[str, float], confidence_needed: float) -> TypeFinding:
    """The finding that probabilities of types make."""
    likeliest = max(probabilities, key=lambda name: probabilities[name])
    probability = probabilities[likeliest]
    name = likeliest if probability >= confidence_needed else None
    return TypeFinding(name, likeliest, probability, probabilities, confidence_needed)
