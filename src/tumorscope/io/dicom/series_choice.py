"""Choice of the best series of each sequence in a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.core.note import Note
from tumorscope.io.dicom.grouping import VolumeCandidate
from tumorscope.io.dicom.header import public_text
from tumorscope.io.dicom.sequence_names import contradiction, sequence_of
from tumorscope.io.dicom.slice_order import SAME_POSITION_MM, plane_of
from tumorscope.io.dicom.structural import functional_word, rejection_reason
from tumorscope.io.sequences import names_it
from tumorscope.preprocessing.series_resampling import REFERENCE_ORDER, broken_off_sequences, reach_notes

THIN_SLICE_MM = 2.0
"""Slices this thin can be looked at from any side."""

FULL_SHARE, FULL_MM = 0.6, 90.0
"""A series that reaches neither this share of the furthest one nor so far shows a part of the head."""

LOCALIZER_FRACTION = 0.25
"""A series of fewer images than this share of the longest is a scout, however far it reaches."""

_TURNED = 0.005
"""Direction cosines that differ by more are another orientation."""

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""SOPClassUID of secondary captures, with one more number those of several frames."""

_MOST_TOLD = 6
"""More series than this are left out without being named each."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The series that are read of a study.

    Attributes:
        series: sequence to images, the one whose grid is taken first; the only one may be ``"unknown"``.
        reasons: sequence to the note on the source of its name.
        notes: what was left out, and why one of several was taken.
        rejection_reason: why no series is a structural MRI of a head; None where one is.
    """

    series: dict[str, VolumeCandidate]
    reasons: dict[str, Note]
    notes: tuple[Note, ...]
    rejection_reason: str | None = None


def choose_series(
    groups: Sequence[VolumeCandidate], words: frozenset[str], stated: Mapping[str, str] | None = None
) -> Choice:
    """The best series of each sequence; the one with the most images where no sequence is plain.

    What is not a structural MRI of a head by its header is left out where anything else is there, and so are
    secondary captures without a position, which show a screen whatever their description names.
    Of several the one that shows the whole head wins, then an acquired plain image (before a
    derived one, Dixon's water, in-phase and opposed-phase), then the plane of the grid (axial for
    the grid itself) or thin slices, then more slices, then smaller pixels, then the first by number.

    Args:
        groups: of one study, not empty.
        words: the patient's name, kept out of the notes.
        stated: what series show where the user says so, by description, number, UID, file or folder; ``unknown``
            leaves one out.
    """
    by_user = {id(group): _stated(group, stated or {}) for group in groups}
    rejected = {
        id(group): None if by_user[id(group)] else rejection_reason(group.header, group.frames) for group in groups
    }
    structural = [group for group in groups if rejected[id(group)] is None]
    acquired = [group for group in structural if by_user[id(group)] or not _is_capture(group)]
    found: dict[str, list[VolumeCandidate]] = {}
    reasons: dict[int, Note] = {}
    for group in acquired or structural or groups:
        sequence, reason = by_user[id(group)] or sequence_of(group.header, words)
        reasons[id(group)] = Note("sequence_source", reason)
        if sequence != "unknown":
            found.setdefault(sequence, []).append(group)
    if found:
        chosen, notes = _best_of_each(found, words)
    else:
        chosen, notes = {"unknown": min(acquired or structural or groups, key=_most_images)}, []
    return Choice(
        chosen,
        {name: reasons[id(group)] for name, group in chosen.items()},
        (*notes, *_left_out(list(chosen.values()), groups, rejected, words)),
        None if structural else rejected[id(next(iter(chosen.values())))],
    )


def _stated(group: VolumeCandidate, stated: Mapping[str, str]) -> tuple[str, str] | None:
    """The sequence that the user states for a series, and the reason; None where nothing is stated."""
    known = names_of_series(group) if stated else frozenset()
    sequence = next((each for name, each in stated.items() if names_it(name, known)), None)
    return None if sequence is None else (sequence, f"sequence {sequence} as stated by the user")


