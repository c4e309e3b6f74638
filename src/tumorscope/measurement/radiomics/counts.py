"""What run lengths, zones, distances and dependence have in common: how often a level has a size.

All four families compute the same sixteen values from such a table (IBSI 3.7 to 3.11), only
under different names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Counts:
    """How many runs, zones or voxels there are of each level and size.

    Attributes:
        level: gray level of each kind, from 1, ``(kind,)``.
        size: run length, zone size, distance or dependence of each kind, from 1.
        number: how many there are of it.
        voxels: of the region, counted once for every matrix that was merged.
    """

    level: np.ndarray
    size: np.ndarray
    number: np.ndarray
    voxels: int


def count(level: np.ndarray, size: np.ndarray, voxels: int, number: np.ndarray | None = None) -> Counts:
    """Count pairs of level and size: one per run, zone or voxel, or as many as ``number`` says."""
    width = int(size.max()) + 1
    kinds, kind = np.unique(level * width + size, return_inverse=True)
    total = np.bincount(kind, number).astype(np.intp)
    return Counts(kinds // width, kinds % width, total, voxels)


def merge(several: Sequence[Counts]) -> Counts:
    """One table of several."""
    if len(several) == 1:
        return several[0]
    return count(
        np.concatenate([one.level for one in several]),
        np.concatenate([one.size for one in several]),
        sum(one.voxels for one in several),
        np.concatenate([one.number for one in several]),
    )


def emphases(counts: Counts) -> tuple[float, ...]:
    """The sixteen values, in the order of IBSI's tables.

    Short, long, low, high; short low, short high, long low, long high; non-uniformity of
    levels and of sizes, each with its normalized twin; percentage; variance of levels and
    of sizes; entropy.
    """
    total = counts.number.sum()
    p = counts.number / total
    i2, j2 = counts.level.astype(float) ** 2, counts.size.astype(float) ** 2
    by_level = np.bincount(counts.level, counts.number)
    by_size = np.bincount(np.unique(counts.size, return_inverse=True)[1], counts.number)
    levels_mean, sizes_mean = p @ counts.level, p @ counts.size
    values = (
        p @ (1 / j2),
        p @ j2,
        p @ (1 / i2),
        p @ i2,
        p @ (1 / (i2 * j2)),
        p @ (i2 / j2),
        p @ (j2 / i2),
        p @ (i2 * j2),
        (by_level**2).sum() / total,
        (by_level**2).sum() / total**2,
        (by_size**2).sum() / total,
        (by_size**2).sum() / total**2,
        total / counts.voxels,
        p @ (counts.level - levels_mean) ** 2,
        p @ (counts.size - sizes_mean) ** 2,
        -(p @ np.log2(p)) + 0.0,
    )
    return tuple(float(value) for value in values)
