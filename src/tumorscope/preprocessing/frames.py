"""Bright frames around images, as screenshots and web pages have them."""

from __future__ import annotations

import numpy as np

from tumorscope.preprocessing.percentiles import percentiles

_BRIGHT = 0.25
"""A frame is at least so far above the darkest gray levels, as a share of the range; air is darker."""

_EVEN = 0.04
"""Gray levels of a frame differ by at most this share of the range, which lets JPEG pass."""

_LEAST_PX = 16
"""Less than this inside a frame is not an image."""


def without_frame(voxels: np.ndarray) -> np.ndarray:
    """The same images with the air's gray level in place of a bright frame of one level around all of them.

    The line where frame and image meet goes too, because resampling mixes the two there. Images without such a frame
    are returned as they are; of inverted ones, whose air is bright, nothing visible changes.

    Args:
        voxels: ``(slice, row, column, channel)``.

    Returns:
        Array of the same shape and type; the median along the inner border stands for the air of each channel.
    """
    region = _inside_frame(voxels)
    if region is None:
        return voxels
    result = np.empty_like(voxels)
    for channel in range(voxels.shape[3]):
        inside = voxels[:, *region, channel]
        sides = (inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1])
        result[..., channel] = np.median(np.concatenate([side.ravel() for side in sides]))
    result[:, *region] = voxels[:, *region]
    return result


def _inside_frame(voxels: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns of the image inside a frame; None where there is no frame."""
    coarse = voxels[:: max(1, len(voxels) // 8), ::4, ::4]
    low, high = percentiles(coarse, (1, 99))
    sides = [side.astype(np.float64) for side in (voxels[:, 0], voxels[:, -1], voxels[:, :, 0], voxels[:, :, -1])]
    level = max(float(percentiles(side, (50,))[0]) for side in sides)
    extent = max(float(high), level) - low
    if not np.isfinite(extent) or extent <= 0 or level - low < _BRIGHT * extent:
        return None
    if not any((np.abs(side - level) <= _EVEN * extent).all() for side in sides):
        return None
    even = np.abs(voxels - np.float64(level)) <= _EVEN * extent
    rows = _image_lines(even.all(axis=(0, 2, 3)))
    columns = _image_lines(even[:, rows].all(axis=(0, 1, 3)))
    whole = rows == slice(0, voxels.shape[1]) and columns == slice(0, voxels.shape[2])
    too_small = min(rows.stop - rows.start, columns.stop - columns.start) < _LEAST_PX
    return None if whole or too_small else (rows, columns)


def _image_lines(even: np.ndarray) -> slice:
    """The lines from the first to the last that is not even; where a frame ends, one line less."""
    lines = np.flatnonzero(~even)
    if not len(lines):
        return slice(0, 0)
    first, last = int(lines[0]), int(lines[-1])
    return slice(first and first + 1, last + (last == len(even) - 1))
