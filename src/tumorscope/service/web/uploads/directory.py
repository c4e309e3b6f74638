"""Count the members of a ZIP archive without holding their list in memory.

``zipfile`` creates an object per entry before a caller can count them: gigabytes for an archive of ten
million empty members. Records are those of PKWARE's APPNOTE 6.3.10, sections
4.3.12 to 4.3.16.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_MAX_COMMENT = 0xFFFF
_MAX_ENTRY_BYTES = 1536
"""Average size: zipfile reads the whole directory into memory, and names may have 64 KiB each."""


def count_entries(archive: Path, most: int) -> int | None:
    """The number of entries in the central directory; counting stops above ``most``.

    A directory too large for ``most`` entries with names of ordinary length counts as more.
    None if there is no central directory.
    """
    with archive.open("rb") as file:
        location = _locate_directory(file)
        if location is None:
            return None
        start, size = location
        if size > (most + 1) * _MAX_ENTRY_BYTES:
            return most + 1
        file.seek(start)
        count = 0
        while size >= _ENTRY.size and count <= most:
            entry = file.read(_ENTRY.size)
            if len(entry) < _ENTRY.size or not entry.startswith(b"PK\1\2"):
                break
            fields = _ENTRY.unpack(entry)
            behind = fields[10] + fields[11] + fields[12]  # name, extra field, comment
            file.seek(behind, os.SEEK_CUR)
            size -= _ENTRY.size + behind
            count += 1
        return count


def _locate_directory(file: BinaryIO) -> tuple[int, int] | None:
    """Offset and size of the central directory."""
    length = file.seek(0, os.SEEK_END)
    tail_start = max(length - _END.size - _MAX_COMMENT, 0)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        return None
    end = tail_start + at
    size = _END.unpack_from(tail, at)[5]
    if end >= _LOCATOR.size:
        file.seek(end - _LOCATOR.size)
        signature, _disk, _offset, _disks = _LOCATOR.unpack(file.read(_LOCATOR.size))
        if signature == b"PK\6\7":
            end_64 = end - _LOCATOR.size - _END_64.size
            file.seek(max(end_64, 0))
            record = file.read(_END_64.size)
            if len(record) == _END_64.size and record.startswith(b"PK\6\6"):
                size, end = _END_64.unpack(record)[8], end_64
    # As in zipfile: the directory ends where its end record starts, even with data before the archive.
    return (end - size, size) if size <= end else None
