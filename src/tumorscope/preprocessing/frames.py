"""Bright frames around images, as screenshots and web pages have them."""

from __future__ import annotations

import numpy as np

from tumorscope.preprocessing.percentiles import percentiles

_BRIGHT = 0.25
"""A frame is at least so far above the darkest gray levels, as a share of the range; air is darker."""

_STEP = 0.1
"""A frame is at least so far above what it frames; the bright air of an inverted image goes on inside."""

_EVEN = 0.12
"""Gray levels of all but the extreme pixels of a line of a frame differ by at most this share of the range, which lets
JPEG and letters pass."""

_LEAST_PX = 16
"""Less than this inside a frame is not an image."""


def without_frame(voxels: np.ndarray) -> np.ndarray:
    """The same images with the air's gray level in place of a bright frame around all of them.

    A frame may be missing on some sides and differ between them: the lines at the edges of images from the web are
    often what resampling left of one. The line where frame and image meet goes too, because resampling mixes the two
    there. Images without a frame are returned as they are.

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
    sides = (voxels[:, 0], voxels[:, -1], voxels[:, :, 0], voxels[:, :, -1])
    middles = [float(percentiles(side, (50,))[0]) for side in sides]
    high = max(float(high), *middles)
    if not np.isfinite(high - low) or high <= low or max(middles) - low < _BRIGHT * (high - low):
        return None
    rows = _inside(np.moveaxis(voxels, 1, 0), float(low), high)
    columns = _inside(np.moveaxis(voxels[:, rows], 2, 0), float(low), high)
    whole = rows == slice(0, voxels.shape[1]) and columns == slice(0, voxels.shape[2])
    too_small = min(rows.stop - rows.start, columns.stop - columns.start) < _LEAST_PX
    return None if whole or too_small else (rows, columns)


def _inside(lines: np.ndarray, low: float, high: float) -> slice:
    """The lines between two sides of a frame, where there are any."""
    first, last = _frame_width(lines, low, high), len(lines) - _frame_width(lines[::-1], low, high)
    return slice(first, last) if first < last else slice(0, 0)


def _frame_width(lines: np.ndarray, low: float, high: float) -> int:
    """How many lines from the edge on are a frame's, with the one where it meets the image; 0 without a frame."""
    level = low
    for width, line in enumerate(lines):
        darkest, middle, brightest = (float(value) for value in percentiles(line, (2, 50, 98)))
        even = brightest - darkest <= _EVEN * (high - low)
        if even and middle - low >= _BRIGHT * (high - low):
            level = middle
            continue
        if width == 0:
            return 0
        inside = float(percentiles(lines[min(width + 1, len(lines) - 1)], (50,))[0])
        return width + 1 if level - inside >= _STEP * (high - low) else 0
    return 0
