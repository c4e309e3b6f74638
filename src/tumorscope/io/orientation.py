"""From a file's axes to a radiologist's: which axis is the slice, and the direction of each.

Shown radiologically, columns and rows grow in these patient directions:

========  ========  =========  =========
plane     column    row        slice
========  ========  =========  =========
axial     left      posterior  superior
coronal   left      inferior   posterior
sagittal  posterior inferior   right
========  ========  =========  =========

Each is right-handed in the patient's left-posterior-superior frame, as DICOM's slice
normal is.
"""

from __future__ import annotations

import numpy as np

from tumorscope.core.geometry import LPS_TO_RAS
from tumorscope.core.scan import StoredGrid

_CLEARLY_LARGER = 1.5
"""A spacing this many times the others marks the axis along which slices were taken."""

# For the patient axis (0 right-left, 1 anterior-posterior, 2 inferior-superior) along which
# the slices are ordered: the patient axis and the RAS sign of column, row and slice.
_PLANES = {
    0: ((1, -1), (2, -1), (0, 1)),
    1: ((0, -1), (2, -1), (1, -1)),
    2: ((0, -1), (1, -1), (2, 1)),
}


def radiological_grid(shape: tuple[int, ...], affine: np.ndarray) -> StoredGrid:
    """How a stored volume is shown radiologically.

    The slice axis is an axis of length one, or the axis with the clearly largest spacing,
    or else the axis nearest to inferior-superior.

    Args:
        shape: two or three spatial axes.
        affine: 4×4, stored indices to millimeters in RAS+; must be invertible.
    """
    from nibabel.orientations import io_orientation

    full = (*shape, 1)[:3]
    orientation = io_orientation(affine)
    patient_axis = [int(axis) for axis in orientation[:, 0]]
    slice_axis = _slice_axis(full, np.linalg.norm(affine[:3, :3], axis=0), patient_axis)
    column, row, slice_ = _PLANES[patient_axis[slice_axis]]
    wanted = {slice_[0]: (0, slice_[1]), row[0]: (1, row[1]), column[0]: (2, column[1])}
    axes = [wanted[axis][0] for axis in patient_axis]
    flips = [bool(wanted[axis][1] != sign) for axis, sign in zip(patient_axis, orientation[:, 1], strict=True)]
    return StoredGrid(
        shape=tuple(shape),
        affine=affine,
        axes=(axes[0], axes[1], axes[2]),
        flips=(flips[0], flips[1], flips[2]),
    )


def scan_affine(grid: StoredGrid) -> np.ndarray:
    """``(column, row, slice, 1)`` to millimeters in RAS+, for a scan that came from ``grid``."""
    to_stored = np.zeros((4, 4))
    to_stored[3, 3] = 1
    lengths = (*grid.shape, 1)[:3]
    for stored_axis, (scan_axis, flip, length) in enumerate(zip(grid.axes, grid.flips, lengths, strict=True)):
        position = 2 - scan_axis  # column, row, slice instead of slice, row, column
        to_stored[stored_axis, position] = -1 if flip else 1
        to_stored[stored_axis, 3] = length - 1 if flip else 0
    return grid.affine @ to_stored


def slice_direction(normal_lps: np.ndarray) -> np.ndarray:
    """The normal or its opposite, whichever way slices are counted in its plane.

    Args:
        normal_lps: unit normal of the slices in DICOM's frame.
    """
    main = int(np.argmax(np.abs(normal_lps)))
    wanted = _PLANES[main][2][1] * LPS_TO_RAS[main, main]
    return normal_lps if normal_lps[main] * wanted > 0 else -normal_lps


def _slice_axis(shape: tuple[int, ...], spacing: np.ndarray, patient_axis: list[int]) -> int:
    thin = [axis for axis, length in enumerate(shape) if length == 1]
    if len(thin) == 1:
        return thin[0]
    largest = int(np.argmax(spacing))
    if spacing[largest] > _CLEARLY_LARGER * np.delete(spacing, largest).max():
        return largest
    return patient_axis.index(2)
