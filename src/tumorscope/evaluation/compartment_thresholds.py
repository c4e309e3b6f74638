"""The choice of the compartments' thresholds on validation patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.core.compartments import Compartment, separate, with_thresholds
from tumorscope.evaluation.metrics import dice

TOLERANCE = 0.001
"""Mean Dice values that differ by less count as equal, because the patients are too few to distinguish them."""


@dataclass(frozen=True, eq=False)
class SegmentedCase:
    """A case whose whole tumor is segmented, before its compartments are.

    Attributes:
        whole: boolean ``(slice, size, size)``, predicted.
        probability: of the compartments inside the whole, ``(slice, compartment, size, size)``.
        truth: boolean, of the same shape.
    """

    whole: np.ndarray
    probability: np.ndarray
    truth: np.ndarray


def choose_compartment_thresholds(
    cases: Sequence[SegmentedCase], compartments: Sequence[Compartment], grid: Sequence[float]
) -> dict[str, float]:
    """For each compartment that leaves a rest of what contains it, the threshold with the largest mean Dice.

    Of the thresholds within :data:`TOLERANCE` of the best the middle one is taken. They are chosen in order, outer
    compartments before inner ones, the others at what was chosen before or at
    :data:`~tumorscope.core.compartments.THRESHOLD`.

    Args:
        cases: the validation cases with a mask.
        compartments: the whole first.
        grid: the thresholds to try, in increasing order.

    Returns:
        Thresholds by name, without compartments that no case shows.
    """
    chosen: dict[str, float] = {}
    for name in with_thresholds(compartments):
        place = [each.name for each in compartments[1:]].index(name)
        if not any(case.truth[:, place].any() for case in cases):
            continue
        scores = [_mean_dice(cases, compartments, chosen | {name: threshold}, place) for threshold in grid]
        good = [threshold for threshold, score in zip(grid, scores, strict=True) if score >= max(scores) - TOLERANCE]
        chosen[name] = good[len(good) // 2]
    return chosen


def _mean_dice(
    cases: Sequence[SegmentedCase], compartments: Sequence[Compartment], thresholds: Mapping[str, float], place: int
) -> float:
    """Over the cases; one in which truth and prediction are both empty is not counted."""
    values = [
        dice(
            case.truth[:, place], separate(case.whole, case.probability.swapaxes(0, 1), compartments, thresholds)[place]
        )
        for case in cases
    ]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0
