"""Images as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage


def encode_png(image: PillowImage) -> bytes:
    """The image as PNG, slightly compressed.

    Pillow tries five filters on every row, which takes as long as the compression; one of them for all rows makes files
    of about the same size.

    Args:
        image: gray or RGB, of eight bits.
    """
    import imagecodecs

    return bytes(imagecodecs.png_encode(np.asarray(image), level=1, filter=imagecodecs.PNG.FILTER.UP))
