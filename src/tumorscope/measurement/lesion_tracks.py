"""Lesions followed through several studies: a track is one lesion in all of them, or a few that merged or split."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from tumorscope.measurement.lesion_matches import match_lesions

if TYPE_CHECKING:
    from tumorscope.measurement.response import Timepoint

Track = tuple[tuple[int, ...], ...]
"""For each study the indices of its lesions that belong to the track; empty where the lesion is not there."""


def track_lesions(studies: Sequence[Timepoint], registered: bool) -> tuple[Track, ...] | None:
    """Lesions that overlap in any two studies, also where a study between them does not show them.

    Args:
        studies: in the order of time.
        registered: whether all are in one frame of reference, whatever their grids.

    Returns:
        The tracks in the order in which they appear, the largest lesion first; None where positions of two studies
        cannot be compared.
    """
    track_of = {
        (number, index): (number, index) for number, study in enumerate(studies) for index in range(len(study.lesions))
    }
    for (first, before), (second, after) in combinations(enumerate(studies), 2):
        matches = match_lesions(before, after, registered)
        if matches is None:
            return None
        for match in matches:
            members = [(first, index) for index in match.before] + [(second, index) for index in match.after]
            joined = {track_of[member] for member in members}
            if len(joined) > 1:
                kept = min(joined)
                track_of = {lesion: kept if track in joined else track for lesion, track in track_of.items()}
    return tuple(
        tuple(
            tuple(index for (number, index), own in track_of.items() if own == track and number == study)
            for study in range(len(studies))
        )
        for track in sorted(set(track_of.values()))
    )