def names_of_series(group: VolumeCandidate) -> frozenset[str]:
    """By what a user may name a series, in lower case: description, protocol, number, UID, files and their folders."""
    header, paths = group.header, [frame.path for frame in group.frames]
    names = {header.description, header.protocol, str(header.number), header.series, group.series}
    names |= {part for path in paths for part in (path.name, path.parent.name)}
    return frozenset({name.strip().lower() for name in names} - {"", "0"})


def _best_of_each(
    found: dict[str, list[VolumeCandidate]], words: frozenset[str]
) -> tuple[dict[str, VolumeCandidate], list[Note]]:
    """The best series of each sequence, the one whose grid is taken first, and why it is the best."""
    chosen: dict[str, VolumeCandidate] = {}
    order, notes = _reference_order(found)
    plane = "axial"
    for sequence in order:
        ranked = _ranked(found[sequence], plane)
        chosen[sequence] = ranked[0]
        rivals = [group for group in ranked[1:] if group.series != ranked[0].series]
        if rivals:
            taken = f"{_described(ranked[0], words)} is taken of {len(rivals) + 1} {sequence} series"
            notes.append(Note("series_choice", f"{taken}: {_advantage(ranked[0], rivals[0], plane)}"))
        if len(chosen) == 1:  # the grid
            plane = _plane(ranked[0]) or "axial"
    return chosen, notes


def _reference_order(found: dict[str, list[VolumeCandidate]]) -> tuple[list[str], list[Note]]:
    """The sequences, the one whose grid is taken first, and a note where that is not the first of the usual order."""
    reach_mm = {name: max(map(_extent_mm, found[name])) for name in REFERENCE_ORDER if name in found}
    broken_off = broken_off_sequences(reach_mm)
    order = sorted(reach_mm, key=lambda name: name in broken_off)
    return order, reach_notes(next(iter(reach_mm)), order[0], reach_mm)


def _is_capture(group: VolumeCandidate) -> bool:
    secondary = group.header.sop_class.startswith(_SECONDARY_CAPTURE)
    return secondary and all(frame.position is None for frame in group.frames)


def _most_images(group: VolumeCandidate) -> tuple:
    return -len(group.frames), *_by_kind(group), group.header.number, group.series


def _ranked(groups: Sequence[VolumeCandidate], plane: str) -> list[VolumeCandidate]:
    return sorted(groups, key=_ranking(groups, plane))


def _ranking(groups: Sequence[VolumeCandidate], plane: str) -> Callable[[VolumeCandidate], tuple]:
    """A sort key that puts the better series first."""
    furthest = max(_extent_mm(group) for group in groups)
    longest = max(len(group.frames) for group in groups)
    return lambda group: _rank(group, plane, furthest, longest)


def _rank(group: VolumeCandidate, plane: str, furthest_mm: float, longest: int) -> tuple:
    frame = group.frames[0]
    suits = _plane(group) == plane or (frame.thickness_mm or np.inf) <= THIN_SLICE_MM
    whole = (
        _extent_mm(group) >= min(FULL_SHARE * furthest_mm, FULL_MM)
        and len(group.frames) >= LOCALIZER_FRACTION * longest
    )
    return (
        not whole,
        *_by_kind(group),
        not suits,
        -len(group.frames),
        _pixel_mm(group),
        group.header.number,
        group.series,
    )


def _advantage(best: VolumeCandidate, other: VolumeCandidate, plane: str) -> str:
    """Why the best is better than another, in words."""
    rank = _ranking([best, other], plane)
    differs = [one != two for one, two in zip(rank(best), rank(other), strict=True)]
    reasons = (
        "the others show a part of the head",
        f"{_kind(best)}, not {_kind(other)}",
        f"{_kind(best)}, not {_kind(other)}",
        plane if _plane(best) == plane else "thin slices",
        f"more slices, {len(best.frames)} against {len(other.frames)}",
        f"smaller pixels, {_pixel_mm(best):g} against {_pixel_mm(other):g} mm",
    )
    return next((reason for reason, one in zip(reasons, differs, strict=False) if one), "the first by number")


