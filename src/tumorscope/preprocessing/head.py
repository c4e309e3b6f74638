"""Where the head is in a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tumorscope.preprocessing.frames import without_frame
from tumorscope.preprocessing.intensity import working_type
from tumorscope.preprocessing.percentiles import percentiles

_ENOUGH_PX = 128
"""A head is found just as well in a coarser image, and four times as fast or more."""

_SMOOTHING = 1 / 128
"""Standard deviation of the smoothing, as a share of the image's shorter side."""

_RELATIVE_THRESHOLD = 0.12
_SMALLEST_HEAD = 0.02
"""Below this share of the image the threshold found noise, not a head."""


@dataclass(frozen=True)
class Box:
    """A rectangle in a slice, in pixels; it may reach beyond the image."""

    top: float
    left: float
    height: float
    width: float


def head_mask(voxels: np.ndarray) -> np.ndarray:
    """Mark the pixels that belong to the head rather than to air.

    Every channel is measured from its own background, the median along the images'
    borders, so that signed and z-scored images work too. Each slice keeps what is
    brighter than a fixed share of the scan's brightest percent, smoothed against noise.
    A bright frame around the images is not part of it.

    Args:
        voxels: ``(slice, row, column, channel)``.

    Returns:
        Boolean array ``(slice, row, column)``; all true where no head is found.
    """
    stride = max(1, min(voxels.shape[1:3]) // _ENOUGH_PX)
    coarse = without_frame(voxels)[:, ::stride, ::stride]
    signal = np.zeros(coarse.shape[:3], np.float32)
    for channel in range(coarse.shape[3]):
        image = coarse[..., channel].astype(working_type(coarse.dtype))
        sides = (image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1])
        air = percentiles(np.concatenate([side.ravel() for side in sides]), (50,)).astype(image.dtype)
        with np.errstate(over="ignore"):  # what is infinitely far from the air is bright
            image -= air
        distance = np.abs(image, out=image)
        brightest = percentiles(distance, (99,)).astype(image.dtype)
        if brightest > 0:
            distance /= brightest
            np.maximum(signal, distance, out=signal)
    smoothing = _SMOOTHING * min(signal.shape[1:])
    head = ndimage.gaussian_filter(np.minimum(signal, 1, out=signal), (0, smoothing, smoothing)) > _RELATIVE_THRESHOLD
    if head.mean() < _SMALLEST_HEAD:
        return np.ones(voxels.shape[:3], bool)
    whole = head.repeat(stride, axis=2).repeat(stride, axis=1)  # the other order takes three times as long
    return whole[:, : voxels.shape[1], : voxels.shape[2]]


def head_box(head: np.ndarray, pixel_aspect: float = 1.0, margin: float = 0.03) -> Box:
    """The square (in millimeters) that frames the head in every slice of a scan.

    Rows and columns count where the head covers at least 1.5 % of the most that any of
    them covers, so that a few bright pixels in the air do not widen the box.

    Args:
        head: ``(slice, row, column)`` from :func:`head_mask`.
        pixel_aspect: height of a pixel divided by its width.
        margin: share of the side added on each side.
    """
    flat = head.sum(axis=0)
    top, bottom = _extent(flat.sum(axis=1))
    left, right = _extent(flat.sum(axis=0))
    height, width = bottom - top, right - left
    rows, columns = flat.shape
    side = max(height * pixel_aspect, width) * (1 + 2 * margin)
    side = min(side, max(rows * pixel_aspect, columns))  # more would only add black borders
    box_height, box_width = side / pixel_aspect, side
    return Box((top + bottom - box_height) / 2, (left + right - box_width) / 2, box_height, box_width)


def _extent(profile: np.ndarray) -> tuple[int, int]:
    inside = np.flatnonzero(profile > 0.015 * profile.max())
    return int(inside[0]), int(inside[-1]) + 1
