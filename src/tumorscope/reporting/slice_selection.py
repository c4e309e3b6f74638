"""Which slices of a scan tell most."""

from __future__ import annotations

import numpy as np

from tumorscope.inference.analysis import Analysis

_NOTABLE_SHARE = 0.05
"""A further lesion gets a slice of its own if it holds at least this share of the mask."""


def choose_slices(analysis: Analysis, truth: np.ndarray | None, count: int) -> tuple[int, ...]:
    """Indices of the most telling slices, ascending.

    First the slice with the largest predicted area; with a true mask, the slice that
    disagrees most with it; the largest slice of each further notable lesion; then slices
    spread over the extent of both masks. What is left to fill, and all of a scan without
    finding, goes to the slices with the highest tumor probability.

    Args:
        analysis: gives areas, lesions and probabilities.
        truth: boolean ``(slice, row, column)`` or None.
        count: how many at most.
    """
    areas = np.array([finding.area_px for finding in analysis.slices])
    affected = areas > 0
    telling: list[int] = []
    if areas.any():
        telling.append(int(areas.argmax()))
    if truth is not None:
        affected = affected | truth.any(axis=(1, 2))
        disagreement = (analysis.mask != truth).sum(axis=(1, 2))
        if disagreement.any():
            telling.append(int(disagreement.argmax()))
    notable = _NOTABLE_SHARE * areas.sum()
    telling += [lesion.largest_slice for lesion in analysis.lesions if lesion.voxels >= notable]
    chosen = list(dict.fromkeys(telling))[:count]
    _spread(chosen, np.flatnonzero(affected), count)
    probabilities = np.array([finding.tumor_probability or 0.0 for finding in analysis.slices])
    for index in np.argsort(-probabilities, kind="stable"):
        if len(chosen) < count and int(index) not in chosen:
            chosen.append(int(index))
    return tuple(sorted(chosen))


def _spread(chosen: list[int], affected: np.ndarray, count: int) -> None:
    """Add affected slices, each as far as it can be from those already chosen."""
    if len(affected) > count:
        # The middles of equal parts: the very ends of a lesion show little of it.
        places = (np.arange(count) + 0.5) / count * len(affected)
        affected = affected[places.astype(int)]
    rest = [int(index) for index in affected if index not in chosen]
    while rest and len(chosen) < count:
        next_one = max(rest, key=lambda index: min((abs(index - other) for other in chosen), default=0))
        rest.remove(next_one)
        chosen.append(next_one)
