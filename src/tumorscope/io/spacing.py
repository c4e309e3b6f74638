"""Voxel sizes that the user states, where files do not: images, and volumes whose header states nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import SIDES_ASSUMED, Scan
from tumorscope.core.segmentation import Segmentation

Spacing = tuple[float, float, float]
"""Distance of columns, rows and slices in mm."""

_LARGEST_MM = 1e3
_SAME = 0.01
"""Spacings that differ by a smaller share than this are one, rounded."""

_AXIAL = np.diag([-1.0, -1.0, 1.0])
"""Columns to the left, rows to posterior, slices to superior: the assumed view of a stack whose file states nothing."""

GIVEN = "voxel_size_given"


def parse_spacing(text: str) -> Spacing:
    """Three numbers with commas.

    >>> parse_spacing("0.5, 0.5, 6")
    (0.5, 0.5, 6.0)

    Raises:
        UnreadableScan: they are not.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    return check_spacing(numbers)


def check_spacing(numbers: Any) -> Spacing:
    """A list of three numbers, as JSON has it.

    >>> check_spacing([0.5, 0.5, 6])
    (0.5, 0.5, 6.0)

    Raises:
        UnreadableScan: it is something else.
    """
    if not isinstance(numbers, list | tuple) or len(numbers) != 3 or not all(map(_is_length, numbers)):
        raise UnreadableScan("the spacing is three numbers in mm: columns, rows, slices, such as 0.5,0.5,6")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])


def _is_length(value: Any) -> bool:
    """Whether it is a plausible distance in mm; NaN is not, and neither is a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LARGEST_MM


def with_spacing(scan: Scan, spacing_mm: Spacing, name: str) -> Scan:
    """The scan with the spacing that the user states.

    ``stored`` stays as it is: a mask that goes back must coincide with the file.

    Args:
        scan: as read.
        spacing_mm: of columns, rows and slices.
        name: of the file, for errors.

    Raises:
        UnreadableScan: the file states another one.
    """
    stated = scan.geometry
    geometry = _sized(stated, scan.shape, scan.notes, spacing_mm, name)
    if geometry is stated:
        return scan
    notes = scan.notes if SIDES_ASSUMED in scan.notes else (*scan.notes, SIDES_ASSUMED)
    return replace(scan, affine=geometry.affine, notes=(*notes, _note(spacing_mm)))


def with_mask_spacing(mask: Segmentation, spacing_mm: Spacing, name: str) -> Segmentation:
    """The mask with the spacing that the user states; see :func:`with_spacing`."""
    geometry = _sized(mask.geometry, mask.shape, mask.notes, spacing_mm, name)
    return (
        mask if geometry is mask.geometry else replace(mask, geometry=geometry, notes=(*mask.notes, _note(spacing_mm)))
    )


def given_spacing(scan: Scan) -> Spacing | None:
    """The spacing that the user has stated for a scan, or None where the file states it."""
    spacing = scan.spacing_mm
    if spacing is None or not any(note.code == GIVEN for note in scan.notes):
        return None
    return spacing[2], spacing[1], spacing[0]


def _sized(
    geometry: Geometry | None, shape: tuple[int, int, int], notes: tuple[Note, ...], spacing_mm: Spacing, name: str
) -> Geometry:
    """The geometry with another spacing, or the same one where the file states this spacing."""
    if geometry is None:
        return Geometry(shape, _placed(_AXIAL * spacing_mm, np.zeros(3), shape))
    stated = tuple(reversed(geometry.spacing_mm))
    if SIDES_ASSUMED in notes and np.allclose(stated, 1):  # what programs write that do not know it
        center = geometry.to_mm((np.array(shape) - 1) / 2)
        return Geometry(shape, _placed(geometry.affine[:3, :3] * spacing_mm, center, shape))
    if not np.allclose(stated, spacing_mm, rtol=_SAME, atol=0):
        shown = ["×".join(f"{length:.4g}" for length in lengths) for lengths in (stated, spacing_mm)]
        raise UnreadableScan(f"{name}: the file states voxels of {shown[0]} mm, not {shown[1]}; leave out the spacing")
    return geometry


def _placed(directions: np.ndarray, center: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The affine with these directions ``(x y z, column row slice)`` that puts the middle of the stack at a point."""
    slices, rows, columns = shape
    affine = np.eye(4)
    affine[:3, :3] = directions
    affine[:3, 3] = center - directions @ ((np.array([columns, rows, slices]) - 1) / 2)
    return affine


def _note(spacing_mm: Spacing) -> Note:
    return Note(GIVEN, f"voxels of {'×'.join(f'{length:.4g}' for length in spacing_mm)} mm as stated by the user")
