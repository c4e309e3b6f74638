"""Which format a file has, by its first bytes; by its suffix only where they do not tell."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Literal

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import label

Format = Literal["image", "nifti", "dicom", "matlab"]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima", ".img", ""})
SUPPORTED = "PNG, JPEG, BMP, TIFF, NIfTI (.nii, .nii.gz, .hdr with .img), DICOM, MATLAB v7.3 (.mat)"

_HEAD = 600
_ANALYZE_SIZE = 348
_HDF5 = b"\x89HDF\r\n\x1a\n"
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PAIRS = ((".img", ".hdr"), (".img.gz", ".hdr.gz"))
"""Suffixes of a NIfTI or Analyze pair: the voxels, and their header."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"GIF8", "a GIF; save it as PNG"),
    (b"RIFF", "a WebP image or a video; save it as PNG"),
    (b"NRRD", "NRRD; convert it to NIfTI"),
    (b"ObjectType", "MetaImage; convert it to NIfTI"),
    (b"NDims", "MetaImage; convert it to NIfTI"),
    (b"MATLAB 5", "an old MATLAB file; save it in MATLAB with save(…, '-v7.3')"),
)


def file_format(path: Path) -> Format:
    """The format of a file.

    Raises:
        UnreadableScan: empty, damaged, or of a format that is not read here.
    """
    name = label(path)
    header = header_of_pair(path)
    if header != path:  # raw voxels, whatever their first bytes look like
        raise UnreadableScan(f"{name}: holds the voxels of {label(header)}; name that file")
    head = read_head(path)
    if not head:
        raise UnreadableScan(f"{name}: the file is empty; copy it again")
    found = _by_magic(head, path)
    if found:
        return found
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise UnreadableScan(f"{name}: is {what}")
    if _is_analyze(head):
        raise UnreadableScan(f"{name}: is Analyze 7.5, which does not say which side is right; convert it to NIfTI")
    expected = _by_suffix(path)
    if expected is None:
        suffix = f"files ending in {label(path.suffix)} are" if path.suffix else "it is of a format that is"
        raise UnreadableScan(f"{name}: {suffix} not read; give one of {SUPPORTED}")
    actual = "text" if _is_text(head) else "something else"
    if expected == "DICOM" and not path.suffix:
        raise UnreadableScan(f"{name}: of no known format ({actual} inside); give one of {SUPPORTED}")
    raise UnreadableScan(f"{name}: not {expected} although its name says so ({actual} inside); export it again")


def header_of_pair(path: Path) -> Path:
    """The header beside a file that holds only the voxels of a NIfTI or Analyze pair; any other path as it is."""
    header = _other_half(path, dict(_PAIRS))
    if header is None or not header.is_file() or not path.is_file():
        return path
    with path.open("rb") as file:
        if is_dicom_head(file.read(_HEAD)):
            return path
    head = read_head(header)
    return header if _is_pair(head) or _is_analyze(head) else path


def voxels_of_pair(header: Path) -> Path:
    """The file that holds the voxels of a NIfTI pair.

    Raises:
        UnreadableScan: it does not lie beside the header.
    """
    voxels = _other_half(header, {head: image for image, head in _PAIRS})
    if voxels is None or not voxels.is_file():
        what = "its .img file" if voxels is None else label(voxels)
        raise UnreadableScan(f"{label(header)}: is half of a NIfTI pair, and {what} is not beside it; copy both")
    return voxels


def read_head(path: Path) -> bytes:
    """The first bytes of a file; of the content, where the file is compressed with gzip.

    Raises:
        UnreadableScan: not to be opened, or damaged compression.
    """
    name = label(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise UnreadableScan(f"{name}: cannot be opened ({error.strerror or 'unknown reason'})") from error
    if is_dicom_head(head) or not head.startswith(b"\x1f\x8b"):
        return head
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(_HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableScan(f"{name}: the gzip compression is damaged or cut short; copy the file again") from error
    if not (head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0" or _is_pair(head) or _is_analyze(head)):
        raise UnreadableScan(f"{name}: compressed with gzip, but no NIfTI inside; unpack it first")
    return head


def is_dicom_head(head: bytes) -> bool:
    """Whether a file starts with DICOM's preamble.

    Its first 128 bytes are free (DICOM PS3.10, 7.1) and often start like a TIFF, so that one file
    is both; other programs write other things there. What follows them decides.
    """
    return head[128:132] == b"DICM"


def _other_half(path: Path, suffixes: dict[str, str]) -> Path | None:
    for own, other in suffixes.items():
        stem, suffix = path.name[: -len(own)], path.name[-len(own) :]
        if stem and suffix.lower() == own:
            return path.with_name(stem + (other.upper() if suffix.isupper() else other))
    return None


def _is_pair(head: bytes) -> bool:
    return head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0"


def _is_analyze(head: bytes) -> bool:
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


def _by_magic(head: bytes, path: Path) -> Format | None:
    if is_dicom_head(head):
        return "dicom"
    if head.startswith(_IMAGES) or (head.startswith(b"BM") and head[6:10] == b"\0\0\0\0"):
        return "image"
    if head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0":
        return "nifti"
    if _is_pair(head):
        voxels_of_pair(path)
        return "nifti"
    if head.startswith((_HDF5, b"MATLAB 7.3")) or head[512:520] == _HDF5:
        return "matlab"
    # Old DICOM files lack the preamble: they start with an element of group 2 or 8 in little endian.
    # A name made of numbers and dots is a UID.
    named = path.suffix.lower() in DICOM_SUFFIXES or path.suffix[1:].isdecimal()
    if head[:2] in (b"\x02\0", b"\x08\0") and head[3:4] == b"\0" and named:
        return "dicom"
    return None


def _by_suffix(path: Path) -> str | None:
    """The format a name promises, in words."""
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return "NIfTI"
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return "a image"
    if path.suffix.lower() in DICOM_SUFFIXES:
        return "DICOM"
    return "MATLAB v7.3" if name.endswith(".mat") else None


def _is_text(head: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 27 for byte in head)
