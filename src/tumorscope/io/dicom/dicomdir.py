"""A DICOMDIR: the table of contents of a disc, which names every file on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import label
from tumorscope.io.dicom.file_reader import damage_told
from tumorscope.io.dicom.image_attributes import items_of
from tumorscope.io.library_warnings import quiet_libraries

_MEDIA_STORAGE_DIRECTORY = re.compile(rb"1\.2\.840\.10008\.1\.3\.10(?![.\d])")
"""The SOP class of a DICOMDIR; no other begins with it."""
_MOST_RECORDS = 1_000_000


def is_dicomdir(path: Path) -> bool:
    """Whether a file is a DICOMDIR, by its name or its meta header."""
    if path.name.upper() == "DICOMDIR":
        return True
    with path.open("rb") as file:
        return _MEDIA_STORAGE_DIRECTORY.search(file.read(400)) is not None


@quiet_libraries()
def files_of_dicomdir(path: Path) -> tuple[list[Path], int]:
    """The files that a DICOMDIR names and that are there, in its order, and how many are not.

    Discs are written in capitals and often copied in small letters, so case does not count. Neither
    does the version that ISO 9660 adds to names (``;1``), nor a suffix that was added for other programs.

    Raises:
        UnreadableScan: damaged, empty, or naming files outside its own folder.
    """
    from pydicom import dcmread

    name = label(path.resolve())
    with damage_told(f"{name}: the DICOMDIR is damaged; name the folder instead"):
        records = dcmread(path, force=True, specific_tags=["DirectoryRecordSequence"]).get("DirectoryRecordSequence")
        file_ids = [record.get("ReferencedFileID") for record in items_of(records)]
    named = [parts for file_id in file_ids if (parts := _parts(file_id))]
    if not named or len(named) > _MOST_RECORDS:
        raise UnreadableScan(f"{name}: the DICOMDIR names no files; name the folder instead")
    root = path.resolve().parent
    found, missing = [], 0
    listings: dict[Path, dict[str, Path]] = {}
    for parts in named:
        if any(part in ("", ".", "..") or "/" in part or "\\" in part or ":" in part for part in parts):
            raise UnreadableScan(f"{name}: the DICOMDIR names files outside its folder; name the folder instead")
        file = _find(root, parts, listings)
        if file is None:
            missing += 1
        elif not file.resolve().is_relative_to(root):
            raise UnreadableScan(f"{name}: the DICOMDIR names files outside its folder; name the folder instead")
        else:
            found.append(file)
    if not found:
        raise UnreadableScan(f"{name}: none of the {len(named)} files it names is there; copy the whole disc")
    return list(dict.fromkeys(found)), missing


def _parts(file_id: Any) -> list[str]:
    """The folders and the name of a file; nothing where a record names none."""
    if not file_id:
        return []
    return [file_id] if isinstance(file_id, str) else [str(part) for part in file_id]


def _find(root: Path, parts: list[str], listings: dict[Path, dict[str, Path]]) -> Path | None:
    current = root
    for part in parts:
        if current not in listings:
            listings[current] = _listing(current)
        entry = listings[current].get(part.upper()) or listings[current].get(_bare(part))
        if entry is None:
            return None
        current = entry
    return current if current.is_file() else None


def _listing(folder: Path) -> dict[str, Path]:
    """What is in a folder by its name in capitals and by its bare name; names as they are go first."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return {_bare(entry.name): entry for entry in entries} | {entry.name.upper(): entry for entry in entries}


def _bare(name: str) -> str:
    """The name in capitals without version and suffix.

    >>> _bare("im0001.dcm"), _bare("IM0001.;1"), _bare("IM0001")
    ('IM0001', 'IM0001', 'IM0001')
    """
    return re.sub(r"\.?(;\d+)?$", "", name.upper()).removesuffix(".DCM")
