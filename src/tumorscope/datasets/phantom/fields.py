"""Smooth random fields, soft edges and distances: the building blocks of the phantom.

Everything is a function of a position in millimeters, so that one head comes out the same
on any grid. Points are three float32 arrays ``x, y, z`` of shape ``(n,)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage

_PERIOD_MM = 216.0
"""Period of the fields, longer than a head."""


class Points(NamedTuple):
    """Positions in millimeters, three float32 arrays of one shape."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray

    def take(self, index: np.ndarray) -> Points:
        """Some of the points."""
        return Points(self.x[index], self.y[index], self.z[index])


@dataclass(frozen=True, eq=False)
class Field:
    """Gaussian noise of one wavelength, mean 0 and standard deviation 1, anywhere in space.

    Attributes:
        lattice: float32 ``(n, n, n)``, one period of the field.
        steepness: its gradient's length, per mm, on the same lattice; None if not asked for.
    """

    lattice: np.ndarray
    steepness: np.ndarray | None = None

    @classmethod
    def draw(
        cls, random: np.random.Generator, wavelength_mm: float, *, band: float = 0.3, steepness: bool = False
    ) -> Field:
        """A new field whose energy lies around one wavelength.

        Args:
            random: where the noise comes from.
            wavelength_mm: length of a typical period.
            band: relative width of the band of frequencies; narrow bands give stripes of
                even width, as gyri have.
            steepness: whether the gradient's length will be needed.
        """
        count = 16
        while count < 64 and _PERIOD_MM / count > wavelength_mm / 6.5:
            count *= 2
        shape = (count, count, count)
        # In single precision, in which SciPy transforms several times as fast as NumPy: most of a small phantom's time.
        white = np.asarray(fft.rfftn(random.standard_normal(shape, np.float32)))
        axes, frequency = _frequencies(count)
        spectrum = white * np.exp(-0.5 * ((frequency * wavelength_mm - 1) / band) ** 2)
        lattice = np.asarray(fft.irfftn(spectrum, shape))
        scale = 1 / lattice.std()
        length = None
        if steepness:
            gradient = (np.asarray(fft.irfftn(spectrum * (2j * np.pi * axis), shape)) for axis in axes)
            length = np.sqrt(sum(part**2 for part in gradient)) * scale
        return cls(lattice * scale, length)

    def at(self, points: Points) -> np.ndarray:
        """The field's values, float32 ``(n,)``."""
        return _sample(self.lattice, points)

    def distance_to_zero(self, points: Points, least: float = 0.6) -> np.ndarray:
        """Approximate distance of each point from the zero level of the field, in mm.

        The field over its gradient is the distance to first order. The gradient is kept
        from vanishing at the field's peaks by a share ``least`` of its typical length.
        """
        if self.steepness is None:
            raise ValueError("this field was drawn without its steepness")
        floor = least * float(self.steepness.mean())
        return np.abs(self.at(points)) / np.maximum(_sample(self.steepness, points), floor)


@cache
def _frequencies(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Of each coefficient of a half spectrum of ``count`` points a side: its three frequencies, and their length, per mm."""
    whole, half = fft.fftfreq(count, _PERIOD_MM / count), fft.rfftfreq(count, _PERIOD_MM / count)
    axes = [axis.astype(np.float32) for axis in (whole[:, None, None], whole[None, :, None], half[None, None, :])]
    return axes, np.sqrt(axes[0] ** 2 + axes[1] ** 2 + axes[2] ** 2)


def _sample(lattice: np.ndarray, points: Points) -> np.ndarray:
    scale = np.float32(lattice.shape[0] / _PERIOD_MM)
    positions = np.stack(points) * scale
    return ndimage.map_coordinates(lattice, positions, np.float32, order=1, mode="grid-wrap")


def inside(signed_distance: np.ndarray, edge_mm: np.ndarray | float) -> np.ndarray:
    """The fraction of a voxel inside a surface: partial volume.

    Args:
        signed_distance: to the surface in mm, negative inside.
        edge_mm: over what length the share falls from one to zero.
    """
    return np.clip(0.5 - signed_distance / edge_mm, 0, 1)


def ellipsoid(points: Points, center: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    """Signed distance to an ellipsoid, to first order, in mm; negative inside."""
    u, v, w = ((axis - c) / r for axis, c, r in zip(points, center, radii, strict=True))
    level = u * u + v * v + w * w
    slope = np.sqrt((u / radii[0]) ** 2 + (v / radii[1]) ** 2 + (w / radii[2]) ** 2)
    # Level and slope both vanish at the center, where the distance is about the least radius.
    return (level - 1) / np.maximum((1 + np.sqrt(level)) * slope / np.maximum(np.sqrt(level), 1e-3), 1e-3)


def tube(points: Points, path: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    """Signed distance to a tube along ``(x, y, z, radius)`` in mm; negative inside."""
    nearest = np.full(points.x.shape, np.inf, np.float32)
    for (*start, radius), (*end, end_radius) in pairwise(path):
        along = np.subtract(end, start)
        offset = [axis - np.float32(s) for axis, s in zip(points, start, strict=True)]
        share = sum(part * np.float32(a) for part, a in zip(offset, along, strict=True)) / np.float32(along @ along)
        share = np.clip(share, 0, 1)
        square = sum((part - share * np.float32(a)) ** 2 for part, a in zip(offset, along, strict=True))
        np.minimum(nearest, np.sqrt(square) - np.float32(radius) - share * np.float32(end_radius - radius), out=nearest)
    return nearest


def smooth_minimum(first: np.ndarray, second: np.ndarray, rounding_mm: float) -> np.ndarray:
    """The lesser of two distances, with the crease between them rounded."""
    share = np.clip(0.5 + 0.5 * (second - first) / rounding_mm, 0, 1)
    return second + (first - second) * share - rounding_mm * share * (1 - share)


def smooth_maximum(first: np.ndarray, second: np.ndarray, rounding_mm: float) -> np.ndarray:
    """The greater of two distances, with the crease between them rounded."""
    return -smooth_minimum(-first, -second, rounding_mm)
