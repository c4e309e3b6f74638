"""Where the voxels of a stack of slices are in the patient.

Slices are parallel and share rows, columns and pixel size. They need be neither evenly spaced, as slices may
be missing, nor exactly above each other: a stack leans where its slices are shifted evenly within their plane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM and ITK count millimeters to the patient's left, posterior and superior, NIfTI and this program to the right,
anterior and superior. The matrix is its own inverse."""

SAME_POSITION = 0.02
"""Grids whose voxels are nearer to each other than this, in voxels, are one grid: the tolerance of the whole program.
Programs round positions in headers to about a hundredth of a voxel; what is moved by more is resampled."""

_LEAN = 1e-4
"""A stack whose slice axis is turned away from the normal by more than this, in radians, leans."""

_REGULAR = 0.1
"""Slices nearer than this, in steps, to whole steps are an even stack of which some are missing."""

_MOST_PLANES = 8
"""An even grid has at most so many planes per slice, however close two of the slices are."""

_FAR = 1e6


@dataclass(frozen=True, eq=False)
class Geometry:
    """The position of every voxel of a stack.

    Attributes:
        shape: ``(slices, rows, columns)``.
        affine: ``(column, row, position, 1)`` to millimeters in RAS+.
        slice_positions: where each slice is along the affine's third axis, in steps of that axis, ascending
            from 0, ``(slices,)``; None where slices are evenly spaced, at 0, 1, 2 and so on.

    >>> stack = Geometry((3, 8, 8), np.diag([1.0, 1.0, 4.0, 1.0]), np.array([0.0, 1.0, 3.0]))
    >>> stack.to_mm(np.array([2, 5, 6])).tolist(), stack.slice_extents.tolist()
    ([6.0, 5.0, 12.0], [1.0, 1.5, 1.5])
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    slice_positions: np.ndarray | None = None

    @property
    def is_even(self) -> bool:
        """Whether slices are evenly spaced."""
        return self.slice_positions is None

    @property
    def leans(self) -> bool:
        """Whether slices are not exactly above each other."""
        step = self.affine[:3, 2]
        return bool(np.linalg.norm(step - self.normal_step_mm) > _LEAN * np.linalg.norm(step))

    @cached_property
    def positions(self) -> np.ndarray:
        """Where each slice is along the slice axis, in steps, ``(slices,)``."""
        return np.arange(self.shape[0], dtype=float) if self.slice_positions is None else self.slice_positions

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of planes, usual where it varies; then of rows and of columns within a slice."""
        column, row = (float(np.linalg.norm(self.affine[:3, axis])) for axis in (0, 1))
        return float(np.linalg.norm(self.normal_step_mm)), row, column

    @property
    def normal_step_mm(self) -> np.ndarray:
        """From one plane to the next at a right angle, RAS+ ``(3,)``."""
        normal = np.cross(self.affine[:3, 0], self.affine[:3, 1])
        normal /= np.linalg.norm(normal)
        return normal * (normal @ self.affine[:3, 2])

    @property
    def voxel_volume_mm3(self) -> float:
        """Of a voxel of a slice at the usual distance from its neighbors, slice gaps counted in."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def slice_extents(self) -> np.ndarray:
        """How far along the slice axis each slice represents the patient, in steps, ``(slices,)``.

        To half way to its neighbors, and half a step beyond the first and the last one.
        """
        low, high = self._edges
        return high - low

    def volume_mm3(self, areas_px: np.ndarray) -> float:
        """The volume of a mask that covers so many pixels of each slice, ``(slices,)``."""
        return float(np.asarray(areas_px, float) @ self.slice_extents * self.voxel_volume_mm3)

    def unseen_share(self, areas_px: np.ndarray) -> float:
        """The share of that volume that is further from a slice than the usual distance of slices."""
        extents = self.slice_extents
        unseen = np.maximum(extents - 1, 0) if not self.is_even else np.zeros(len(extents))
        total = float(areas_px @ extents)
        return float(areas_px @ unseen) / total if total else 0.0

    def extent_mm(self, first: int, last: int) -> float:
        """From edge to edge of a run of slices, both counted."""
        low, high = self._edges
        return float(high[last] - low[first]) * self.spacing_mm[0]

    def to_mm(self, index: np.ndarray) -> np.ndarray:
        """Voxel indices ``(…, slice row column)``, fractions allowed, as RAS+ mm ``(…, x y z)``."""
        index = np.asarray(index, float)
        position = self.position_of(index[..., 0])
        places = np.stack([index[..., 2], index[..., 1], position], axis=-1)
        return places @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, mm: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`to_mm`; beyond the stack slices are counted on at the usual distance."""
        places = (np.asarray(mm, float) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T
        return np.stack([self.index_at(places[..., 2]), places[..., 1], places[..., 0]], axis=-1)

    def position_of(self, index: np.ndarray) -> np.ndarray:
        """Slice indices, fractions allowed, as positions along the slice axis."""
        indices, positions = self._knots
        return index if self.is_even else np.interp(index, indices, positions)

    def index_at(self, position: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`position_of`."""
        indices, positions = self._knots
        return position if self.is_even else np.interp(position, positions, indices)

    def distance_to_slice(self, position: np.ndarray) -> np.ndarray:
        """How far positions along the slice axis are from the nearest slice, in steps."""
        return np.abs(position - self.positions[self.nearest_slice(position)])

    def nearest_slice(self, position: np.ndarray) -> np.ndarray:
        """The index of the slice nearest to each position; of two as near the lower one."""
        return np.searchsorted((self.positions[1:] + self.positions[:-1]) / 2, position)

    def same_grid(self, other: Geometry) -> bool:
        """Whether both are one grid: same shape, and every voxel at the same position within rounding."""
        if tuple(self.shape) != tuple(other.shape):
            return False
        slices, rows, columns = self.shape
        corners = [
            (index, row, column) for index in range(slices) for row in (0, rows - 1) for column in (0, columns - 1)
        ]
        index = np.array(corners, float)
        return bool(np.abs(self.to_index(other.to_mm(index)) - index).max() < SAME_POSITION)

    def continues(self, other: Geometry) -> bool:
        """Whether both are runs of slices of one stack: one grid but for whole slices more or fewer at either end.

        >>> stack = Geometry((9, 8, 8), np.diag([1.0, 1.0, 4.0, 1.0]))
        >>> moved = [stack.moved(np.eye(4) + np.outer([0, 0, mm, 0], [0, 0, 0, 1])) for mm in (8, 6)]
        >>> [stack.continues(Geometry((3, 8, 8), one.affine)) for one in moved]
        [True, False]
        """
        if self.shape[1:] != other.shape[1:] or not (self.is_even and other.is_even):
            return self.same_grid(other)
        index = _corners(other)
        moved = self.to_index(other.to_mm(index)) - index
        moved[:, 0] -= np.rint(moved[0, 0])
        return bool(np.abs(moved).max() < SAME_POSITION)

    def same_voxels(self, other: Geometry) -> bool:
        """Whether both have the same voxels, within rounding; axes may be turned or run the other way."""
        corners, own = _corners(other), _corners(self)
        index = self.to_index(other.to_mm(corners))
        nearest = np.rint(index)
        same = {tuple(corner) for corner in nearest.tolist()} == {tuple(corner) for corner in own.tolist()}
        return (
            same and sorted(self.shape) == sorted(other.shape) and bool(np.abs(index - nearest).max() < SAME_POSITION)
        )

    def even_planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Evenly spaced planes through the stack: the slice nearest to each, ``(planes,)``, and their affine."""
        step = 1.0 if self.is_even else _plane_step(self.positions)
        places = np.arange(round(self.positions[-1] / step) + 1) * step
        affine = self.affine.copy()
        affine[:3, 2] *= step
        return self.nearest_slice(places), affine

    def moved(self, transform: np.ndarray) -> Geometry:
        """The same stack carried elsewhere by a 4×4 matrix in RAS+ mm."""
        return replace(self, affine=transform @ self.affine)

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the extent that each slice represents, in steps."""
        middles = (self.positions[1:] + self.positions[:-1]) / 2
        return np.r_[self.positions[0] - 0.5, middles], np.r_[middles, self.positions[-1] + 0.5]

    @cached_property
    def _knots(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices and positions to interpolate between; beyond the ends both grow alike."""
        positions = self.positions
        index = np.arange(len(positions), dtype=float)
        return (
            np.r_[index[0] - _FAR, index, index[-1] + _FAR],
            np.r_[positions[0] - _FAR, positions, positions[-1] + _FAR],
        )


@dataclass(frozen=True, eq=False)
class EvenGrid:
    """An evenly spaced stack that does not lean, for formats and programs that support no other.

    Attributes:
        geometry: of the even stack.
        slices: for each of its planes the slice that it shows, ``(planes,)``.
        corners: for each plane the ``(row, column)`` at which that slice begins, ``(planes, 2)``.
    """

    geometry: Geometry
    slices: np.ndarray
    corners: np.ndarray

    @classmethod
    def of(cls, stack: Geometry) -> EvenGrid:
        """The even grid on which every slice of a stack has a plane.

        Each plane shows the slice nearest to it. Where the stack leans, slices are shifted by whole
        pixels, so no pixel is further than half its size from its position.
        """
        slices, affine = stack.even_planes()
        corners = np.zeros((len(slices), 2), int)
        if stack.leans:
            upright = replace(stack, affine=affine).normal_step_mm
            lean = np.linalg.lstsq(affine[:3, 1::-1], affine[:3, 2] - upright, rcond=None)[0]
            scale = np.linalg.norm(stack.affine[:3, 2]) / np.linalg.norm(affine[:3, 2])
            shifts = np.rint(np.outer(stack.positions[slices] * scale, lean)).astype(int)
            corners = shifts - shifts.min(axis=0)
            affine[:3, 3] += affine[:3, 1::-1] @ shifts.min(axis=0)
            affine[:3, 2] = upright
        rows, columns = np.array(stack.shape[1:]) + corners.max(axis=0)
        return cls(Geometry((len(slices), int(rows), int(columns)), affine), slices, corners)

    def place(self, array: np.ndarray) -> np.ndarray:
        """An array ``(slice, row, column)`` of the stack on this grid, 0 where no slice is."""
        if np.array_equal(self.slices, np.arange(len(array))) and not self.corners.any():
            return array
        placed = np.zeros(self.geometry.shape, array.dtype)
        rows, columns = array.shape[1:]
        for plane, (index, (row, column)) in enumerate(zip(self.slices, self.corners, strict=True)):
            placed[plane, row : row + rows, column : column + columns] = array[index]
        return placed


def _corners(geometry: Geometry) -> np.ndarray:
    """The indices of the corner voxels, ``(corner, slice row column)``."""
    return np.array([np.multiply(corner, np.subtract(geometry.shape, 1)) for corner in np.ndindex(2, 2, 2)], float)


def _plane_step(positions: np.ndarray) -> float:
    """The distance of planes at which each slice is the nearest one to at least one plane."""
    whole = np.rint(positions)
    if np.abs(positions - whole).max() < _REGULAR and (np.diff(whole) > 0).all():
        return 1.0
    return max(float(np.diff(positions).min()), positions[-1] / (_MOST_PLANES * len(positions)))
