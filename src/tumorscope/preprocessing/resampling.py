"""A volume resampled onto another grid by the affines of both."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from tumorscope.core.geometry import SAME_POSITION, Geometry

_STRAIGHT = 0.05
"""Axes that drift by less than this over the whole volume, in voxels, count as parallel."""

_EDGE = 0.5
"""A voxel reaches half its size beyond its center; values further out are not known."""

_BRIDGED = 1.0
"""What is further than this from a slice, in steps, is not known: one missing slice is bridged, no more."""

_THREADS = 2
"""SciPy lets other threads run while it computes."""


def coverage(geometry: Geometry, onto: Geometry) -> float:
    """The share of a grid's volume that a volume covers.

    Args:
        geometry: of the volume.
        onto: the grid's.
    """
    steps = [np.linspace(0, length - 1, min(length, 24)) for length in onto.shape]
    points = np.stack([axis.ravel() for axis in np.meshgrid(*steps, indexing="ij")], axis=1)
    there = geometry.to_index(onto.to_mm(points))
    inside = ((there >= -_EDGE) & (there <= np.array(geometry.shape) - 1 + _EDGE)).all(axis=1)
    return float((inside & ~_in_gap(geometry, geometry.position_of(there[:, 0]))).mean())


def resample_onto(volume: np.ndarray, geometry: Geometry, onto: Geometry) -> np.ndarray:
    """The volume's values at the centers of another grid's voxels, linear between its own.

    Where the axes of both grids are parallel each axis is interpolated by itself, which is ten
    times as fast as the general way.

    Args:
        volume: ``(slice, row, column)``, any real type.
        geometry: of the volume.
        onto: the grid.

    Returns:
        The volume's type, whole numbers rounded; its lowest value where it does not reach, or where
        several of its slices are missing.
    """
    if geometry.same_grid(onto):
        return volume
    # Index order is (slice, row, column) here, that of affines (column, row, slice).
    back = np.linalg.inv(geometry.affine) @ onto.affine
    way = _Way(geometry, onto, back[:3, :3][::-1, ::-1], back[:3, 3][::-1])
    last = np.array([onto.positions[-1], *np.array(onto.shape[1:]) - 1])
    order = np.abs(way.matrix * (last + 1)).argmax(axis=1)
    drift = np.abs(way.matrix * last)
    drift[np.arange(3), order] = 0
    if len(set(order)) == 3 and drift.sum(axis=1).max() < _STRAIGHT:
        return _along_axes(volume, way, order, last)
    return _in_space(volume, way)


@dataclass(frozen=True, eq=False)
class _Way:
    """From a grid's positions ``(slice, row, column)`` to a volume's: ``matrix @ position + offset``."""

    geometry: Geometry
    onto: Geometry
    matrix: np.ndarray
    offset: np.ndarray


def _in_gap(geometry: Geometry, position: np.ndarray) -> np.ndarray:
    """Whether positions along the slice axis are between slices too far apart to say anything about them."""
    if geometry.is_even:
        return np.zeros(np.shape(position), bool)
    inside = (position >= geometry.positions[0]) & (position <= geometry.positions[-1])
    return inside & (geometry.distance_to_slice(position) > _BRIDGED + SAME_POSITION)


@dataclass(frozen=True, eq=False)
class _Line:
    """Places along one axis: between which two voxels, and how far from the lower one."""

    lower: np.ndarray
    upper: np.ndarray
    weight: np.ndarray
    outside: np.ndarray

    @classmethod
    def across_slices(cls, places: np.ndarray, geometry: Geometry) -> _Line:
        """Places along a volume's slice axis, where slices may be missing."""
        line = cls.at(geometry.index_at(places), geometry.shape[0])
        return replace(line, outside=line.outside | _in_gap(geometry, places))

    @classmethod
    def at(cls, places: np.ndarray, length: int) -> _Line:
        inside = np.clip(places, 0, length - 1)
        if (np.abs(inside - np.rint(inside)) < SAME_POSITION).all():
            inside = np.rint(inside)
        lower = np.minimum(inside.astype(int), max(length - 2, 0))
        upper = np.minimum(lower + 1, length - 1)
        outside = (places < -_EDGE) | (places > length - 1 + _EDGE)
        return cls(lower, upper, (inside - lower).astype(np.float32), outside)

    @property
    def is_whole(self) -> bool:
        return bool(np.isin(self.weight, (0, 1)).all())

    def of(self, image: np.ndarray, axis: int) -> np.ndarray:
        """An image interpolated along one of its two axes."""
        if self.is_whole:
            nearest = np.where(self.weight == 1, self.upper, self.lower)
            straight = len(nearest) == image.shape[axis] and (nearest == np.arange(len(nearest))).all()
            return image if straight else np.take(image, nearest, axis=axis)
        weight = self.weight[:, None] if axis == 0 else self.weight
        return _between(np.take(image, self.lower, axis=axis), np.take(image, self.upper, axis=axis), weight)


