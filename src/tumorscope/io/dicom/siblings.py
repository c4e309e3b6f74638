"""Whether a DICOM file that is opened by itself is one of a longer series."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.io.dicom.file_reader import read_series_uid
from tumorscope.io.discovery import dicom_files
from tumorscope.io.library_warnings import quiet_libraries


def with_note_on_siblings(scan: Scan, path: Path) -> Scan:
    """The scan of a single file, with a note where other files beside it belong to its series."""
    others = _siblings(path)
    if not others:
        return scan
    what = f"this file is one of {others + 1} of its series; name their folder to analyze all of them"
    return replace(scan, notes=(*scan.notes, Note("partial_series", what)))


@quiet_libraries()
def _siblings(path: Path) -> int:
    series = _series(path)
    beside = [file for file in dicom_files(path.absolute().parent) if file.name != path.name]
    return sum(_series(file) == series for file in beside) if series else 0


def _series(path: Path) -> str:
    try:
        return read_series_uid(path)
    except Exception:  # a damaged header makes pydicom raise many kinds, and belongs to no series
        return ""
