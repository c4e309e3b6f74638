"""The gray level co-occurrence matrix, GLCM (IBSI 3.6; Haralick 1973).

scikit-image's ``graycomatrix`` supports neither masks nor volumes; in the plane, without a
mask, the matrices here are the same (a test compares the two).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.measurement.radiomics.aggregation import Offset, by_direction, ratio, shifted

_NAMES = [
    "joint_max",
    "joint_avg",
    "joint_var",
    "joint_entr",
    "diff_avg",
    "diff_var",
    "diff_entr",
    "sum_avg",
    "sum_var",
    "sum_entr",
    "energy",
    "contrast",
    "dissimilarity",
    "inv_diff",
    "inv_diff_norm",
    "inv_diff_mom",
    "inv_diff_mom_norm",
    "inv_var",
    "corr",
    "auto_corr",
    "clust_tend",
    "clust_shade",
    "clust_prom",
    "info_corr1",
    "info_corr2",
]


def cooccurrence(levels: np.ndarray, aggregation: str) -> dict[str, float]:
    """The 25 features at distance one.

    Args:
        levels: ``(slice, row, column)``, 0 outside the region.
        aggregation: one of :data:`tumorscope.measurement.radiomics.extract.Aggregation`.
    """
    most = int(levels.max())

    def matrix(part: np.ndarray, offset: Offset) -> np.ndarray:
        return cooccurrence_matrix(part, offset, most)

    # A region without two neighbors has no texture.
    nothing = {f"cm_{name}": float(name == "corr") for name in _NAMES}
    return by_direction(levels, aggregation, matrix, _sum, _features, nothing)


def cooccurrence_matrix(levels: np.ndarray, offset: Offset, most: int) -> np.ndarray:
    """How often two levels are neighbors, both ways, int ``(most, most)``; level 1 is index 0."""
    here, there = shifted(levels, offset)
    both = (here > 0) & (there > 0)
    pairs = np.bincount((here[both] - 1) * most + there[both] - 1, minlength=most * most).reshape(most, most)
    return pairs + pairs.T


def _sum(matrices: Sequence[np.ndarray]) -> np.ndarray:
    return np.sum(matrices, axis=0)


def _features(matrix: np.ndarray) -> dict[str, float] | None:
    total = matrix.sum()
    if not total:
        return None
    p = matrix / total
    most = len(p)
    gray = np.arange(1, most + 1)
    i, j = np.meshgrid(gray, gray, indexing="ij")
    apart, together = np.abs(i - j), i + j
    p_apart = np.bincount(apart.ravel(), p.ravel(), minlength=most)
    p_together = np.bincount(together.ravel(), p.ravel(), minlength=2 * most + 1)
    k, m = np.arange(len(p_apart)), np.arange(len(p_together))
    margin = p.sum(axis=1)
    mean = float(margin @ gray)
    variance = float(margin @ (gray - mean) ** 2)
    diff_mean, sum_mean = float(p_apart @ k), float(p_together @ m)
    off = together - 2 * mean
    products = np.outer(margin, margin)
    joint, alone = _entropy(p), _entropy(margin)
    known = products > 0
    crossed = -float((p[known] * np.log2(products[known])).sum())
    independent = -float((products[known] * np.log2(products[known])).sum())
    far = apart > 0
    values = (
        p.max(),
        mean,
        (p * (i - mean) ** 2).sum(),
        joint,
        diff_mean,
        p_apart @ (k - diff_mean) ** 2,
        _entropy(p_apart),
        sum_mean,
        p_together @ (m - sum_mean) ** 2,
        _entropy(p_together),
        (p**2).sum(),
        (p * apart**2).sum(),
        (p * apart).sum(),
        (p / (1 + apart)).sum(),
        (p / (1 + apart / most)).sum(),
        (p / (1 + apart**2)).sum(),
        (p / (1 + apart**2 / most**2)).sum(),
        (p[far] / apart[far] ** 2).sum(),
        ratio((p * i * j).sum() - mean**2, variance, 1.0),
        (p * i * j).sum(),
        (p * off**2).sum(),
        (p * off**3).sum(),
        (p * off**4).sum(),
        ratio(joint - crossed, alone),
        np.sqrt(max(0.0, 1 - np.exp(-2 * (independent - joint)))),
    )
    return {f"cm_{name}": float(value) for name, value in zip(_NAMES, values, strict=True)}


def _entropy(p: np.ndarray) -> float:
    known = p[p > 0]
    return float(-(known * np.log2(known)).sum()) + 0.0
