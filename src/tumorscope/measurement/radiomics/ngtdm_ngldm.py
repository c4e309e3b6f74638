"""A voxel against its nearest neighbors: NGTDM (IBSI 3.10; Amadasun 1989) and NGLDM (IBSI 3.11; Sun 1983)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.measurement.radiomics.aggregation import by_part, neighbors, ratio, shifted
from tumorscope.measurement.radiomics.counts import Counts, count, emphases, merge

NO_DIFFERENCE = 1e6
"""The coarseness of a region whose voxels all equal their neighbors' mean (IBSI 3.10.1)."""

DEPENDENCE_TAGS = [
    "lde",
    "hde",
    "lgce",
    "hgce",
    "ldlge",
    "ldhge",
    "hdlge",
    "hdhge",
    "glnu",
    "glnu_norm",
    "dcnu",
    "dcnu_norm",
    "dc_perc",
    "gl_var",
    "dc_var",
    "dc_entr",
]


def gray_tone_differences(levels: np.ndarray, aggregation: str) -> dict[str, float]:
    """The 5 features of the differences between voxels and the mean of their neighbors."""
    most = int(levels.max())
    return by_part(levels, aggregation, lambda part: _differences(part, most), _sum, _difference_features)


def level_dependence(levels: np.ndarray, aggregation: str) -> dict[str, float]:
    """The 17 features of how many neighbors have a voxel's own level (coarseness 0, distance 1)."""
    return by_part(levels, aggregation, _dependence, merge, _dependence_features)


def _differences(part: np.ndarray, most: int) -> np.ndarray:
    """Voxels and summed differences of each level, ``(2, level)``; voxels without a neighbor are left out."""
    total, known = np.zeros(part.shape), np.zeros(part.shape)
    for offset in neighbors(part.shape[0] > 1):
        (here_total, _), (here_known, _) = shifted(total, offset), shifted(known, offset)
        there = shifted(part, offset)[1]
        here_total += there
        here_known += there > 0
    counted = (part > 0) & (known > 0)
    level = part[counted]
    difference = np.abs(level - total[counted] / known[counted])
    return np.stack([np.bincount(level, minlength=most + 1), np.bincount(level, difference, minlength=most + 1)])[:, 1:]


def _sum(several: Sequence[np.ndarray]) -> np.ndarray:
    return np.sum(several, axis=0)


def _difference_features(matrix: np.ndarray) -> dict[str, float]:
    gray = np.flatnonzero(matrix[0]) + 1
    number, s = matrix[:, gray - 1]
    voxels, levels = number.sum(), len(gray)
    p = ratio(1, voxels) * number
    apart = np.subtract.outer(gray, gray)
    between = np.add.outer(p, p)
    weighted = np.add.outer(p * s, p * s)
    spread = (np.outer(p, p) * apart**2).sum()
    return {
        "ngt_coarseness": ratio(1, float(p @ s), NO_DIFFERENCE),
        "ngt_contrast": ratio(spread, levels * (levels - 1)) * ratio(s.sum(), voxels),
        "ngt_busyness": ratio(float(p @ s), np.abs(np.subtract.outer(gray * p, gray * p)).sum()) if levels > 1 else 0.0,
        "ngt_complexity": ratio((np.abs(apart) * weighted / between).sum(), voxels) if levels else 0.0,
        "ngt_strength": ratio((between * apart**2).sum(), s.sum()),
    }


def _dependence(part: np.ndarray) -> Counts:
    alike = np.ones(part.shape, np.intp)
    for offset in neighbors(part.shape[0] > 1):
        here, there = shifted(part, offset)
        of_here = shifted(alike, offset)[0]
        of_here += here == there
    inside = part > 0
    return count(part[inside], alike[inside], int(inside.sum()))


def _dependence_features(counts: Counts) -> dict[str, float]:
    found = {f"ngl_{name}": value for name, value in zip(DEPENDENCE_TAGS, emphases(counts), strict=True)}
    return {**found, "ngl_dc_energy": float(((counts.number / counts.number.sum()) ** 2).sum())}
