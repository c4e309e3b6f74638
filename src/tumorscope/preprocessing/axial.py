"""The view of a volume that a network trained on axial slices expects, whatever plane was acquired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Plane = Literal["axial", "coronal", "sagittal"]

NEAR_ISOTROPIC = 2.0
"""Up to this ratio of the largest to the smallest voxel side a volume may be cut in any plane."""

_PLANES: tuple[Plane, ...] = ("sagittal", "coronal", "axial")
"""By the patient axis (right-left, anterior-posterior, inferior-superior) along which slices follow one another."""

_AXIAL_SIGNS = {2: 1, 1: -1, 0: -1}
"""Slices run to superior, rows to posterior, columns to the patient's left: signs on the RAS axes 2, 1 and 0."""


@dataclass(frozen=True)
class View:
    """A permutation of a volume's axes with flips, and the way back; nothing is interpolated.

    Attributes:
        axes: for slice, row and column of the view, the axis of the scan it is.
        flips: for slice, row and column of the view, whether it is reversed.
        spacing_mm: between slices, rows and columns of the view, or None where unknown.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)
    spacing_mm: tuple[float, float, float] | None = None

    @property
    def is_acquired(self) -> bool:
        """Whether its slices are those that were acquired."""
        return self.axes[0] == 0

    @property
    def pixel_aspect(self) -> float:
        """Height of a pixel divided by its width; one where that is not known."""
        return 1.0 if self.spacing_mm is None else self.spacing_mm[1] / self.spacing_mm[2]

    @property
    def _flipped(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(3) if self.flips[axis])

    def forward(self, array: np.ndarray) -> np.ndarray:
        """The scan's ``(slice, row, column, …)`` as the view shows it."""
        return np.flip(array.transpose(*self.axes, *range(3, array.ndim)), self._flipped)

    def inverse(self, array: np.ndarray) -> np.ndarray:
        """The view's ``(slice, row, column)`` on the scan's axes."""
        flipped = np.flip(array, self._flipped)
        return np.ascontiguousarray(flipped.transpose(*np.argsort(self.axes), *range(3, array.ndim)))


AS_ACQUIRED = View()
"""Every slice as it is, of unknown spacing."""


def acquired_plane(affine: np.ndarray | None) -> Plane | None:
    """The plane of a volume's slices, the nearest of three; None without geometry.

    Args:
        affine: ``(column, row, slice, 1)`` to millimeters in RAS+.
    """
    if affine is None:
        return None
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    return _PLANES[int(np.abs(normal).argmax())]


def axial_view(shape: tuple[int, int, int], affine: np.ndarray | None) -> View:
    """How a network for axial slices gets to see a volume.

    A volume whose voxels are nearly isotropic is cut axially, whatever plane was acquired. A thick stack keeps its
    slices, since nothing between them is known; it is only turned as an axial one is shown where it is axial.

    Args:
        shape: ``(slices, rows, columns)``.
        affine: ``(column, row, slice, 1)`` to millimeters in RAS+, or None.
    """
    if affine is None:
        return AS_ACQUIRED
    directions = affine[:3, [2, 1, 0]]  # of slice, row and column
    sides = np.linalg.norm(directions, axis=0)
    if not np.all(sides > 0):
        return AS_ACQUIRED
    spacing = (float(sides[0]), float(sides[1]), float(sides[2]))
    isotropic = min(shape) > 1 and sides.max() / sides.min() <= NEAR_ISOTROPIC
    if not isotropic and acquired_plane(affine) != "axial":
        return View(spacing_mm=spacing)
    closest = _assign(np.abs(directions / sides))
    axes = tuple(closest[patient_axis] for patient_axis in (2, 1, 0))
    flips = tuple(
        bool(np.sign(directions[patient_axis, closest[patient_axis]]) != _AXIAL_SIGNS[patient_axis])
        for patient_axis in (2, 1, 0)
    )
    return View(axes, flips, tuple(spacing[axis] for axis in axes))  # type: ignore[arg-type]


def _assign(cosines: np.ndarray) -> dict[int, int]:
    """For each patient axis the scan axis nearest to it, each used once.

    Args:
        cosines: absolute, ``(patient axis, scan axis)``.
    """
    left = cosines.copy()
    found: dict[int, int] = {}
    for _ in range(3):
        patient, scan = np.unravel_index(int(left.argmax()), left.shape)
        found[int(patient)] = int(scan)
        left[patient], left[:, scan] = -1, -1
    return found
