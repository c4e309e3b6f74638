"""Percentiles of many values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_MANY = 1 << 12
"""Fewer values than this are sorted sooner than counted."""

_BUCKETS = 1 << 12
_SMALLEST_RANGE, _LARGEST_RANGE = 1e-30, 1e30
"""Between these the number of buckets divided by the range is one of float32's."""


def percentiles(values: np.ndarray, shares: Sequence[float] | np.ndarray) -> np.ndarray:
    """What ``np.percentile`` gives, from three to twenty times as fast.

    NumPy's function partitions the values once for every share. Values are counted here instead: those of short
    integers one by one, any others in even steps of their range, of which only the few that hold a percentile
    are sorted.

    Args:
        values: of any shape, not empty.
        shares: from 0 to 100.

    Returns:
        float64, one for each share, interpolated linearly between values.

    >>> percentiles(np.array([[4, 1], [3, 2]]), (0, 50, 100)).tolist()
    [1.0, 2.5, 4.0]
    """
    position = np.asarray(shares, np.float64) / 100 * (values.size - 1)
    lower = position.astype(np.intp)
    ranks = np.array((lower, np.minimum(lower + 1, values.size - 1)))
    low, high = _ranked(values.reshape(-1), ranks).astype(np.float64)
    with np.errstate(invalid="ignore"):  # between two infinite values there is no difference
        return np.where(high > low, low + (high - low) * (position - lower), low)


def _ranked(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """``np.sort(values)[ranks]``."""
    short = values.dtype.itemsize <= 2
    if values.size >= _MANY:
        if short and values.dtype.kind in "iu":
            lowest = int(values.min())
            count = np.bincount(values.astype(np.int32) - lowest)
            return np.searchsorted(np.cumsum(count), ranks, side="right") + lowest
        least, most = float(values.min()), float(values.max())
        if _SMALLEST_RANGE < most - least < _LARGEST_RANGE:  # false for NaN
            return _ranked_in_buckets(values, ranks, least, (_BUCKETS - 1) / (most - least))
    # Of short numbers float32 holds every one, and NumPy sorts it with vector instructions.
    return np.sort(values.astype(np.float32) if short else values)[ranks]


def _ranked_in_buckets(values: np.ndarray, ranks: np.ndarray, least: float, scale: float) -> np.ndarray:
    """The same by ``(value - least) * scale``, which rounding leaves in the values' order."""
    kind = np.result_type(values.dtype, np.float32).type
    bucket = ((values - kind(least)) * kind(scale)).astype(np.int16)
    count = np.bincount(bucket, minlength=_BUCKETS)
    which = np.searchsorted(np.cumsum(count), ranks, side="right")
    wanted = np.zeros(len(count), bool)
    wanted[which] = True
    left_out = np.cumsum(np.where(wanted, 0, count))
    return np.sort(values[wanted.take(bucket)])[ranks - left_out[which]]
