"""Recognition of a file's format by its first bytes; the suffix only serves messages."""

from __future__ import annotations

from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import label
from tumorscope.io.file_heads import (
    header_of_pair,
    is_analyze_head,
    is_dicom_head,
    is_gzip,
    is_pair_head,
    is_text,
    read_head,
    voxels_of_pair,
)
from tumorscope.io.formats import FORMATS, IMAGE, SUPPORTED, InputFormat

_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"GIF8", "a GIF; save it as PNG"),
    (b"RIFF", "a WebP image or a video; save it as PNG"),
    (b"MATLAB 5", "an old MATLAB file; save it in MATLAB with save(…, '-v7.3')"),
)
_OTHER_IMAGES = frozenset({".gif", ".webp", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl"})
"""Suffixes of images that are refused."""
_GZIPPED = " or ".join(entry.title for entry in FORMATS if entry.gzipped)


def file_format(path: Path) -> str:
    """The name of a file's format; see :func:`format_of`."""
    return format_of(path).name


def known_format(path: Path) -> InputFormat | None:
    """The format of a file, or None where it has none that is read."""
    try:
        return format_of(path)
    except UnreadableScan:
        return None


def apparent_format(path: Path) -> InputFormat | None:
    """The format of a file, or what it was meant to be where it is damaged or an image that is not read.

    Among other scans such a file is a case that fails with its reason: left out silently, it would be missed.
    """
    found = known_format(path) or next((entry for entry in FORMATS if entry.promised_by(path.name)), None)
    return found or (IMAGE if path.suffix.lower() in _OTHER_IMAGES else None)


def format_of(path: Path) -> InputFormat:
    """The format of a file.

    Raises:
        UnreadableScan: the file is empty, damaged, or of a format that is not read.
    """
    name = label(path)
    header = header_of_pair(path)
    if header != path:  # raw voxels, whatever their first bytes look like
        raise UnreadableScan(f"{name}: holds the voxels of {label(header)}; name that file")
    head = read_head(path)
    if not head:
        raise UnreadableScan(f"{name}: the file is empty; copy it again")
    found = next((entry for entry in FORMATS if entry.matches(head, path)), None)
    compressed = is_gzip(path) and not is_dicom_head(head)
    if compressed and not (found is not None and found.gzipped) and not is_analyze_head(head):
        raise UnreadableScan(f"{name}: compressed with gzip, but no {_GZIPPED} inside; unpack it first")
    if found is not None:
        if is_pair_head(head):
            voxels_of_pair(path)
        return found
    raise UnreadableScan(f"{name}: {_refusal(head, path)}")


def _refusal(head: bytes, path: Path) -> str:
    """Why a file of no known format is not read."""
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return f"is {what}"
    if is_analyze_head(head):
        return "is Analyze 7.5, which does not say which side is right; convert it to NIfTI"
    actual = "text" if is_text(head) else "something else"
    if not path.suffix:
        return f"of no known format ({actual} inside); give one of {SUPPORTED}"
    promised = next((entry for entry in FORMATS if entry.promised_by(path.name)), None)
    if promised is None:
        return f"files ending in {label(path.suffix)} are not read; give one of {SUPPORTED}"
    return f"not {promised.title} although its name says so ({actual} inside); export it again"
