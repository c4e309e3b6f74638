"""The slices that represent a scan in panel and report."""

from __future__ import annotations

import numpy as np

from tumorscope.inference.analysis import Analysis

_NOTABLE_SHARE = 0.05
"""Besides the largest, lesions with at least this share of the mask get a slice of their own."""


def choose_slices(analysis: Analysis, truth: np.ndarray | None, count: int) -> tuple[int, ...]:
    """Indices of the most representative slices, ascending.

    First the slice with the largest predicted area; with a true mask, the slice that
    disagrees most with it; the largest slice of each further notable lesion; then slices
    spread over the extent of both masks. The rest, and all slices of a scan without
    findings, are those with the highest tumor probability.

    Args:
        analysis: gives areas, lesions and probabilities.
        truth: boolean ``(slice, row, column)`` or None.
        count: how many at most.
    """
    areas = np.array([finding.area_px for finding in analysis.slices])
    affected = areas > 0
    candidates: list[int] = []
    if areas.any():
        candidates.append(int(areas.argmax()))
    if truth is not None:
        affected = affected | truth.any(axis=(1, 2))
        disagreement = (analysis.mask != truth).sum(axis=(1, 2))
        if disagreement.any():
            candidates.append(int(disagreement.argmax()))
    notable = _NOTABLE_SHARE * areas.sum()
    candidates += [lesion.largest_slice for lesion in analysis.lesions if lesion.voxels >= notable]
    chosen = list(dict.fromkeys(candidates))[:count]
    _spread(chosen, np.flatnonzero(affected), count)
    probabilities = np.array([finding.tumor_probability or 0.0 for finding in analysis.slices])
    for index in np.argsort(-probabilities, kind="stable"):
        if len(chosen) < count and int(index) not in chosen:
            chosen.append(int(index))
    return tuple(sorted(chosen))


def _spread(chosen: list[int], affected: np.ndarray, count: int) -> None:
    """Add affected slices, each as far as possible from those already chosen."""
    if len(affected) > count:
        # The middles of equal parts: the very ends of a lesion show little of it.
        positions = (np.arange(count) + 0.5) / count * len(affected)
        affected = affected[positions.astype(int)]
    rest = [int(index) for index in affected if index not in chosen]
    while rest and len(chosen) < count:
        farthest = max(rest, key=lambda index: min((abs(index - other) for other in chosen), default=0))
        rest.remove(farthest)
        chosen.append(farthest)
