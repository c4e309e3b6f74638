"""Confidence intervals of metrics: bootstrap by patient.

Slices of one patient are correlated, so they are drawn together: every draw takes as
many patients as there are, with replacement, and each with all its slices (the cluster
bootstrap; Field and Welsh 2007). Intervals are percentiles of the draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

DRAWS = 2000
Interval = tuple[float, float]


def draw_patients(patients: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Number of times that each draw contains each patient, int ``(draw, patient)``; rows add up to ``patients``."""
    chance = np.random.default_rng(seed)
    return chance.multinomial(patients, np.full(patients, 1 / patients), size=draws)


def patient_interval(
    values: Sequence[float | None],
    statistic: Callable[..., np.ndarray] = np.mean,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """95 % interval of a statistic over patients.

    Args:
        values: one per patient; None is ignored.
        statistic: takes an array and ``axis``, as ``np.mean`` and ``np.median`` do.
        draws: resamples of the patients.
        seed: makes the draws reproducible.

    Returns:
        None if fewer than two patients have a value.
    """
    known = np.array([value for value in values if value is not None], float)
    if len(known) < 2:
        return None
    chosen = np.random.default_rng(seed).integers(len(known), size=(draws, len(known)))
    return percentiles(statistic(known[chosen], axis=1))


def slice_interval(
    patient_of_slice: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """95 % interval of a statistic over the slices of several patients.

    Args:
        patient_of_slice: the patient of each slice, any labels, ``(slice,)``.
        statistic: of weights ``(draw, slice)``, how often each slice was drawn, gives
            ``(draw,)``; NaN where a draw has no such value.
        draws: resamples of the patients.
        seed: makes the draws reproducible.

    Returns:
        None where there are fewer than two patients.
    """
    names, patient = np.unique(patient_of_slice, return_inverse=True)
    if len(names) < 2:
        return None
    drawn = draw_patients(len(names), draws, seed)
    portion = max(1, 2_000_000 // len(patient))  # weights of all draws at once would fill the memory
    parts = [statistic(drawn[start : start + portion, patient]) for start in range(0, draws, portion)]
    return percentiles(np.concatenate(parts))


def weighted_mean(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The mean as a statistic for :func:`slice_interval`; slices whose value is NaN count for nothing."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)

    def mean(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (weights @ filled) / (weights @ known.astype(float))

    return mean


def percentiles(values: np.ndarray) -> Interval | None:
    """The central 95 % of the draws that have a value, or None if none has."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)
