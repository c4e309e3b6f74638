"""Where the images of a series lie: their order, and the affine of the stack.

DICOM PS3.3 C.7.6.2.1.1: a pixel lies at ``position + column·spacing·row_direction +
row·spacing·column_direction``, in millimetres in the patient's LPS frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.dicom.frames import Frame
from tumorscope.reading.orientation import slice_direction

SAME_PLACE_MM = 0.01
"""Images nearer than this along the normal show the same slice."""

_IRREGULAR = 0.05
"""Gaps that differ from the median by more than this share are worth a note."""

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
    frames = sorted(frames, key=lambda frame: (frame.instance, frame.path.name, frame.index))
    first = frames[0]
    if first.spacing_mm is not None and not (first.spacing_mm > 0).all():
        shown = "\\".join(f"{value:g}" for value in first.spacing_mm)
        raise UnreadableScan(f"{name}: the pixel spacing {shown} is not a size in mm; export the series again")
    if first.orientation is None or first.position is None or first.spacing_mm is None:
        note = "the files do not say where the images lie; sorted by instance number, sizes are in pixels"
        return Stack(tuple(frames), None, (note,))
    along_row, along_column = _directions(first.orientation, name)
    direction = slice_direction(np.cross(along_row, along_column))
    kept, duplicates = _one_per_place(frames, direction)
    notes = []
    if duplicates:
        notes.append(
            f"{duplicates} image{'s' if duplicates > 1 else ''} left out at places that another image shows; "
            "the first by instance number is kept"
        )
    step, step_notes = _slice_step(kept, direction)
    affine = np.eye(4)
    affine[:3, 0] = along_row * first.spacing_mm[1]
    affine[:3, 1] = along_column * first.spacing_mm[0]
    affine[:3, 2] = step
    affine[:3, 3] = kept[0].position
    return Stack(tuple(kept), _LPS_TO_RAS @ affine, (*notes, *step_notes))


def _directions(orientation: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    unit = all(abs(length - 1) < _DIRECTION_TOLERANCE for length in lengths)
    if not unit or abs(along_row @ along_column) > _DIRECTION_TOLERANCE:
        raise UnreadableScan(
            f"{name}: the image orientation is not two directions at a right angle; export the series again"
        )
    return along_row / lengths[0], along_column / lengths[1]


def _one_per_place(frames: list[Frame], direction: np.ndarray) -> tuple[list[Frame], int]:
    """The frames along the direction, the first of those that share a place, and how many were left out."""
    heights = np.array([frame.position @ direction for frame in frames])
    places: list[list[int]] = []
    for index in np.argsort(heights, kind="stable"):
        if places and heights[index] - heights[places[-1][0]] < SAME_PLACE_MM:
            places[-1].append(int(index))
        else:
            places.append([int(index)])
    return [frames[min(place)] for place in places], len(frames) - len(places)


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