def _by_kind(group: VolumeCandidate) -> tuple[int, bool]:
    """Plain images before those of Dixon, acquired before derived."""
    return group.header.kind.preference, group.header.is_derived


def _kind(group: VolumeCandidate) -> str:
    header = group.header
    return header.kind.name or ("derived image" if header.is_derived else "acquired plain image")


def _pixel_mm(group: VolumeCandidate) -> float:
    spacing = group.frames[0].spacing_mm
    return np.inf if spacing is None else round(float(spacing.max()), 2)


def _plane(group: VolumeCandidate) -> str | None:
    orientation = group.frames[0].orientation
    return None if orientation is None else plane_of(orientation)


def _extent_mm(group: VolumeCandidate) -> float:
    """From the first to the last slice and the slices themselves; 0 where positions are not known."""
    first = group.frames[0]
    if first.orientation is None or first.position is None:
        return 0.0
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    heights = [float(frame.position @ normal) for frame in group.frames if frame.position is not None]
    return max(heights) - min(heights) + max(first.thickness_mm or 0.0, SAME_POSITION_MM)


def _left_out(
    chosen: Sequence[VolumeCandidate],
    groups: Sequence[VolumeCandidate],
    rejected: dict[int, str | None],
    words: frozenset[str],
) -> tuple[Note, ...]:
    others = sorted(
        (group for group in groups if group not in chosen),
        key=lambda group: (-len(group.frames), group.header.number, group.series),
    )
    if not others:
        return ()
    shown = []
    for group in others[:_MOST_TOLD]:
        count = len(group.frames)
        same = next((main for main in chosen if main.series == group.series), None)
        why = _how_it_differs(group, same) if same else _why_worse(group, rejected[id(group)])
        shown.append(f"{_described(group, words)} ({count} image{'s' if count > 1 else ''}{why})")
    more = f" and {len(others) - _MOST_TOLD} more" if len(others) > _MOST_TOLD else ""
    what = "not of the main series" if len(chosen) == 1 else "not of the series taken"
    return (Note("series_left_out", f"left out, {what}: {', '.join(shown)}{more}"),)


def _why_worse(group: VolumeCandidate, rejection: str | None) -> str:
    """The header's reason, unless the description, which is quoted, states it."""
    if rejection is None and (doubt := contradiction(group.header)):
        return f", but {doubt}"
    if group.header.kind.name.startswith("Dixon"):
        return f", {group.header.kind.name}"
    if rejection is None and _is_capture(group):
        return ", captured from a screen"
    return "" if rejection is None or functional_word(group.header.description) else f", {rejection.partition(':')[0]}"


def _how_it_differs(group: VolumeCandidate, main: VolumeCandidate) -> str:
    frame, other = group.frames[0], main.frames[0]
    if frame.kind.name != other.kind.name:
        return f", same series, {frame.kind.name or 'plain image'}{'s' if len(group.frames) > 1 else ''}"
    if frame.size != other.size:
        return f", same series in another size, {frame.size[0]}×{frame.size[1]}"
    if frame.position is None or frame.orientation is None:
        return ", same series without a position" if other.position is not None else ", same series"
    if other.orientation is None or np.abs(frame.orientation - other.orientation).max() > _TURNED:
        return f", same series in another orientation, {_plane(group)}"
    if abs(frame.echo_ms - other.echo_ms) > 0:
        return f", same series at another echo time, {frame.echo_ms:g} ms"
    return ", same series in another pixel size"


def _described(group: VolumeCandidate, words: frozenset[str]) -> str:
    text, number = public_text(group.header.description, words), group.header.number
    return f'"{text}"' if text else f"number {number}" if number else "a series without a description"
