"""What the node writes for every object it receives, as bytes.

pydicom makes a data set of elements for them, checks and encodes each, which takes longer than writing the object does.
"""

from __future__ import annotations

import struct
from functools import cache

_PREAMBLE = bytes(128) + b"DICM"
_C_STORE_RSP = 0x8001
_NO_DATA_SET = 0x0101


def file_header(kind: str, instance: str, syntax: str) -> bytes:
    """Preamble and file meta information (PS3.10 7.1), to which an object's encoded data set is added.

    Args:
        kind: SOPClassUID.
        instance: SOPInstanceUID.
        syntax: TransferSyntaxUID of the data set.
    """
    meta = b"".join((
        _explicit(0x0001, b"OB", b"\x00\x01"),
        _explicit(0x0002, b"UI", _uid(kind)),
        _explicit(0x0003, b"UI", _uid(instance)),
        _explicit(0x0010, b"UI", _uid(syntax)),
        _implementation(),
    ))  # fmt: skip
    return _PREAMBLE + _explicit(0x0000, b"UL", struct.pack("<I", len(meta))) + meta


def store_response(kind: str, instance: str, message: int, status: int) -> bytes:
    """The command set of a response to C-STORE (PS3.7 9.3.1.2).

    Args:
        kind: AffectedSOPClassUID.
        instance: AffectedSOPInstanceUID.
        message: MessageIDBeingRespondedTo.
        status: as in PS3.4 B.2.3.
    """
    command = b"".join((
        _command(0x0002, _uid(kind)),
        _command(0x0100, struct.pack("<H", _C_STORE_RSP)),
        _command(0x0120, struct.pack("<H", message)),
        _command(0x0800, struct.pack("<H", _NO_DATA_SET)),
        _command(0x0900, struct.pack("<H", status)),
        _command(0x1000, _uid(instance)),
    ))  # fmt: skip
    return _command(0x0000, struct.pack("<I", len(command))) + command


@cache
def _implementation() -> bytes:
    from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION

    name = PYNETDICOM_IMPLEMENTATION_VERSION.encode()
    return _explicit(0x0012, b"UI", _uid(PYNETDICOM_IMPLEMENTATION_UID)) + _explicit(0x0013, b"SH", _even(name, b" "))


def _uid(uid: str) -> bytes:
    return _even(uid.encode("iso8859"), b"\0")


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding if len(value) % 2 else value


def _explicit(element: int, vr: bytes, value: bytes) -> bytes:
    """An element of group 0002 with explicit VR, little endian."""
    length = struct.pack("<HI", 0, len(value)) if vr == b"OB" else struct.pack("<H", len(value))
    return struct.pack("<HH", 0x0002, element) + vr + length + value


def _command(element: int, value: bytes) -> bytes:
    """An element of group 0000 with implicit VR, little endian."""
    return struct.pack("<HHI", 0x0000, element, len(value)) + value
