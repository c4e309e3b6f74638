"""Parallel planes in the patient: the orientation of each, and the geometry of a stack of them.

DICOM PS3.3 C.7.6.2.1.1: a pixel is at ``position + column·spacing·row_direction +
row·spacing·column_direction``, in millimeters in the patient's LPS frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import LPS_TO_RAS
from tumorscope.core.note import Note
from tumorscope.io.checks import MAX_VOXELS, size_text
from tumorscope.io.orientation import slice_direction

_IRREGULAR = 0.05
"""Gaps that differ from the median by more than this share are uneven."""

_ROUNDING_MM = 0.01
"""Nor are gaps uneven that differ by less than this."""

_SIDEWAYS = 0.1
"""Slices further than this from the line along which a stack leans, in pixels, are worth a note."""

_LONGEST_MM = 2000.0
"""No stack of slices reaches further than this."""

_PIXEL_MM = (0.02, 20.0)
"""The smallest and the largest size of a pixel in an image of a head."""

_DIRECTION_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Plane:
    """The orientation and pixel size that the slices of a stack share.

    Attributes:
        along_row, along_column: unit vectors at a right angle, LPS.
        spacing_mm: distance between rows, then between columns.
    """

    along_row: np.ndarray
    along_column: np.ndarray
    spacing_mm: np.ndarray

    @classmethod
    def of(cls, orientation: np.ndarray, spacing_mm: np.ndarray, name: str) -> Plane:
        """The plane that ImageOrientationPatient and PixelSpacing describe.

        Raises:
            UnreadableScan: pixel spacing that is not a distance, directions that span no plane.
        """
        smallest, largest = _PIXEL_MM
        if not ((spacing_mm >= smallest) & (spacing_mm <= largest)).all():
            shown = "\\".join(f"{value:g}" for value in spacing_mm)
            raise UnreadableScan(f"{name}: the pixel spacing {shown} is not a size in mm; export the series again")
        return cls(*_directions(orientation, name), spacing_mm)

    @property
    def normal(self) -> np.ndarray:
        """The direction in which slices are counted, LPS."""
        return slice_direction(np.cross(self.along_row, self.along_column))


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the slices of a stack are, as :class:`tumorscope.core.geometry.Geometry` has it.

    Attributes:
        affine: ``(column, row, position, 1)`` to millimeters in RAS+.
        slice_positions: of each slice, in steps of the affine's third axis; None where they are evenly spaced.
        notes: what was noticed on sorting.
    """

    affine: np.ndarray
    slice_positions: np.ndarray | None
    notes: tuple[Note, ...]


def place_slices(positions: np.ndarray, plane: Plane, thickness_mm: float | None, name: str) -> Placement:
    """The affine and slice positions of a stack.

    Args:
        positions: center of the first pixel of each slice in mm, LPS, ``(slice, 3)``, ordered along the normal.
        plane: of all slices.
        thickness_mm: distance to the next slice where there is only one, None where it is not known.
        name: the series, for errors.

    Raises:
        UnreadableScan: slices further apart than any patient is long.
    """
    step, slice_positions, notes = (
        _only_step(plane, thickness_mm) if len(positions) == 1 else _steps(positions, plane, name)
    )
    affine = np.eye(4)
    affine[:3, 0] = plane.along_row * plane.spacing_mm[1]
    affine[:3, 1] = plane.along_column * plane.spacing_mm[0]
    affine[:3, 2] = step
    affine[:3, 3] = positions[0]
    return Placement(LPS_TO_RAS @ affine, slice_positions, tuple(notes))


def with_missing_planes(
    positions: np.ndarray, normal: np.ndarray, usual_mm: float | None, size: tuple[int, int], name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Positions with those of planes that were left out, and where the given ones are among them.

    Args:
        positions: ``(plane, 3)`` in mm, ordered along the normal.
        normal: of all planes, a unit vector.
        usual_mm: distance of neighboring planes; None where no plane is missing.
        size: rows and columns of a plane.
        name: the object, for errors.

    Raises:
        UnreadableScan: more planes than fit into memory.
    """
    gaps = np.diff(positions @ normal)
    steps = np.ones(len(gaps)) if usual_mm is None else np.maximum(np.rint(gaps / usual_mm), 1)
    shape = (int(steps.sum()) + 1, *size)
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise UnreadableScan(f"{name}: {size_text(shape)} voxels are more than the {MAX_VOXELS:,} allowed")
    rows = np.r_[0, np.cumsum(steps)].astype(int)
    every = [np.interp(np.arange(shape[0]), rows, positions[:, axis]) for axis in range(3)]
    return np.stack(every, axis=1), rows


def _only_step(plane: Plane, thickness_mm: float | None) -> tuple[np.ndarray, None, list[Note]]:
    if thickness_mm is None:
        return plane.normal, None, [Note("assumed_spacing", "the slice thickness is not stated; 1 mm is assumed")]
    return plane.normal * thickness_mm, None, []


def _steps(positions: np.ndarray, plane: Plane, name: str) -> tuple[np.ndarray, np.ndarray | None, list[Note]]:
    """The usual vector from one slice to the next in mm, LPS, positions where uneven, and notes."""
    offsets = positions - positions[0]
    heights = offsets @ plane.normal
    if heights[-1] > _LONGEST_MM:
        raise UnreadableScan(f"{name}: the slices reach over {heights[-1] / 1000:,.1f} m; export the series again")
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    even = np.abs(gaps - usual).max() <= max(_IRREGULAR * usual, _ROUNDING_MM)
    notes = (
        []
        if even
        else [
            Note(
                "uneven_slices",
                f"gaps between slices vary from {gaps.min():.2f} to {gaps.max():.2f} mm, slices may be missing; each "
                "keeps its position, and volumes count it to half way to its neighbors",
            )
        ]
    )
    # From end to end, so that a stack keeps its lean whatever is missing between.
    sideways = offsets - np.outer(heights / heights[-1], offsets[-1])
    furthest = float(np.abs(sideways @ np.stack([plane.along_row, plane.along_column], axis=1)).max())
    if furthest > _SIDEWAYS * plane.spacing_mm.min():
        what = f"slices are shifted against each other unevenly; positions are off by up to {furthest:.1f} mm"
        notes.append(Note("uneven_slices", what))
    step = offsets[-1] / (len(positions) - 1) if even else offsets[-1] * usual / heights[-1]
    return step, None if even else heights / usual, notes


def _directions(orientation: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    unit = all(abs(length - 1) < _DIRECTION_TOLERANCE for length in lengths)
    if not unit or abs(along_row @ along_column) > _DIRECTION_TOLERANCE:
        raise UnreadableScan(
            f"{name}: the image orientation is not two directions at a right angle; export the series again"
        )
    return along_row / lengths[0], along_column / lengths[1]
