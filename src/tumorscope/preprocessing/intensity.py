"""Putting intensities on one scale, whatever the scanner's units."""

from __future__ import annotations

import numpy as np

from tumorscope.preprocessing.percentiles import percentiles

LOWEST, HIGHEST = -4.0, 6.0
"""Normalized intensities are clipped to this range (robust standard deviations)."""

_NORMAL_RANGE_5_TO_95 = 3.2897
"""Width of the central 90 % of a normal distribution, in standard deviations."""

_MANY_PIXELS = 1_000_000

_PERCENTILES = np.array([0.5, 1, 2, *range(5, 100, 5), 98, 99, 99.5])
_DARK_HALF = (-1.81, -1.76, -1.67, -1.46, -1.15, -0.89, -0.67, -0.51, -0.38, -0.27, -0.18, -0.09)
_BRIGHT_HALF = (0.09, 0.18, 0.28, 0.38, 0.51, 0.68, 0.95, 1.32, 1.83, 2.32, 2.57, 2.76)
_STANDARD = np.array([*_DARK_HALF, 0.0, *_BRIGHT_HALF])
"""Where :func:`standardize` puts the percentiles: their mean over 400 linearly normalized head MRI slices of mixed
sequences, so that an ordinary image changes little."""

_MIDDLE = len(_STANDARD) // 2
_SAME_LEVEL = 1e-6
"""Percentiles that differ by less than this share of their range are one gray level, such as saturated white, that
rounding has split."""

_LARGEST_TABLE = 1 << 16
_TABLE_STEPS = 1 << 15
_CHUNK = 1 << 15
"""Pixels mapped at a time, which stay in the processor's cache."""

_SPIKE = 1e5
"""Pixels further out than so many times the width of the central 99 % are not part of the image. Pixels of
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
    low, high = (float(value) for value in percentiles(image, (0.5, 99.5)))
    least, most = low - _SPIKE * (high - low), high + _SPIKE * (high - low)
    if low == high or (image.min() >= least and image.max() <= most):
        return image
    return np.clip(image.astype(np.float64), least, most)


def normalize(image: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Center on the head's median and scale by its central 90 %.

    Median and quantiles, because a bright tumor or fat must not move the scale of
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
    low, middle, high = percentiles(inside, (5, 50, 95))
    scale = (high - low) / _NORMAL_RANGE_5_TO_95
    if scale <= 0:
        scale = float(inside.std(dtype=np.float64))
    if scale <= 0:
        return np.zeros(image.shape, np.float32)
    kind = working_type(image.dtype)
    with np.errstate(over="ignore"):  # what is infinitely far out is clipped like the rest
        result = (image.astype(kind) - kind.type(middle)).astype(np.float32, copy=False) / np.float32(scale)
    return np.clip(result, LOWEST, HIGHEST, out=result)


def standardize(image: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Map the head's percentiles onto those of an average head MRI slice.

    Histogram standardization by landmarks (Nyul, Udupa and Zhang 2000), with 25 of them. Any increasing change of
    gray levels, such as gamma, windowing or histogram equalization, is undone up to the levels it merged.

    Args:
        image: ``(slice, row, column)``, one sequence of one scan.
        head: boolean, same shape; the pixels whose percentiles count.

    Returns:
        float32 of the same shape, within ``LOWEST .. HIGHEST``; zeros for an image without any contrast.
    """
    inside = image[head]
    stride = max(1, inside.size // _MANY_PIXELS)
    found = percentiles(inside[::stride], _PERCENTILES)
    new = np.append(True, np.diff(found) > _SAME_LEVEL * (found[-1] - found[0]))
    levels, which = found[new], np.cumsum(new) - 1
    if len(levels) < 2:
        return np.zeros(image.shape, np.float32)
    # Several percentiles on one gray level: that level gets the middle of their standard values.
    standard = np.bincount(which, _STANDARD) / np.bincount(which)
    below, above = max(found[_MIDDLE] - levels[0], levels[1] - levels[0]), levels[-1] - found[_MIDDLE]
    above = max(above, levels[-1] - levels[-2])
    # Air and what outshines the head go on at the average slope of their half until the scale ends.
    levels = np.concatenate(
        [
            [levels[0] - below * (standard[0] - LOWEST) / -_STANDARD[0]],
            levels,
            [levels[-1] + above * (HIGHEST - standard[-1]) / _STANDARD[-1]],
        ]
    )
    standard = np.concatenate([[LOWEST], standard, [HIGHEST]])
    if image.dtype.kind in "iu" and image.size > _LARGEST_TABLE:
        lowest, highest = int(image.min()), int(image.max())
        if highest - lowest < _LARGEST_TABLE:
            table = np.interp(np.arange(lowest, highest + 1), levels, standard).astype(np.float32)
            return table[image.astype(np.int32) - lowest]
    return _mapped(image, levels, standard)


def _mapped(image: np.ndarray, levels: np.ndarray, standard: np.ndarray) -> np.ndarray:
    """``np.interp(image, levels, standard)`` as float32, by a table with even steps instead of a search for every pixel.

    That takes a fifth of the time. Within a step the table is as exact as interpolation, unless one of the levels lies in
    it: for the few pixels there it is not used.
    """
    step = (levels[-1] - levels[0]) / _TABLE_STEPS
    table = np.interp(levels[0] + step * np.arange(_TABLE_STEPS + 1), levels, standard).astype(np.float32)
    rise = np.diff(table, append=table[-1])
    bent = np.zeros(_TABLE_STEPS + 1, bool)
    steps = ((levels[1:-1] - levels[0]) / step).astype(int)[:, None] + (-1, 0, 1)  # rounding may take one further
    bent[np.clip(steps, 0, _TABLE_STEPS)] = True
    lowest, scale = np.float32(levels[0]), np.float32(1 / step)
    flat, result = image.reshape(-1), np.empty(image.size, np.float32)
    for start in range(0, flat.size, _CHUNK):
        values, found = flat[start : start + _CHUNK], result[start : start + _CHUNK]
        position = (values - lowest) * scale
        np.clip(position, 0, _TABLE_STEPS, out=position)
        whole = position.astype(np.int32)
        position -= whole
        position *= rise.take(whole)
        np.add(position, table.take(whole), out=found)
        few = np.flatnonzero(bent.take(whole))
        found[few] = np.interp(values[few], levels, standard)
    return result.reshape(image.shape)
