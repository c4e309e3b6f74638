"""The registry of input formats.

An entry states what a format is called, how its files are recognized and which module reads them. Everything that
lists formats derives from :data:`FORMATS`: recognition, :func:`tumorscope.io.open_scan`, the search for cases,
uploads, error and help texts, ``tumorscope doctor``, and the table in the README. To add a format, write its
module and add its entry (docs/how-to/add-an-input-format.md). This module imports no library, so that help texts
stay quick; readers are imported when a file of their format is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

Signature = tuple[tuple[int, bytes], ...]
"""Bytes at offsets, all of which a file must have."""

_TIFF_SIGNATURES = (((0, b"II*\0"),), ((0, b"MM\0*"),), ((0, b"II+\0"),), ((0, b"MM\0+"),))
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class InputFormat:
    """One input format.

    Attributes:
        name: its identifier.
        title: its name in messages, with an article where the language needs one: "not NIfTI", "not an image".
        listed: how lists of formats show it.
        suffixes: endings of file names that promise this format, in lower case.
        signatures: first bytes that identify it; of the content, where files may be gzip-compressed.
        module: reads it. A module of volumes has ``read_stored_volume(path) -> StoredVolume`` and, where a header may
            be a file of its own, ``voxels_beside(path) -> Path | None``; any other has
            ``read_scan(path, options) -> Scan``, ``read_folder(folder, contents, options) -> Scan`` and, where
            ``masks`` is set, ``read_segmentation(path, options) -> Segmentation``.
        volumes: whether a file holds a volume, so that the files of a folder are sequences.
        masks: whether masks are read from it.
        gzipped: whether a file may be compressed with gzip as a whole.
        package: what the module needs beside Tumorscope's own dependencies, and the extra that installs it.
        also: recognizes files that lack a signature, by first bytes and path.
    """

    name: str
    title: str
    listed: str
    suffixes: tuple[str, ...]
    signatures: tuple[Signature, ...]
    module: str
    volumes: bool = False
    masks: str = ""
    gzipped: bool = False
    package: tuple[str, str] | None = None
    also: Callable[[bytes, Path], bool] | None = None

    @property
    def brief(self) -> str:
        """How lists show it without its suffixes."""
        return self.listed.split(" (")[0]

    def matches(self, head: bytes, path: Path) -> bool:
        """Whether a file's first bytes are those of this format."""
        if any(all(head[at : at + len(part)] == part for at, part in signature) for signature in self.signatures):
            return True
        return self.also is not None and self.also(head, path)

    def promised_by(self, name: str) -> bool:
        """Whether a file's name promises this format."""
        return name.lower().endswith(self.suffixes)

    def reader(self) -> Any:
        """The module that reads it."""
        return import_module(self.module)


DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima", ".img", ""})
"""Suffixes of DICOM files; the last two promise nothing."""


def _is_bare_dicom(head: bytes, path: Path) -> bool:
    """Old DICOM files lack the preamble: they start with an element of group 2 or 8 in little endian."""
    # A name made of numbers and dots is a UID.
    named = path.suffix.lower() in DICOM_SUFFIXES or path.suffix[1:].isdecimal()
    return named and head[:2] in (b"\x02\0", b"\x08\0") and head[3:4] == b"\0"


