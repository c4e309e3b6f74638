"""Whether the files and series whose sequence the user states are there: a misspelled name would have no effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tumorscope.core.errors import TumorscopeError, UnreadableScan
from tumorscope.core.folder_contents import walk
from tumorscope.io.checks import printable
from tumorscope.io.dicom.dicomdir import files_of_dicomdir, is_dicomdir
from tumorscope.io.dicom.grouping import sort_files
from tumorscope.io.dicom.series_choice import names_of_series
from tumorscope.io.discovery import is_dicom
from tumorscope.io.sequences import names_it


def check_stated_names(paths: Sequence[Path], stated: Mapping[str, str]) -> None:
    """Check that each name is that of a file or a folder, or of a DICOM series.

    Args:
        paths: files and folders that hold the scans.
        stated: sequence by name.

    Raises:
        TumorscopeError: nothing is called so.
    """
    if not stated or not all(path.exists() for path in paths):  # its reader reports that later
        return
    missing = unknown_names(paths, stated)
    if missing:
        raise TumorscopeError(
            f"--sequence {printable(missing[0])}={stated[missing[0]]}: no file, folder or DICOM series of that name; "
            "check it"
        )


def unknown_names(paths: Sequence[Path], names: Iterable[str]) -> list[str]:
    """The names that no file, folder or DICOM series has.

    Args:
        paths: files and folders that hold the scans. Headers are read only for names that no file or folder has.
        names: as the user states them.
    """
    files = list(dict.fromkeys(_files(paths)))
    known = {part.lower() for file in files for part in (file.name, file.parent.name)}
    known |= {path.resolve().name.lower() for path in paths}
    missing = [name for name in names if not names_it(name, known)]
    return unknown_series([file for file in files if is_dicom(file)], missing) if missing else []


def unknown_series(files: Sequence[Path], names: Sequence[str]) -> list[str]:
    """The names that no series of some DICOM files has."""
    if not files or not names:
        return list(names)
    known = {name for group in sort_files(files).groups for name in names_of_series(group)}
    return [name for name in names if not names_it(name, known)]


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            for folder, _folders, names in walk(path):
                yield from (folder / name for name in names)
        elif path.is_file():
            yield path
            if is_dicomdir(path):
                with suppress(UnreadableScan):  # its reader reports that later
                    yield from files_of_dicomdir(path)[0]
