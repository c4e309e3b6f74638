"""Where the images of a series lie: their order, and the affine of the stack.

DICOM PS3.3 C.7.6.2.1.1: a pixel lies at ``position + column·spacing·row_direction +
row·spacing·column_direction``, in millimetres in the patient's LPS frame.
"""

from __future__ import annotations

import filecmp
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.dicom.frames import Frame
from tumorscope.reading.orientation import slice_direction

SAME_PLACE_MM = 0.01
"""Images nearer than this along the normal show the same slice."""

_IRREGULAR = 0.05
"""Gaps that differ from the median by more than this share are worth a note."""

_PIXEL_MM = (0.02, 20.0)
"""A pixel of a head's image is no smaller and no larger than this."""

_DIRECTION_TOLERANCE = 0.01
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Stack:
    """The images of a series from bottom to top.

    Attributes:
        frames: ordered along the slice normal, one for each place.
        affine: ``(column, row, slice, 1)`` to millimetres in RAS+, or None.
        notes: what was noticed on the way.
    """

    frames: tuple[Frame, ...]
    affine: np.ndarray | None
    notes: tuple[str, ...]


def stack_frames(frames: list[Frame], name: str) -> Stack:
    """Order the images by position and work out the affine.

    Args:
        frames: of one size and orientation.
        name: the series, for errors.

    Raises:
        UnreadableScan: pixel spacing that is no distance, directions that span no plane.
    """
    frames = sorted(frames, key=lambda frame: (frame.moment, frame.instance, frame.path.name, frame.index))
    frames, notes = _without_copies(frames)
    return _by_place(frames, notes, name) if _has_place(frames[0]) else _by_number(frames, notes)


def plane_of(orientation: np.ndarray) -> str:
    """The plane nearest to a slice: ``axial``, ``coronal`` or ``sagittal``.

    >>> plane_of(np.array([1.0, 0, 0, 0, 0, -1]))
    'coronal'
    """
    normal = np.cross(orientation[:3], orientation[3:])
    return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(normal)))]


def _has_place(frame: Frame) -> bool:
    return frame.orientation is not None and frame.position is not None and frame.spacing_mm is not None


def _by_number(frames: list[Frame], notes: list[str]) -> Stack:
    note = "the files do not say where the images lie; sorted by instance number, sizes are in pixels"
    frames = sorted(frames, key=lambda frame: (frame.instance, frame.path.name, frame.index))
    return Stack(tuple(frames), None, (note, *notes))


def _by_place(frames: list[Frame], notes: list[str], name: str) -> Stack:
    first = frames[0]
    assert first.orientation is not None
    assert first.spacing_mm is not None
    smallest, largest = _PIXEL_MM
    if not ((first.spacing_mm >= smallest) & (first.spacing_mm <= largest)).all():
        shown = "\\".join(f"{value:g}" for value in first.spacing_mm)
        raise UnreadableScan(f"{name}: the pixel spacing {shown} is not a size in mm; export the series again")
    along_row, along_column = _directions(first.orientation, name)
    direction = slice_direction(np.cross(along_row, along_column))
    places = _places(frames, direction)
    if len(places) == 1 and len(frames) > 2 and len({frame.moment for frame in frames}) == 1:
        note = f"all {len(frames)} images state the same place; sorted by instance number, sizes are in pixels"
        return Stack(tuple(frames), None, (note, *notes))
    kept = [place[0] for place in places]
    notes += _told_repeats(places)
    step, step_notes = _slice_step(kept, direction)
    affine = np.eye(4)
    affine[:3, 0] = along_row * first.spacing_mm[1]
    affine[:3, 1] = along_column * first.spacing_mm[0]
    affine[:3, 2] = step
    affine[:3, 3] = kept[0].position
    return Stack(tuple(kept), _LPS_TO_RAS @ affine, (*notes, *step_notes))


def _without_copies(frames: list[Frame]) -> tuple[list[Frame], list[str]]:
    """The frames without second files of the same image, and notes on what was left out.

    Files of one SOPInstanceUID are one image only where they state the same place too.
    """
    known: dict[tuple, Frame] = {}
    copies, differing = 0, 0
    for frame in frames:
        place = None if frame.position is None else tuple(frame.position)
        key = (frame.uid, frame.index, frame.instance, place, frame.moment) if frame.uid else (frame.path, frame.index)
        first = known.setdefault(key, frame)
        if first is not frame:
            copies += 1
            differing += not _same_content(first.path, frame.path)
    notes = [f"{_images(copies)} left out: copies of others"] if copies else []
    if differing:
        notes.append(f"{_images(differing)} of them share SOPInstanceUID and place with another but differ from it")
    return list(known.values()), notes


def _same_content(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _told_repeats(places: list[list[Frame]]) -> list[str]:
    """What several images at one place are: a time series, b-values, or stray repeats."""
    repeats = sum(map(len, places)) - len(places)
    if not repeats:
        return []
    each = len(places[0])
    kinds = [_what_differs(place) for place in places]
    if kinds[0] is None or any(len(place) != each for place in places):
        return [f"{_images(repeats)} left out at places that another image shows; the first by instance number is kept"]
    return [f"4-D series: {each} images at each place ({kinds[0]}); the first is taken, {repeats} are left out"]


def _what_differs(place: list[Frame]) -> str | None:
    times, weights, acquisitions = (sorted({frame.moment[axis] for frame in place}) for axis in range(3))
    if len(times) > 1:
        return "points in time"
    if len(weights) > 1:
        return f"b-values from {weights[0]:g} to {weights[-1]:g}"
    return "acquisitions" if len(acquisitions) > 1 else None


def _images(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"


def _directions(orientation: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    unit = all(abs(length - 1) < _DIRECTION_TOLERANCE for length in lengths)
    if not unit or abs(along_row @ along_column) > _DIRECTION_TOLERANCE:
        raise UnreadableScan(
            f"{name}: the image orientation is not two directions at a right angle; export the series again"
        )
    return along_row / lengths[0], along_column / lengths[1]


def _places(frames: list[Frame], direction: np.ndarray) -> list[list[Frame]]:
    """The frames of each place along the direction, those of a place in the order given."""
    heights = np.array([frame.position @ direction for frame in frames])
    places: list[list[int]] = []
    for index in np.argsort(heights, kind="stable"):
        if places and heights[index] - heights[places[-1][0]] < SAME_PLACE_MM:
            places[-1].append(int(index))
        else:
            places.append([int(index)])
    return [[frames[index] for index in sorted(place)] for place in places]


def _slice_step(frames: list[Frame], direction: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The vector from one slice to the next in mm, LPS, and notes."""
    if len(frames) == 1:
        if frames[0].thickness_mm is None:
            return direction, ["the slice thickness is not stated; 1 mm is assumed"]
        return direction * frames[0].thickness_mm, []
    positions = np.array([frame.position for frame in frames])
    gaps = np.diff(positions @ direction)
    median = float(np.median(gaps))
    if np.abs(gaps - median).max() <= max(_IRREGULAR * median, SAME_PLACE_MM):
        return (positions[-1] - positions[0]) / (len(frames) - 1), []
    note = (
        f"gaps between slices vary from {gaps.min():.2f} to {gaps.max():.2f} mm, slices may be missing; "
        f"the median, {median:.2f} mm, is used"
    )
    return direction * median, [note]
