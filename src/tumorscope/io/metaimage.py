"""MetaImage volumes: ``.mha``, and ``.mhd`` with the voxels in a file beside it.

https://itk.org/Wiki/ITK/MetaIO/Documentation. SimpleITK reads voxels and positions; the text header says which
file holds the voxels, how many there are, and the unit of length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import SIDES_ASSUMED
from tumorscope.io.checks import label
from tumorscope.io.formats import METAIMAGE
from tumorscope.io.itk import read_itk_volume, unit_mm, voxel_file
from tumorscope.io.volumes import StoredVolume

_LONGEST_HEADER = 100_000
_DIRECTIONS = ("TransformMatrix", "Orientation", "Rotation")
_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_LONG", "MET_ULONG", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}


def read_stored_volume(path: Path) -> StoredVolume:
    """The array and the affine of a MetaImage file, nothing turned.

    Raises:
        UnreadableScan: damaged, RGB, complex, a time series, without a usable affine, or with voxels elsewhere.
    """
    header, size = _header(path)
    name, stated = label(path), header.get("ElementDataFile", "")
    if not stated:
        raise UnreadableScan(f"{name}: damaged MetaImage (ElementDataFile is missing); copy it again")
    beside = voxels_beside(path)
    available = path.stat().st_size - size if beside is None else beside.stat().st_size
    _require_complete(name, header, available)
    stored = read_itk_volume(path, "MetaImageIO", METAIMAGE, unit_mm(header.get("DistanceUnits", ""))).stored
    return stored if any(key in header for key in _DIRECTIONS) else replace(stored, notes=(SIDES_ASSUMED,))


def voxels_beside(path: Path) -> Path | None:
    """The file that a detached header names."""
    stated = _header(path)[0].get("ElementDataFile", "LOCAL")
    return None if stated.upper() == "LOCAL" else voxel_file(path, stated)


def _header(path: Path) -> tuple[Mapping[str, str], int]:
    """The fields of the text header, which ends with ``ElementDataFile``, and its length in bytes."""
    with path.open("rb") as file:
        text = file.read(_LONGEST_HEADER)
    fields: dict[str, str] = {}
    size = 0
    for line in text.splitlines(keepends=True):
        size += len(line)
        key, _, value = re.sub(r"[=:]", "\0", line.decode("utf-8", "replace"), count=1).partition("\0")
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            break
    return fields, size


def _require_complete(name: str, header: Mapping[str, str], available: int) -> None:
    """Check that no voxels are missing: ITK would print its own message to the terminal.

    Raises:
        UnreadableScan: there are fewer bytes than the header promises.
    """
    try:
        if header.get("BinaryData", "True").lower() == "false":
            return
        if header.get("CompressedData", "False").lower() == "true":
            needed = int(header.get("CompressedDataSize", 0))
        else:
            voxels = math.prod(int(length) for length in header["DimSize"].split())
            needed = voxels * int(header.get("ElementNumberOfChannels", 1)) * _BYTES[header["ElementType"]]
    except (KeyError, ValueError):  # ITK reports what is wrong
        return
    if available < needed:
        raise UnreadableScan(
            f"{name}: damaged or truncated MetaImage ({available:,} of {needed:,} bytes of voxels); copy it again"
        )
