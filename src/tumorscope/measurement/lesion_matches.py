"""Which lesions of two studies are one lesion: those that overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.measurement.lesions import label_lesions

if TYPE_CHECKING:
    from tumorscope.measurement.response import Timepoint


@dataclass(frozen=True)
class Match:
    """Lesions of both studies that overlap: usually one of each, more where some merged or split.

    Attributes:
        before, after: indices into the studies' lesions; empty for a new or a vanished lesion.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]


def match_lesions(before: Timepoint, after: Timepoint, registered: bool) -> tuple[Match, ...] | None:
    """Groups of lesions that overlap, or None where the studies are not in one frame."""
    if not after.lesions or not before.lesions:
        lost = [Match((index,), ()) for index in range(len(before.lesions))]
        return tuple(lost + [Match((), (index,)) for index in range(len(after.lesions))])
    earlier_grid, later_grid = before.geometry, after.geometry
    if earlier_grid is None or later_grid is None:
        return None
    if not earlier_grid.continues(later_grid) and not registered:
        return None
    earlier, later = _numbered(before), _numbered(after)
    voxels = np.argwhere(later >= 0)
    nearest = np.rint(earlier_grid.to_index(later_grid.to_mm(voxels))).astype(int)
    seen = ((nearest >= 0) & (nearest < earlier.shape)).all(axis=1)
    met = earlier[tuple(nearest[seen].T)]
    pairs = {(int(one), int(other)) for one, other in zip(met, later[tuple(voxels[seen].T)], strict=True) if one >= 0}
    return _groups(pairs, len(before.lesions), len(after.lesions))


def _groups(pairs: set[tuple[int, int]], earlier: int, later: int) -> tuple[Match, ...]:
    """Lesions joined by overlaps, through however many others.

    >>> _groups({(0, 0), (1, 0)}, 3, 2)
    (Match(before=(0, 1), after=(0,)), Match(before=(2,), after=()), Match(before=(), after=(1,)))
    """
    group = list(range(earlier + later))
    for one, other in sorted(pairs):
        first, second = group[one], group[earlier + other]
        group = [first if number == second else number for number in group]
    matches = []
    for number in dict.fromkeys(group):
        members = [index for index, own in enumerate(group) if own == number]
        before = tuple(index for index in members if index < earlier)
        matches.append(Match(before, tuple(index - earlier for index in members if index >= earlier)))
    return tuple(matches)


def _numbered(study: Timepoint) -> np.ndarray:
    """For each voxel the index of its lesion, −1 outside."""
    labels, sizes = label_lesions(study.mask)
    index_of = np.full(len(sizes), -1)
    index_of[1 + np.argsort(-sizes[1:], kind="stable")] = np.arange(len(sizes) - 1)  # as they are sorted
    return index_of[labels]
