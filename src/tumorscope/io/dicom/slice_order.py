"""The images of a series in their order along the slice normal, and where they are in the patient."""

from __future__ import annotations

import filecmp
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.note import Note
from tumorscope.io.dicom.image_attributes import Frame
from tumorscope.io.dicom.planes import Plane, place_slices

SAME_POSITION_MM = 0.05
"""Images nearer than this along the normal show the same slice.

Above what scanners round a position to when they repeat it, below the distance of any slices of a head: the finest
published, of a brain outside of the body, are 0.1 mm apart.
"""


@dataclass(frozen=True, eq=False)
class Stack:
    """The images of a series from bottom to top.

    Attributes:
        frames: ordered along the slice normal, one for each position.
        affine: ``(column, row, position, 1)`` to millimeters in RAS+, or None.
        slice_positions: where each slice is, in steps of the affine's third axis; None where slices
            are evenly spaced. See :class:`tumorscope.core.geometry.Geometry`.
        notes: what was noticed on sorting.
    """

    frames: tuple[Frame, ...]
    affine: np.ndarray | None
    slice_positions: np.ndarray | None
    notes: tuple[Note, ...]


def stack_frames(frames: list[Frame], name: str) -> Stack:
    """Order the images by position and work out the affine.

    Args:
        frames: of one size and orientation.
        name: the series, for errors.

    Raises:
        UnreadableScan: pixel spacing that is not a distance, directions that span no plane, slices
            further apart than any patient is long.
    """
    frames = sorted(frames, key=lambda frame: (frame.temporal_key, frame.instance, frame.path.name, frame.index))
    frames, notes = _without_copies(frames)
    return _by_position(frames, notes, name) if _has_position(frames[0]) else _by_number(frames, notes)


def plane_of(orientation: np.ndarray) -> str:
    """The plane nearest to a slice: ``axial``, ``coronal`` or ``sagittal``.

    >>> plane_of(np.array([1.0, 0, 0, 0, 0, -1]))
    'coronal'
    """
    normal = np.cross(orientation[:3], orientation[3:])
    return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(normal)))]


def _has_position(frame: Frame) -> bool:
    return frame.orientation is not None and frame.position is not None and frame.spacing_mm is not None


def _by_number(frames: list[Frame], notes: list[Note]) -> Stack:
    what = "the files do not state the position of the images; sorted by instance number, sizes are in pixels"
    note = Note("assumed_order", what)
    frames = sorted(frames, key=lambda frame: (frame.instance, frame.path.name, frame.index))
    return Stack(tuple(frames), None, None, (note, *notes))


def _by_position(frames: list[Frame], notes: list[Note], name: str) -> Stack:
    first = frames[0]
    assert first.orientation is not None
    assert first.spacing_mm is not None
    plane = Plane.of(first.orientation, first.spacing_mm, name)
    groups = _at_positions(frames, plane.normal)
    if len(groups) == 1 and len(frames) > 2 and len({frame.temporal_key for frame in frames}) == 1:
        what = f"all {len(frames)} images state the same position; sorted by instance number, sizes are in pixels"
        return Stack(tuple(frames), None, None, (Note("assumed_order", what), *notes))
    kept = [group[0] for group in groups]
    notes += _notes_on_repeats(groups)
    positions = np.array([frame.position for frame in kept])
    placed = place_slices(positions, plane, first.thickness_mm, name)
    return Stack(tuple(kept), placed.affine, placed.slice_positions, (*notes, *placed.notes))


def _without_copies(frames: list[Frame]) -> tuple[list[Frame], list[Note]]:
    """The frames without second files of the same image, and notes on what was left out.

    Files of one SOPInstanceUID are one image only where they state the same position too.
    """
    known: dict[tuple, Frame] = {}
    copies, differing = 0, 0
    for frame in frames:
        position = None if frame.position is None else tuple(frame.position)
        key = (
            (frame.uid, frame.index, frame.instance, position, frame.temporal_key)
            if frame.uid
            else (frame.path, frame.index)
        )
        first = known.setdefault(key, frame)
        if first is not frame:
            copies += 1
            differing += not _same_content(first.path, frame.path)
    notes = [Note("images_left_out", f"{_images(copies)} left out: copies of others")] if copies else []
    if differing:
        what = f"{_images(differing)} of them share SOPInstanceUID and position with another but differ from it"
        notes.append(Note("images_left_out", what))
    return list(known.values()), notes


def _same_content(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _notes_on_repeats(groups: list[list[Frame]]) -> list[Note]:
    """What several images at one position are: a time series, b-values, or stray repeats."""
    repeats = sum(map(len, groups)) - len(groups)
    if not repeats:
        return []
    each = len(groups[0])
    kinds = [_what_differs(group) for group in groups]
    if kinds[0] is None or any(len(group) != each for group in groups):
        what = (
            f"{_images(repeats)} left out at positions that another image shows; the first by instance number is kept"
        )
    else:
        what = f"4-D series: {each} images at each position ({kinds[0]}); the first is taken, {repeats} are left out"
    return [Note("images_left_out", what)]


def _what_differs(group: list[Frame]) -> str | None:
    times, weights, acquisitions = (sorted({frame.temporal_key[axis] for frame in group}) for axis in range(3))
    if len(times) > 1:
        return "points in time"
    if len(weights) > 1:
        return f"b-values from {weights[0]:g} to {weights[-1]:g}"
    return "acquisitions" if len(acquisitions) > 1 else None


def _images(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"


def _at_positions(frames: list[Frame], direction: np.ndarray) -> list[list[Frame]]:
    """The frames of each position along the direction, those of one position in the order given."""
    heights = np.array([frame.position @ direction for frame in frames])
    groups: list[list[int]] = []
    for index in np.argsort(heights, kind="stable"):
        if groups and heights[index] - heights[groups[-1][0]] < SAME_POSITION_MM:
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    return [[frames[index] for index in sorted(group)] for group in groups]
