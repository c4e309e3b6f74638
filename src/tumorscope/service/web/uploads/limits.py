"""How much one upload may hold."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_NAME = 255
"""Of one folder or file in an upload, in characters."""
LONGEST_PATH = 1024
DEEPEST = 16
"""Folders inside each other."""

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """What stops an upload while it arrives, and an archive while it is unpacked.

    Attributes:
        upload_bytes: of the request's body.
        files: that are kept, archives' members counted in.
        unpacked_bytes: of all archives of an upload, once unpacked.
        ratio: by which an archive may grow, once it holds more than ``ratio_from`` bytes unpacked.
    """

    upload_bytes: int = 4 * GIB
    files: int = 20_000
    unpacked_bytes: int = 8 * GIB
    ratio: float = 100.0
    ratio_from: int = 64 * MIB


def size_words(count: int) -> str:
    """A number of bytes as people write it.

    >>> size_words(4 << 30), size_words(1536), size_words(12)
    ('4 GiB', '1.5 KiB', '12 bytes')
    """
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"
