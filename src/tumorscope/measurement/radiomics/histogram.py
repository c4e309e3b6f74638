"""Gray levels (IBSI 2.7) and the features of their histogram (IBSI 3.4)."""

from __future__ import annotations

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.radiomics.intensity_statistics import moments

MOST_LEVELS = 4096
"""More gray levels than this mean a bin size in other units than the image's."""


def discretize(
    image: np.ndarray, mask: np.ndarray, bins: int = 32, bin_size: float | None = None, lowest: float | None = None
) -> np.ndarray:
    """Gray levels from 1 within the mask, 0 outside.

    Args:
        image: any shape.
        mask: boolean, the same shape, not empty.
        bins: so many levels between the lowest and the highest intensity of the region;
            all of a region of one intensity are level 1.
        bin_size: instead, the width of a level.
        lowest: where the first level of ``bin_size`` begins.

    Raises:
        TumorscopeError: the bin size makes more than 4,096 levels, or intensities are below ``lowest``.

    >>> discretize(np.array([0.0, 1, 9, 10]), np.array([True] * 4), bins=5).tolist()
    [1, 1, 5, 5]
    >>> discretize(np.array([0.0, 1, 9, 10]), np.array([True] * 4), bin_size=5).tolist()
    [1, 1, 2, 3]
    """
    inside = image[mask].astype(float)
    low, high = inside.min(), inside.max()
    levels = np.zeros(image.shape, np.intp)
    if bin_size is not None:
        start = low if lowest is None else lowest
        if low < start:
            raise TumorscopeError(f"intensities of the region begin at {low:g}, below the first bin at {start:g}")
        if (high - start) / bin_size >= MOST_LEVELS:
            raise TumorscopeError(
                f"a bin size of {bin_size:g} makes more than {MOST_LEVELS} gray levels; choose a larger"
            )
        levels[mask] = np.floor((inside - start) / bin_size).astype(np.intp) + 1
    elif high > low:
        levels[mask] = np.minimum(np.floor(bins * (inside - low) / (high - low)), bins - 1).astype(np.intp) + 1
    else:
        levels[mask] = 1
    return levels


def histogram(inside: np.ndarray) -> dict[str, float]:
    """The 23 features of the gray levels of a region, from 1, any shape."""
    counts = np.bincount(inside.ravel())[1:]
    gray = np.arange(1, len(counts) + 1)
    share = counts[counts > 0] / inside.size
    common = moments(inside)
    # Of equally frequent levels the one nearest the mean is the mode, the lower of two as near.
    most = gray[counts == counts.max()]
    gradient = np.gradient(counts.astype(float)) if len(counts) > 1 else np.zeros(1)
    found = {
        **common,
        "mode": float(most[np.argmin(np.abs(most - common["mean"]))]),
        "entropy": float(-(share * np.log2(share)).sum()) + 0.0,
        "uniformity": float((share**2).sum()),
        "max_grad": float(gradient.max()),
        "max_grad_g": float(gray[gradient.argmax()]),
        "min_grad": float(gradient.min()),
        "min_grad_g": float(gray[gradient.argmin()]),
    }
    return {f"ih_{name}": value for name, value in found.items()}
