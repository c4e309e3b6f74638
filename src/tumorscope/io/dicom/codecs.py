"""Compressions that none of pydicom's own plugins decodes here, by imagecodecs.

JPEG Extended with 12 bits and High-Throughput JPEG 2000. The form is that of pydicom's decoder plugins.
"""

from __future__ import annotations

from typing import Any

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL, JPEGExtended12Bit

DECODER_DEPENDENCIES = dict.fromkeys((JPEGExtended12Bit, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K), ("imagecodecs",))
_LABEL = "imagecodecs"


def is_available(uid: str) -> bool:
    """Whether this plugin decodes a transfer syntax."""
    return uid in DECODER_DEPENDENCIES


def register() -> None:
    """Offer the plugin to pydicom, once."""
    for uid in DECODER_DEPENDENCIES:
        decoder = get_decoder(uid)
        if _LABEL not in decoder.available_plugins:
            decoder.add_plugin(_LABEL, (__name__, "decode_frame"))


def decode_frame(source: bytes, runner: Any) -> bytes:
    """One frame, as little-endian samples of the size that the runner asks for."""
    import imagecodecs

    # OpenJPEG decodes high-throughput code streams as any other JPEG 2000.
    decode = imagecodecs.jpeg8_decode if runner.transfer_syntax == JPEGExtended12Bit else imagecodecs.jpeg2k_decode
    image = decode(source)
    if image.ndim != 2:
        raise ValueError("more than one sample per pixel")
    runner.set_option("bits_allocated", 8 * image.dtype.itemsize)
    return image.astype(image.dtype.newbyteorder("<")).tobytes()
