"""DICOM files that swell when they are read.

Readers refuse images and volumes by the size that the header states, before they unpack
anything. A DICOM file whose whole content is deflated states nothing, and pydicom inflates it whole.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import label

DEFLATED = b"1.2.840.10008.1.2.1.99"
"""Deflated Explicit VR Little Endian, DICOM PS3.5 A.5."""

MOST_INFLATED = 1 << 30
"""The largest volume that is opened has as many bytes of pixels."""

_HEAD = 4096
_PIECE = 1 << 18


def refuse_deflated_bomb(path: Path) -> None:
    """Refuse a deflated DICOM file that would not fit into memory.

    Raises:
        UnreadableScan: it inflates to more than :data:`MOST_INFLATED` bytes, or is damaged.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        at = _start_of_data(head)
        if at is None:
            return
        file.seek(at)
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        total = 0
        pending = b""
        try:
            while not inflate.eof and (packed := pending or file.read(_PIECE)):
                total += len(inflate.decompress(packed, _PIECE))
                pending = inflate.unconsumed_tail
                if total > MOST_INFLATED:
                    most = f"{MOST_INFLATED >> 20:,} MiB"
                    raise UnreadableScan(f"{label(path)}: larger than {most} unpacked; store it uncompressed")
        except zlib.error as error:
            raise UnreadableScan(f"{label(path)}: the compression is damaged; copy the file again") from error


def _start_of_data(head: bytes) -> int | None:
    """Where the deflated data set starts; None where the file is not of that kind."""
    if head[128:132] != b"DICM" or DEFLATED not in head:
        return None
    # (0002,0000) comes first and gives the length of the rest of the file meta information.
    if head[132:140] != b"\2\0\0\0UL\4\0" or len(head) < 144:
        return None
    return 144 + int.from_bytes(head[140:144], "little")
