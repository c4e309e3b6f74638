"""Which scans lie under a folder that holds many."""

from __future__ import annotations

from pathlib import Path

from tumorscope.errors import UnreadableScan
from tumorscope.reading.formats import PICTURE_SUFFIXES, file_format

_SUFFIXES = (*PICTURE_SUFFIXES, ".nii", ".nii.gz", ".dcm", ".mat")


def find_cases(path: Path) -> list[Path]:
    """The paths to open one by one: the path itself, or the folders with scans below it.

    A folder that holds a scan's files is one case, whatever folders lie in it. A folder
    of folders stands for the cases in them, such as the patients of a data set. Where
    nothing is found the path itself is given back, for its reader to say what is wrong.
    """
    return _below(path) or [path]


def _below(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    if any(_is_scan(entry) for entry in entries if entry.is_file()):
        return [path]
    return [case for entry in entries if entry.is_dir() and not entry.is_symlink() for case in _below_folder(entry)]


def _below_folder(folder: Path) -> list[Path]:
    try:
        return _below(folder)
    except OSError:  # not to be entered: its reader says so when its turn comes
        return [folder]


def _is_scan(path: Path) -> bool:
    if path.name.lower().endswith(_SUFFIXES):  # also where it is damaged: left out silently, it would be missed
        return True
    try:
        file_format(path)
    except UnreadableScan:
        return False
    return True
