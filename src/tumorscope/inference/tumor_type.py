"""The type of a tumor, its probability, and when it is reported as uncertain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tumorscope.inference.bundles import Card
from tumorscope.inference.logits import softmax
from tumorscope.inference.model_card import NO_TUMOR

TypeDoubt = Literal["low_probability", "other_or_unsure", "isolated_slice", "other_sequence"]
"""Why a type is not named: no type is likely enough; the tumor is unlike those of the types that the bundle knows, so
it may be of another; nothing but single slices near the operating point show it; or the scan is of another sequence than
the types were learned on."""


@dataclass(frozen=True)
class TypeFinding:
    """The predicted type of the tumor in a scan.

    Attributes:
        name: the likeliest type; None where there is a ``doubt``.
        likeliest: the likeliest type, whatever its probability.
        probability: of the likeliest.
        probabilities: of every type; they add up to one.
        confidence_needed: the bundle's threshold; below it the type is reported as uncertain.
        doubt: why no type is named; None where one is.
    """

    name: str | None
    likeliest: str
    probability: float
    probabilities: dict[str, float]
    confidence_needed: float
    doubt: TypeDoubt | None = None

    def doubted(self, doubt: TypeDoubt) -> TypeFinding:
        """The same without a name. A low probability stays the reason where it is one."""
        return self if self.name is None else replace(self, name=None, doubt=doubt)

    def doubted_like(self, other: TypeFinding | None) -> TypeFinding:
        """The same without a name where another classifier of the same types has reason to doubt any of them.

        Args:
            other: by the network; its low probability is not a reason, as another classifier may be surer.
        """
        doubt = None if other is None or other.doubt == "low_probability" else other.doubt
        return self if doubt is None else self.doubted(doubt)


def class_probability(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities ``(slice, class)`` from logits, calibrated by temperature scaling."""
    return softmax(np.asarray(logits, np.float64) / temperature)


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
    finding = TypeFinding(likeliest, likeliest, probability, probabilities, confidence_needed)
    return finding if probability >= confidence_needed else finding.doubted("low_probability")


def carries_type(probability: np.ndarray, presence: float) -> bool:
    """Whether slices show a tumor well enough for its type to be named.

    Single slices near the operating point are the commonest false alarms. They carry no type: either two neighboring
    slices are positive, or one reaches the middle between the operating point and certainty.

    Args:
        probability: of a tumor, ``(slice,)``.
        presence: the operating point.

    >>> carries_type(np.array([0.1, 0.8, 0.1]), 0.75), carries_type(np.array([0.1, 0.8, 0.8]), 0.75)
    (False, True)
    >>> carries_type(np.array([0.1, 0.9, 0.1]), 0.75)
    True
    """
    if presence <= 0:  # every slice is known to show a tumor
        return True
    positive = probability >= presence
    return bool((positive[1:] & positive[:-1]).any() or (probability >= (1 + presence) / 2).any())
