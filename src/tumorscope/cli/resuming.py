"""The journal of completed cases in a folder of results, which `analyze --resume` skips."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import writing_reason
from tumorscope.core.folder_contents import walk
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.reporting.outputs import DOCUMENT_FILE
from tumorscope.studies.case import Case, Outcome

JOURNAL_FILE = "_analyzed.jsonl"
"""One line per case, added when its results are complete. Lines hold checksums, no names of files or patients."""


@dataclass(frozen=True)
class _Entry:
    """A line: hash of case and settings, folder of the results, and checksum of their document."""

    stamp: str
    folder: str
    document: str


class Journal:
    """The completed cases of a folder.

    Args:
        out: the folder of results.
        settings: those on which results depend; a case with other settings is analyzed again.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        self._out = out
        self._path = out / JOURNAL_FILE
        self._settings = json.dumps(settings, sort_keys=True)

    def done(self) -> dict[str, str]:
        """Stamp to folder of every case whose document is unchanged since it was written."""
        latest = {entry.stamp: entry for entry in self._entries()}
        return {
            stamp: entry.folder
            for stamp, entry in latest.items()
            if _checksum(self._out / entry.folder / DOCUMENT_FILE) == entry.document
        }

    def stamp(self, case: Case) -> str:
        """A hash over the case's files (path, size, time of change) and the settings."""
        digest = hashlib.sha256(self._settings.encode())
        for file in _files(case, self._out):
            try:
                status = file.stat()
            except OSError:  # its reader reports it
                continue
            digest.update(os.fsencode(file.absolute()) + f"\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def add(self, stamp: str, outcome: Outcome) -> None:
        """Add a case with results.

        Raises:
            TumorscopeError: the file cannot be written.
        """
        if outcome.folder is None:
            return
        document = _checksum(outcome.folder / DOCUMENT_FILE)
        line = json.dumps({"stamp": stamp, "folder": outcome.folder.name, "document": document})
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            raise TumorscopeError(f"{self._path}: {writing_reason(error)}") from error

    def _entries(self) -> Iterator[_Entry]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise TumorscopeError(f"{self._path}: cannot be read; remove it to analyze every case again") from error
        for line in lines:
            try:
                yield _Entry(**json.loads(line))
            except (ValueError, TypeError):  # the last line of a run that was killed
                continue


def _files(case: Case, out: Path) -> Iterator[Path]:
    """The input files of a case, without results in the same folder."""
    if isinstance(case.path, StudyFiles):
        yield from case.path.files
        return
    for root in [case.path] if case.path is not None else map(Path, (case.sequences or {}).values()):
        if root.is_file():
            yield root
        for folder, inner, names in walk(root):
            inner[:] = [name for name in inner if (folder / name).absolute() != out.absolute()]
            yield from (folder / name for name in names if folder.absolute() != out.absolute())


def _checksum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
