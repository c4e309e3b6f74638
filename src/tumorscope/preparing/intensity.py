"""Putting intensities on one scale, whatever the scanner's units."""

from __future__ import annotations

import numpy as np

LOWEST, HIGHEST = -4.0, 6.0
"""Normalised intensities are clipped to this range (robust standard deviations)."""

_NORMAL_RANGE_5_TO_95 = 3.2897
"""Width of the central 90 % of a normal distribution, in standard deviations."""

_MANY_PIXELS = 1_000_000


def normalize(image: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Centre on the head's median and scale by its central 90 %.

    Median and quantiles, because a bright tumour or fat must not move the scale of
    everything else.

    Args:
        image: ``(slice, row, column)``, one sequence of one scan.
        head: boolean, same shape; the pixels that set the scale.

    Returns:
        float32 of the same shape, clipped to ``LOWEST .. HIGHEST``; zeros for an image
        without any contrast.
    """
    stride = 2 if image.size > _MANY_PIXELS else 1  # a quarter of so many tells the same quantiles
    inside = image[:, ::stride, ::stride][head[:, ::stride, ::stride]]
    low, middle, high = np.percentile(inside, (5, 50, 95))
    scale = (high - low) / _NORMAL_RANGE_5_TO_95
    if scale <= 0:
        scale = float(inside.std())
    if scale <= 0:
        return np.zeros(image.shape, np.float32)
    result = (image.astype(np.float32) - np.float32(middle)) / np.float32(scale)
    return np.clip(result, LOWEST, HIGHEST, out=result)
