"""How many members a ZIP archive lists, found without holding the list in memory.

``zipfile`` makes an object of every entry before anybody can count them, which an archive of ten
million empty members turns into gigabytes. Records are those of PKWARE's APPNOTE 6.3.10, sections
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
_LONGEST_COMMENT = 0xFFFF
_LARGEST_ENTRY = 1536
"""On average: zipfile reads the whole directory into memory, and names may have 64 KiB each."""


def count_entries(archive: Path, most: int) -> int | None:
    """How many entries the central directory has; counting stops above ``most``.

    A directory too large for so many entries with names of ordinary length counts as more.
    None where there is no central directory to be found.
    """
    with archive.open("rb") as file:
        found = _place_of_directory(file)
        if found is None:
            return None
        start, size = found
        if size > (most + 1) * _LARGEST_ENTRY:
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


def _place_of_directory(file: BinaryIO) -> tuple[int, int] | None:
    """Where the central directory starts, and its size."""
    length = file.seek(0, os.SEEK_END)
    tail_start = max(length - _END.size - _LONGEST_COMMENT, 0)
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
    # As zipfile does: the directory ends where its end record starts, whatever was put before the archive.
    return (end - size, size) if size <= end else None
