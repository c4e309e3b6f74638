"""Putting intensities on one scale, whatever the scanner's units."""

from __future__ import annotations

import numpy as np

LOWEST, HIGHEST = -4.0, 6.0
"""Normalized intensities are clipped to this range (robust standard deviations)."""

_NORMAL_RANGE_5_TO_95 = 3.2897
"""Width of the central 90 % of a normal distribution, in standard deviations."""

_MANY_PIXELS = 1_000_000

_SPIKE = 1e5
"""Pixels that lie so many times further out than the central 99 % is wide are no part of the image. Pixels of
eight and sixteen bits cannot."""

_LARGEST = 1e20
"""Sums and differences of pixels up to this stay in the range of float32."""


def working_type(dtype: np.dtype) -> np.dtype:
    """The type to compute with: float32 where it holds every pixel of the given type exactly, else float64.

    Differences of pixels leave the range of short integers, and the precision of float32 where pixels are long ones.
    """
    return np.result_type(dtype, np.float32)


def without_spikes(image: np.ndarray) -> np.ndarray:
    """The image with the few pixels that are far out of all proportion brought nearer; most often the image itself.

    Minimum and maximum of what is left can be used as a scale.

    Args:
        image: of any shape and real type, finite.
    """
    if image.dtype.itemsize <= 2 or image.size == 0:
        return image
    if image.min() < -_LARGEST or image.max() > _LARGEST:
        image = np.clip(image, -_LARGEST, _LARGEST)
    low, high = (float(value) for value in np.percentile(image, (0.5, 99.5)))
    least, most = low - _SPIKE * (high - low), high + _SPIKE * (high - low)
    if low == high or (image.min() >= least and image.max() <= most):
        return image
    return np.clip(image.astype(np.float64), least, most)


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
    low, middle, high = np.percentile(inside.astype(np.float64), (5, 50, 95))
    scale = (high - low) / _NORMAL_RANGE_5_TO_95
    if scale <= 0:
        scale = float(inside.std(dtype=np.float64))
    if scale <= 0:
        return np.zeros(image.shape, np.float32)
    kind = working_type(image.dtype)
    with np.errstate(over="ignore"):  # what is infinitely far out is clipped like the rest
        result = (image.astype(kind) - kind.type(middle)).astype(np.float32, copy=False) / np.float32(scale)
    return np.clip(result, LOWEST, HIGHEST, out=result)