DICOM = InputFormat(
    name="dicom",
    title="DICOM",
    listed="DICOM",
    suffixes=(".dcm", ".dicom", ".ima"),
    signatures=(((128, b"DICM"),),),
    module="tumorscope.io.dicom.input",
    masks="DICOM SEG and RTSTRUCT",
    also=_is_bare_dicom,
)
IMAGE = InputFormat(
    name="image",
    title="an image",
    listed="PNG, JPEG, BMP, TIFF",
    suffixes=(".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"),
    signatures=(
        ((0, b"\x89PNG\r\n\x1a\n"),),
        ((0, b"\xff\xd8\xff"),),
        ((0, b"BM"), (6, b"\0\0\0\0")),
        *_TIFF_SIGNATURES,
    ),
    module="tumorscope.io.images",
    masks="PNG, JPEG, BMP, TIFF",
)
NIFTI = InputFormat(
    name="nifti",
    title="NIfTI",
    listed="NIfTI (.nii, .nii.gz, .hdr with .img)",
    suffixes=(".nii", ".nii.gz"),
    signatures=(((344, b"n+1\0"),), ((4, b"n+2\0"),), ((344, b"ni1\0"),), ((4, b"ni2\0"),)),
    module="tumorscope.io.nifti",
    volumes=True,
    masks="NIfTI",
    gzipped=True,
)
NRRD = InputFormat(
    name="nrrd",
    title="NRRD",
    listed="NRRD (.nrrd, .nhdr, .seg.nrrd)",
    suffixes=(".seg.nrrd", ".nrrd", ".nhdr"),
    signatures=(((0, b"NRRD000"),),),
    module="tumorscope.io.nrrd",
    volumes=True,
    masks="NRRD with 3D Slicer's segments",
    package=("SimpleITK", "formats"),
)
METAIMAGE = InputFormat(
    name="metaimage",
    title="MetaImage",
    listed="MetaImage (.mha, .mhd)",
    suffixes=(".mha", ".mhd"),
    signatures=(((0, b"ObjectType"),), ((0, b"NDims"),), ((0, b"Comment ="),)),
    module="tumorscope.io.metaimage",
    volumes=True,
    masks="MetaImage",
    package=("SimpleITK", "formats"),
)
MGH = InputFormat(
    name="mgh",
    title="MGH",
    listed="FreeSurfer MGH (.mgz, .mgh)",
    suffixes=(".mgz", ".mgh"),
    # Version 1, four lengths below 65,536, a type below 256, and whether the position is stated, all big-endian.
    signatures=(
        (
            (0, b"\0\0"),
            (3, b"\1"),
            (4, b"\0\0"),
            (8, b"\0\0"),
            (12, b"\0\0"),
            (16, b"\0\0"),
            (20, b"\0\0\0"),
            (28, b"\0"),
        ),
    ),
    module="tumorscope.io.mgh",
    volumes=True,
    masks="MGH",
    gzipped=True,
)
MATLAB = InputFormat(
    name="matlab",
    title="MATLAB v7.3",
    listed="MATLAB v7.3 (.mat)",
    suffixes=(".mat",),
    signatures=(((0, _HDF5),), ((0, b"MATLAB 7.3"),), ((512, _HDF5),)),
    module="tumorscope.io.matlab",
    masks="figshare's MATLAB samples",
)

FORMATS: tuple[InputFormat, ...] = (DICOM, NIFTI, NRRD, METAIMAGE, MGH, IMAGE, MATLAB)
"""All input formats. Of a folder's files those of the first format in this order are read, volumes together."""

SUFFIXES = tuple(suffix for entry in FORMATS for suffix in entry.suffixes)
VOLUME_SUFFIXES = tuple(suffix for entry in FORMATS if entry.volumes for suffix in entry.suffixes)
IMAGE_SUFFIXES = frozenset(IMAGE.suffixes)

SUPPORTED = ", ".join(entry.listed for entry in FORMATS)
"""For messages."""

MASK_FORMATS = ", ".join(entry.masks for entry in FORMATS if entry.masks)
"""What masks are read from, for messages."""


def stem(path: Path) -> str:
    """The file's name without the suffix of its format.

    >>> stem(Path("scans/case_flair.nii.gz")), stem(Path("tumor.seg.nrrd")), stem(Path("notes.old.txt"))
    ('case_flair', 'tumor', 'notes.old')
    """
    name = path.name
    for suffix in sorted((*SUFFIXES, ".hdr.gz", ".hdr", ".gz"), key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return path.stem


def formats_table() -> str:
    """The README's table of formats."""
    rows = ["| format | files | masks | needs |", "|---|---|---|---|"]
    for entry in FORMATS:
        needs = f"`pip install '.[{entry.package[1]}]'`" if entry.package else ""
        files = ", ".join(f"`{suffix}`" for suffix in entry.suffixes)
        rows.append(f"| {entry.brief} | {files} | {entry.masks or 'no'} | {needs} |")
    return "\n".join(rows)
