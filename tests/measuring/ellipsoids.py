"""Ellipsoids of known size on grids of any spacing and direction."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from tumorscope.core.scan import Scan


@dataclass(frozen=True)
class Grid:
    """Where voxels lie: spacing (slice, row, column) in mm, turned by angles in degrees."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    angles: tuple[float, float, float] = (0, 0, 0)

    @property
    def directions(self) -> np.ndarray:
        """Columns: along column, row, slice."""
        return Rotation.from_euler("xyz", self.angles, degrees=True).as_matrix()

    @property
    def affine(self) -> np.ndarray:
        affine = np.eye(4)
        affine[:3, :3] = self.directions * self.spacing[::-1]
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(self.shape[::-1]) - 1) / 2)
        return affine

    def scan(self) -> Scan:
        return Scan(np.zeros((*self.shape, 1), np.uint8), ("flair",), "case", "volume", affine=self.affine)


@dataclass(frozen=True)
class Ellipsoid:
    """Half axes in mm, turned by angles in degrees, with its center in mm from the grid's."""

    half_axes: tuple[float, float, float]
    angles: tuple[float, float, float] = (0, 0, 0)
    center: tuple[float, float, float] = (0, 0, 0)

    @property
    def covariance(self) -> np.ndarray:
        """Inverse of the quadratic form: ``d @ covariance @ d`` is the squared half width along a unit vector."""
        turn = Rotation.from_euler("xyz", self.angles, degrees=True).as_matrix()
        return turn @ np.diag(np.square(self.half_axes)) @ turn.T

    @property
    def volume(self) -> float:
        return 4 / 3 * np.pi * float(np.prod(self.half_axes))

    def mask(self, grid: Grid) -> np.ndarray:
        slice_, row, column = np.indices(grid.shape)
        points = np.stack([column, row, slice_], axis=-1) @ grid.affine[:3, :3].T + grid.affine[:3, 3] - self.center
        return np.einsum("...i,ij,...j->...", points, np.linalg.inv(self.covariance), points) <= 1

    def section(self, grid: Grid, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Half axes (the longer first) in a slice, and their directions (column, row) in the columns."""
        form = np.linalg.inv(self.covariance)
        plane, normal = grid.directions[:, :2], grid.directions[:, 2]
        height = float(normal @ (grid.affine @ (0, 0, index, 1))[:3] - normal @ self.center)
        inner, cross = plane.T @ form @ plane, plane.T @ form @ normal * height
        middle = -np.linalg.solve(inner, cross)
        left = 1 - float(height**2 * normal @ form @ normal) + float(middle @ inner @ middle)
        values, vectors = np.linalg.eigh(inner)
        return np.sqrt(left / values), vectors
