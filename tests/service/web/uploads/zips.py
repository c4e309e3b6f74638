"""Malicious archives."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An ordinary archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return content.getvalue()


def with_mode(name: str, data: bytes, mode: int) -> bytes:
    """An archive of one member with a file mode of Unix: 0o120777 is a symbolic link."""
    content = io.BytesIO()
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(info, data)
    return content.getvalue()


def renamed(archive: bytes, before: bytes, after: bytes) -> bytes:
    """The archive with every occurrence of a name replaced by one of the same length."""
    assert len(before) == len(after)
    assert before in archive
    return archive.replace(before, after)


def overlapping(members: int, kernel: bytes) -> bytes:
    """Many members with the same compressed data (Fifield, WOOT 2019)."""
    once = zipped({"member000000": kernel})
    at = once.index(b"PK\1\2")
    entry, end = once[at : once.index(b"PK\5\6")], once[once.index(b"PK\5\6") :]
    entries = b"".join(entry.replace(b"member000000", b"member%06d" % number) for number in range(members))
    fields = list(struct.unpack("<4s4H2LH", end))
    fields[3:6] = members, members, len(entries)
    return once[:at] + entries + struct.pack("<4s4H2LH", *fields)


def many_members(count: int, stated: int) -> bytes:
    """Empty members with an end record that states another number."""
    one = zipped({"member000000": b""}, zipfile.ZIP_STORED)
    at, end = one.index(b"PK\1\2"), one.index(b"PK\5\6")
    entries = b"".join(one[at:end].replace(b"000000", b"%06d" % number) for number in range(count))
    fields = list(struct.unpack("<4s4H2LH", one[end:]))
    fields[3:6] = stated, stated, len(entries)
    return one[:at] + entries + struct.pack("<4s4H2LH", *fields)
