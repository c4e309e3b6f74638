"""Limits of one upload."""

from __future__ import annotations

from dataclasses import dataclass

MAX_NAME = 255
"""Length of the name of a folder or file, in characters."""
MAX_PATH = 1024
MAX_DEPTH = 16
"""Number of nested folders."""

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Limits of an upload while it arrives, and of an archive while it is unpacked.

    Attributes:
        upload_bytes: size of the request's body.
        files: number of files, including members of archives.
        unpacked_bytes: unpacked size of all archives.
        ratio: by which an archive with more than ``ratio_from`` unpacked bytes may grow.
    """

    upload_bytes: int = 4 * GIB
    files: int = 20_000
    unpacked_bytes: int = 8 * GIB
    ratio: float = 100.0
    ratio_from: int = 64 * MIB


def format_bytes(count: int) -> str:
    """A number of bytes with a binary unit.

    >>> format_bytes(4 << 30), format_bytes(1536), format_bytes(12)
    ('4 GiB', '1.5 KiB', '12 bytes')
    """
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"
