"""Aggregation of the texture matrices of slices and directions into one value (IBSI 3.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeVar

import numpy as np

Matrix = TypeVar("Matrix")
Offset = tuple[int, int, int]


def directions(through_slices: bool) -> list[Offset]:
    """Offsets ``(slice, row, column)`` to half of the nearest neighbors: 4 of 8 or 13 of 26."""
    return [
        offset for offset in product((0, 1) if through_slices else (0,), (-1, 0, 1), (-1, 0, 1)) if offset > (0, 0, 0)
    ]


def neighbors(through_slices: bool) -> list[Offset]:
    """Offsets to all of the 8 or 26 nearest neighbors."""
    half = directions(through_slices)
    return [*half, *((-a, -b, -c) for a, b, c in half)]


def parts_of(levels: np.ndarray, aggregation: str) -> list[np.ndarray]:
    """The volume itself, or each slice of it that shows the region, as ``(1, row, column)``."""
    if aggregation.startswith("3D"):
        return [levels]
    return [levels[index : index + 1] for index in range(len(levels)) if levels[index].any()]


def by_direction(
    levels: np.ndarray,
    aggregation: str,
    matrix_of: Callable[[np.ndarray, Offset], Matrix],
    merge: Callable[[Sequence[Matrix]], Matrix],
    features_of: Callable[[Matrix], dict[str, float] | None],
    nothing: dict[str, float] | None = None,
) -> dict[str, float]:
    """Features of a family whose matrices have a direction; the aggregation is appended to their names.

    Args:
        levels: ``(slice, row, column)``, 0 outside the region.
        aggregation: one of :data:`tumorscope.measurement.radiomics.extract.Aggregation`.
        matrix_of: of a part of ``levels`` and an offset.
        merge: several matrices to one.
        features_of: of a matrix, or None of an empty one, which then counts for nothing.
        nothing: the features where all matrices are empty.
    """
    parts = parts_of(levels, aggregation)
    ways = directions(aggregation.startswith("3D"))
    matrices = [[matrix_of(part, way) for way in ways] for part in parts]
    if aggregation in {"2D_avg", "3D_avg"}:
        groups = [[matrix] for row in matrices for matrix in row]
    elif aggregation in {"2D_comb", "3D_comb"}:
        groups = matrices
    elif aggregation == "2_5D_avg":
        groups = [list(column) for column in zip(*matrices, strict=True)]
    else:
        groups = [[matrix for row in matrices for matrix in row]]
    return _mean([features_of(merge(group)) for group in groups], aggregation, nothing)


def by_part(
    levels: np.ndarray,
    aggregation: str,
    matrix_of: Callable[[np.ndarray], Matrix],
    merge: Callable[[Sequence[Matrix]], Matrix],
    features_of: Callable[[Matrix], dict[str, float]],
) -> dict[str, float]:
    """Features of a family whose matrices have no direction, by slice, by merged slices or by volume."""
    matrices = [matrix_of(part) for part in parts_of(levels, aggregation)]
    place = aggregation.rpartition("_")[0]
    groups = [matrices] if place == "2_5D" else [[matrix] for matrix in matrices]
    return _mean([features_of(merge(group)) for group in groups], place, None)


def shifted(levels: np.ndarray, offset: Offset) -> tuple[np.ndarray, np.ndarray]:
    """Two views of an array in which every voxel of the first faces its neighbor in the second."""
    here, there = [], []
    for step, size in zip(offset, levels.shape, strict=True):
        here.append(slice(max(0, -step), size - max(0, step)))
        there.append(slice(max(0, step), size - max(0, -step)))
    return levels[tuple(here)], levels[tuple(there)]


def _mean(found: Sequence[dict[str, float] | None], suffix: str, nothing: dict[str, float] | None) -> dict[str, float]:
    known = [one for one in found if one is not None] or ([nothing] if nothing else [])
    return {f"{name}_{suffix}": float(np.mean([one[name] for one in known])) for name in known[0]}


def ratio(numerator: float, denominator: float, otherwise: float = 0.0) -> float:
    """A quotient, or ``otherwise`` where the denominator is zero."""
    return float(numerator / denominator) if denominator else otherwise
