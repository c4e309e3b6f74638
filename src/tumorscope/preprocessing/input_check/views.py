"""What the input check looks at: every slice by itself, framed to what stands out, at one size."""

from __future__ import annotations

import numpy as np

from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.frames import without_frame
from tumorscope.preprocessing.head import head_box, head_mask
from tumorscope.preprocessing.intensity import without_spikes, working_type
from tumorscope.preprocessing.percentiles import percentiles

SIDE = 64
_ENOUGH_PX = 128
"""An image is first averaged down to between this and twice as much."""

_BRIGHTEST = 95
"""Percentile of the head's gray levels that air reaches only where black and white are exchanged."""


def head_views(images: np.ndarray, pixel_aspect: float = 1.0, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Frame each slice to its own head and put its gray values between zero and one.

    Unlike what the network sees, a slice's view does not depend on the other slices, and
    scale, offset and sign of its gray values do not matter, nor a bright frame around it.

    Args:
        images: ``(slice, row, column)``, one channel, any real type.
        pixel_aspect: height of a pixel divided by its width.
        side: of the views, in pixels; not more than 128, to which large images are averaged down.

    Returns:
        float32 views ``(slice, side, side)``, and boolean heads of the same shape.
    """
    views = np.empty((len(images), side, side), np.float32)
    heads = np.empty(views.shape, bool)
    for place, image in enumerate(images):
        views[place], heads[place] = _view(image, pixel_aspect, side)
    return views, heads


def _view(image: np.ndarray, pixel_aspect: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    image = _reduced(without_frame(image[None, :, :, None])[0, ..., 0])
    head = head_mask(image[None, :, :, None])
    image = _dark_around(image, head[0])
    crop_resize = CropResize(image.shape, head_box(head, pixel_aspect), side)
    view = crop_resize.forward(image)
    low, high = percentiles(view, (0.5, 99.5)).astype(view.dtype)
    if high - low <= 1e-6:
        return np.zeros_like(view), np.ones(view.shape, bool)
    return np.clip((view - low) / (high - low), 0, 1), crop_resize.forward(head[0]) > 0.5


def _dark_around(image: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The image with black for white where the air is as bright as the head's brightest, as on inverted displays."""
    inverted = _air(image) >= percentiles(image[head], (_BRIGHTEST,))[0]
    return image.max() - image if inverted else image


def _reduced(image: np.ndarray) -> np.ndarray:
    """float32 with the air at zero, so that large offsets cost no digits; large images as means of square blocks."""
    image = without_spikes(image)
    step = max(1, min(image.shape) // _ENOUGH_PX)
    rows, columns = (length // step * step for length in image.shape)
    air = _air(image)
    total = np.zeros((rows // step, columns // step), np.float32)
    for row in range(step):
        for column in range(step):
            # Short integers would overflow.
            total += np.subtract(image[row:rows:step, column:columns:step], air, dtype=working_type(image.dtype))
    return total / max(float(np.abs(total).max()), 1e-30)


def _air(image: np.ndarray) -> float:
    """The median gray level along an image's borders."""
    return percentiles(np.concatenate((image[0], image[-1], image[:, 0], image[:, -1])), (50,))[0]
