"""The first bytes of a file, and what a gzip stream or a NIfTI pair hides from them."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import label

HEAD_SIZE = 600
_ANALYZE_SIZE = 348
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PAIRS = ((".img", ".hdr"), (".img.gz", ".hdr.gz"))
"""Suffixes of a NIfTI or Analyze pair: the voxels, and their header."""


def read_head(path: Path) -> bytes:
    """The first bytes of a file; of the content, where the file is compressed with gzip.

    Raises:
        UnreadableScan: the file cannot be opened, or its compression is damaged.
    """
    name = label(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_SIZE)
    except OSError as error:
        raise UnreadableScan(f"{name}: cannot be opened ({error.strerror or 'unknown reason'})") from error
    if is_dicom_head(head) or not head.startswith(b"\x1f\x8b"):
        return head
    try:
        with gzip.open(path, "rb") as file:
            return file.read(HEAD_SIZE)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableScan(f"{name}: the gzip compression is damaged or cut short; copy the file again") from error


def header_of_pair(path: Path) -> Path:
    """The header beside a file that holds only the voxels of a NIfTI or Analyze pair; any other path as it is."""
    header = _other_half(path, dict(_PAIRS))
    if header is None or not header.is_file() or not path.is_file():
        return path
    with path.open("rb") as file:
        if is_dicom_head(file.read(HEAD_SIZE)):
            return path
    head = read_head(header)
    return header if is_pair_head(head) or is_analyze_head(head) else path


def voxels_of_pair(header: Path) -> Path:
    """The file that holds the voxels of a NIfTI pair.

    Raises:
        UnreadableScan: it is not beside the header.
    """
    voxels = _other_half(header, {head: image for image, head in _PAIRS})
    if voxels is None or not voxels.is_file():
        what = "its .img file" if voxels is None else label(voxels)
        raise UnreadableScan(f"{label(header)}: is half of a NIfTI pair, and {what} is not beside it; copy both")
    return voxels


def is_dicom_head(head: bytes) -> bool:
    """Whether a file starts with DICOM's preamble.

    Its first 128 bytes are free (DICOM PS3.10, 7.1) and often start like a TIFF, so that one file
    is both; other programs write other things there. The four bytes after them decide.
    """
    return head[128:132] == b"DICM"


def is_pair_head(head: bytes) -> bool:
    """Whether this is the header of a NIfTI pair, version 1 or 2."""
    return head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0"


def is_analyze_head(head: bytes) -> bool:
    """Whether this is a header of Analyze 7.5: its size first, and one to seven axes at byte 40."""
    if len(head) < _ANALYZE_SIZE or head[344:347] in (b"ni1", b"n+1"):
        return False
    return any(
        int.from_bytes(head[:4], order) == _ANALYZE_SIZE and 1 <= int.from_bytes(head[40:42], order) <= 7
        for order in ("little", "big")
    )


def is_gzip(path: Path) -> bool:
    """Whether the file is compressed with gzip."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def is_tiff(path: Path) -> bool:
    """Whether the first bytes are those of a TIFF or BigTIFF."""
    with path.open("rb") as file:
        return file.read(4) in _TIFF


def is_jpeg(path: Path) -> bool:
    """Whether the first bytes are those of a JPEG."""
    with path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def is_text(head: bytes) -> bool:
    """Whether the bytes look like text."""
    return not any(byte < 9 or 13 < byte < 27 for byte in head)


def _other_half(path: Path, suffixes: dict[str, str]) -> Path | None:
    for own, other in suffixes.items():
        stem, suffix = path.name[: -len(own)], path.name[-len(own) :]
        if stem and suffix.lower() == own:
            return path.with_name(stem + (other.upper() if suffix.isupper() else other))
    return None
