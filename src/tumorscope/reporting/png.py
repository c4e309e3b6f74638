"""Images as PNG, written in half of Pillow's time."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_COLOR_TYPE = {"L": 0, "RGB": 2}
_UP = 2
"""The filter of PNG that stores each row as its difference to the row above."""


def encode_png(image: PillowImage) -> bytes:
    """The image as PNG (W3C, third edition), slightly compressed.

    Pillow tries all five filters on every row, which takes longer than the compression; one of them for all
    rows makes files of about the same size.

    Args:
        image: gray or RGB, of eight bits.
    """
    pixels = np.asarray(image).reshape(image.height, -1)
    rows = np.empty((image.height, 1 + pixels.shape[1]), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])  # modulo 256, as in PNG
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, _COLOR_TYPE[image.mode], 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows.data, 1)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