def _along_axes(volume: np.ndarray, way: _Way, order: np.ndarray, last: np.ndarray) -> np.ndarray:
    """``order[i]`` is the grid's axis along which the volume's axis i runs; ``last``, the grid's last positions."""
    onto_shape = way.onto.shape
    own = [int(np.flatnonzero(order == axis)[0]) for axis in range(3)]
    turned = volume.transpose(own)
    lines = []
    for axis in range(3):
        middle = sum(way.matrix[own[axis], other] * last[other] / 2 for other in range(3) if other != axis)
        grid = way.onto.positions if axis == 0 else np.arange(onto_shape[axis])
        places = way.matrix[own[axis], axis] * grid + way.offset[own[axis]] + middle
        by_slices = own[axis] == 0
        lines.append(_Line.across_slices(places, way.geometry) if by_slices else _Line.at(places, turned.shape[axis]))
    over_slices, over_rows, over_columns = lines
    lowest = volume.min()
    beyond = over_rows.outside[:, None] | over_columns.outside
    result = np.empty(onto_shape, volume.dtype)

    for index, weight in enumerate(over_slices.weight):
        if over_slices.outside[index]:
            result[index] = lowest
            continue
        image = turned[over_slices.upper[index] if weight == 1 else over_slices.lower[index]]
        if 0 < weight < 1:
            image = _between(image, turned[over_slices.upper[index]], weight)
        result[index] = _as_type(over_columns.of(over_rows.of(image, 0), 1), volume.dtype)
        if beyond.any():
            result[index][beyond] = lowest
    return result


def _between(lower: np.ndarray, upper: np.ndarray, weight: np.ndarray | float) -> np.ndarray:
    """Linear interpolation, float32."""
    result = upper.astype(np.float32)
    result -= lower
    result *= weight
    result += lower
    return result


def _in_space(volume: np.ndarray, way: _Way) -> np.ndarray:
    """Any two grids, slice by slice."""
    from scipy import ndimage

    source = volume if volume.dtype in (np.int16, np.uint16, np.float32) else volume.astype(np.float32)
    lowest = volume.min()
    slices, rows, columns = way.onto.shape
    result = np.empty((slices, rows, columns), volume.dtype)
    row, column = np.ogrid[:rows, :columns]

    def one(index: int) -> None:
        start = way.offset + way.matrix[:, 0] * way.onto.positions[index]
        at = [start[axis] + way.matrix[axis, 1] * row + way.matrix[axis, 2] * column for axis in range(3)]
        beyond = _in_gap(way.geometry, at[0])
        at[0] = way.geometry.index_at(at[0])
        for place, length in zip(at, volume.shape, strict=True):
            beyond |= (place < -_EDGE) | (place > length - 1 + _EDGE)
        values = np.empty((1, rows, columns), np.float32)
        if way.geometry.is_even:  # three times as fast as with a list of places
            ndimage.affine_transform(source, way.matrix, start, output=values, order=1, mode="nearest")  # type: ignore[arg-type]
        else:
            ndimage.map_coordinates(source, np.stack(at)[:, None], output=values, order=1, mode="nearest")
        result[index] = _as_type(values[0], volume.dtype)
        result[index][beyond] = lowest

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(one, range(slices)))
    return result


def _as_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if values.dtype == dtype:
        return values
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)
