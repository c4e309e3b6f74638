"""The service's folder: uploads on their way, studies and their results.

DATA/incoming/<random>/        an upload under way; not yet a study
DATA/studies/<id>/input/       one case, as it came
DATA/studies/<id>/runs/<n>/    results of revision n, whole
DATA/studies/<id>/masks/       corrected outlines, <n>.nii.gz for revision n
DATA/working/<random>/         results being written, and what is being removed
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tumorscope.errors import TumorscopeError
from tumorscope.files import sync
from tumorscope.reading.dicom.studies import StudyFiles
from tumorscope.service.records import is_id

LEFT_BEHIND_S = 86400.0
"""What belongs to no study and has not changed for so long was left by a process that ended."""


class Folders:
    """The files of all studies.

    Args:
        data: the service's folder; made, for its owner's eyes only, if it is not there.

    Raises:
        TumorscopeError: the folder cannot be made.
    """

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self._incoming, self._studies, self._working = (self.data / name for name in ("incoming", "studies", "working"))
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self._incoming, self._studies, self._working):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TumorscopeError(
                f"{data}: cannot be made ({(error.strerror or '').lower()}); name another folder with --data"
            ) from error

    def free_bytes(self) -> int:
        """Room on the disk."""
        return shutil.disk_usage(self.data).free

    def incoming(self) -> Path:
        """A new empty folder for an upload."""
        return _new_folder(self._incoming)

    def adopt(self, case: Path | StudyFiles, study_id: str) -> Path:
        """Make a case the input of a study: moved, and on disk when this returns.

        Args:
            case: a file, a folder, or a study among other files, below :meth:`incoming`.
            study_id: not yet in the catalogue.
        """
        study = self._study(study_id)
        for folder in (study, study / "runs", study / "masks"):
            folder.mkdir()
        place = self.input(study_id)
        if isinstance(case, Path) and case.is_dir():
            case.replace(place)
        else:
            root, files = (case.parent, (case,)) if isinstance(case, Path) else (case.path, case.files)
            for file in files:
                target = place / file.relative_to(root if root.is_dir() else root.parent)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
        _sync_tree(study)
        sync(self._studies)
        return place

    def prepare(self, study_id: str) -> Path:
        """Make the folders of a study whose input is yet to be fetched."""
        study = self._study(study_id)
        for folder in (study, study / "input", study / "runs", study / "masks"):
            folder.mkdir()
        sync(study)
        sync(self._studies)
        return study / "input"

    def input(self, study_id: str) -> Path:
        """Where a study's own files lie."""
        return self._study(study_id) / "input"

    def case(self, study_id: str) -> Path:
        """What to open: the input, or the only file in it."""
        place = self.input(study_id)
        with os.scandir(place) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
        return place / found[0].name if len(found) == 1 and found[0].is_file() else place

    def run(self, study_id: str, revision: int) -> Path:
        """Where the results of a revision lie; if the folder is there, they are complete."""
        return self._study(study_id) / "runs" / str(revision)

    def mask(self, study_id: str, revision: int) -> Path:
        """The corrected outline that a revision is to be measured from."""
        return self._study(study_id) / "masks" / f"{revision}.nii.gz"

    def place_mask(self, aside: Path, study_id: str, revision: int) -> None:
        """Put a corrected outline in its place: on disk when this returns."""
        sync(aside)
        place = self.mask(study_id, revision)
        aside.replace(place)
        sync(place.parent)

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A folder for results that are being written; gone afterwards."""
        folder = _new_folder(self._working)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def seal(self, made: Path, study_id: str, revision: int) -> bool:
        """Put a revision's results in place, all at once; False if some lie there already: those stay.

        Raises:
            FileNotFoundError: the study has been removed.
        """
        place = self.run(study_id, revision)
        _sync_tree(made)
        try:
            made.rename(place)
        except OSError:
            if place.is_dir():
                return False
            raise
        sync(place.parent)
        return True

    def remove(self, study_id: str) -> None:
        """Remove everything of a study; out of sight at once."""
        removed = self._working / f"removed-{secrets.token_hex(8)}"
        with suppress(FileNotFoundError):
            self._study(study_id).rename(removed)
        shutil.rmtree(removed, ignore_errors=True)

    def tidy(self, known_ids: Collection[str], now: float | None = None) -> int:
        """Remove what processes left that ended in the middle; how many folders.

        Args:
            known_ids: studies in the catalogue. If there is none, all studies stay: more likely than a folder
                full of strays is a catalogue that belongs to another folder.
            now: seconds since 1970.
        """
        moment = time.time() if now is None else now
        left = [
            entry
            for place in (self._incoming, self._working, self._studies)
            for entry in place.iterdir()
            if (place != self._studies or (known_ids and entry.name not in known_ids))
            and moment - _changed(entry) > LEFT_BEHIND_S
        ]
        for entry in left:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
        return len(left)

    def _study(self, study_id: str) -> Path:
        if not is_id(study_id):
            raise ValueError("no study's id")
        return self._studies / study_id


def _sync_tree(folder: Path) -> None:
    for place, _folders, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(place, name))
        sync(Path(place))


def _new_folder(place: Path) -> Path:
    folder = place / secrets.token_hex(12)
    folder.mkdir()
    return folder


def _changed(entry: Path) -> float:
    """When anything in it, two levels deep, last changed: a long upload keeps its folder alive."""
    newest = 0.0
    with suppress(OSError):
        newest = entry.lstat().st_mtime
        for inner in entry.iterdir():
            newest = max(newest, inner.lstat().st_mtime)
    return newest
