"""What the gate looks at: every slice by itself, framed to what stands out, at one size."""

from __future__ import annotations

import numpy as np

from tumorscope.preparing.framing import Framing
from tumorscope.preparing.head import head_box, head_mask
from tumorscope.preparing.intensity import without_spikes, working_type

SIDE = 64
_ENOUGH_PX = 128
"""A picture is first averaged down to between this and twice as much."""


def head_views(pictures: np.ndarray, pixel_aspect: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Frame each slice to its own head and put its grey values between zero and one.

    Unlike what the network sees, a slice's view does not depend on the other slices, and
    scale and offset of its grey values do not matter.

    Args:
        pictures: ``(slice, row, column)``, one channel, any real type.
        pixel_aspect: height of a pixel divided by its width.

    Returns:
        float32 views ``(slice, SIDE, SIDE)``, and boolean heads of the same shape.
    """
    views = np.empty((len(pictures), SIDE, SIDE), np.float32)
    heads = np.empty(views.shape, bool)
    for place, picture in enumerate(pictures):
        views[place], heads[place] = _view(picture, pixel_aspect)
    return views, heads


def _view(picture: np.ndarray, pixel_aspect: float) -> tuple[np.ndarray, np.ndarray]:
    picture = _reduced(picture)
    head = head_mask(picture[None, :, :, None])
    framing = Framing(picture.shape, head_box(head, pixel_aspect), SIDE)
    view = framing.apply(picture)
    low, high = np.percentile(view, (0.5, 99.5))
    if high - low <= 1e-6:
        return np.zeros_like(view), np.ones(view.shape, bool)
    return np.clip((view - low) / (high - low), 0, 1), framing.apply(head[0]) > 0.5


def _reduced(picture: np.ndarray) -> np.ndarray:
    """float32 from zero up, so that large offsets cost no digits; large pictures as means of square blocks."""
    picture = without_spikes(picture)
    step = max(1, min(picture.shape) // _ENOUGH_PX)
    rows, columns = (length // step * step for length in picture.shape)
    low = picture.min()
    total = np.zeros((rows // step, columns // step), np.float32)
    for row in range(step):
        for column in range(step):
            # Short integers would overflow.
            total += np.subtract(picture[row:rows:step, column:columns:step], low, dtype=working_type(picture.dtype))
    return total / max(float(total.max()), 1e-30)
