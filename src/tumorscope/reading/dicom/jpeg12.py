"""JPEG Extended with 12 bits, which none of pydicom's own plugins decodes, by imagecodecs.

The form is that of pydicom's decoder plugins.
"""

from __future__ import annotations

from typing import Any

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import JPEGExtended12Bit

DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("imagecodecs",)}
_LABEL = "imagecodecs"


def is_available(uid: str) -> bool:
    """Whether this plugin decodes a transfer syntax."""
    return uid in DECODER_DEPENDENCIES


def register() -> None:
    """Offer the plugin to pydicom, once."""
    decoder = get_decoder(JPEGExtended12Bit)
    if _LABEL not in decoder.available_plugins:
        decoder.add_plugin(_LABEL, (__name__, "decode_frame"))


def decode_frame(source: bytes, runner: Any) -> bytes:
    """One frame, as little-endian samples of the size that the runner asks for."""
    import imagecodecs

    image = imagecodecs.jpeg8_decode(source)
    if image.ndim != 2:
        raise ValueError("more than one sample a pixel")
    runner.set_option("bits_allocated", 8 * image.dtype.itemsize)
    return image.astype(image.dtype.newbyteorder("<")).tobytes()
