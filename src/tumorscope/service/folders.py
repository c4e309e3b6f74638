"""The service's folder: uploads on their way, studies and their results.

DATA/incoming/<random>/        an upload under way; not yet a study
DATA/studies/<id>/input/       one case, as it came
DATA/studies/<id>/runs/<n>/    results of revision n, whole
DATA/studies/<id>/masks/       corrected segmentations, <n>.nii.gz for revision n
DATA/working/<random>/         results being written, and what is being removed
DATA/lost+found/<id>/          studies that the database does not know; never removed
DATA/identity                  the text that the database carries too
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import sync
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.service.records import is_id

log = logging.getLogger(__name__)

LEFT_BEHIND_S = 86400.0
"""What belongs to no study and has not changed for so long was left by a process that ended."""

_RESULTS = "runs"
_LOST = "lost+found"


@dataclass(frozen=True)
class Tidied:
    """How many folders were removed, and how many studies were moved to ``lost+found``."""

    removed: int = 0
    moved: int = 0


@dataclass(frozen=True)
class Removed:
    """A study that was taken out of sight."""

    place: Path
    aside: Path

    def discard(self) -> None:
        """Remove its files; what cannot be removed now goes with the next tidying."""
        shutil.rmtree(self.aside, ignore_errors=True)

    def requeue(self) -> None:
        """Undo it."""
        with suppress(FileNotFoundError):
            self.aside.rename(self.place)


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
        self._identity = self.data / "identity"
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self._incoming, self._studies, self._working):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TumorscopeError(
                f"{data}: cannot be made ({(error.strerror or '').lower()}); name another folder with --data"
            ) from error

    def identity(self) -> str | None:
        """The text by which the database knows this folder; None before there is one."""
        try:
            return self._identity.read_text("ascii").strip()
        except FileNotFoundError:
            return None

    def mark(self, identity: str) -> str:
        """Give the folder an identity, unless it has one; the one it has then."""
        aside = self.data / f".identity.{secrets.token_hex(8)}"
        try:
            aside.write_text(identity, "ascii")
            sync(aside)
            _place_new(aside, self._identity)
            sync(self.data)
        finally:
            aside.unlink(missing_ok=True)
        return self._identity.read_text("ascii").strip()

    def studies(self) -> set[str]:
        """The ids of all studies that have a folder here."""
        return {entry.name for entry in self._studies.iterdir() if is_id(entry.name)}

    def has_results(self, study_id: str) -> bool:
        """Whether any revision of a study is here."""
        try:
            return any((self._study(study_id) / _RESULTS).iterdir())
        except OSError:
            return False

    def free_bytes(self) -> int:
        """Room on the disk."""
        return shutil.disk_usage(self.data).free

    def incoming(self) -> Path:
        """A new empty folder for an upload."""
        return _new_folder(self._incoming)

    def import_upload(self, case: Path | StudyFiles, study_id: str) -> Path:
        """Make a case the input of a study: moved, and on disk when this returns.

        Args:
            case: a file, a folder, or a study among other files, below :meth:`incoming`.
            study_id: not yet in the catalog.
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
        return self._study(study_id) / _RESULTS / str(revision)

    def mask(self, study_id: str, revision: int) -> Path:
        """The corrected segmentation that a revision is to be measured from."""
        return self._study(study_id) / "masks" / f"{revision}.nii.gz"

    def place_mask(self, aside: Path, study_id: str, revision: int) -> None:
        """Put a corrected segmentation in its place: on disk when this returns."""
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
        self.put_aside(study_id).discard()

    def put_aside(self, study_id: str) -> Removed:
        """Take a study out of sight; its files are still there, to be discarded or put back."""
        place, removed = self._study(study_id), self._working / f"removed-{secrets.token_hex(8)}"
        with suppress(FileNotFoundError):
            place.rename(removed)
            os.utime(removed)  # it is to be tidied away when it has lain there for a day
        return Removed(place, removed)

    def prune(self, known_ids: Collection[str], now: float | None = None) -> Tidied:
        """Put away what processes left that ended in the middle.

        Uploads and results that nobody finished are removed. A study that the database does not know may be
        known to another one, lost or older: it is moved to ``lost+found``, and stays.

        Args:
            known_ids: studies in the catalog.
            now: seconds since 1970.
        """
        moment = time.time() if now is None else now
        unfinished = [entry for place in (self._incoming, self._working) for entry in _left_behind(place, moment)]
        for entry in unfinished:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
        unknown = [entry for entry in _left_behind(self._studies, moment) if entry.name not in known_ids]
        return Tidied(len(unfinished), sum(self._move_to_lost(entry) for entry in unknown))

    def _move_to_lost(self, entry: Path) -> bool:
        """Move a study where nothing looks for it; False where that cannot be, and it stays as it is.

        The root of a file system may have a ``lost+found`` of its own, which only the administrator enters.
        """
        try:
            (self.data / _LOST).mkdir(mode=0o700, exist_ok=True)
            target = self.data / _LOST / entry.name
            entry.rename(target.with_name(f"{entry.name}-{secrets.token_hex(4)}") if target.exists() else target)
        except OSError as error:
            log.error("a study of no database stays in studies/: %s", (error.strerror or "").lower())
            return False
        return True

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


def _place_new(aside: Path, place: Path) -> None:
    """Put a whole file in a place where none is; one that is there already stays."""
    try:
        os.link(aside, place)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not place.exists():
            aside.replace(place)


def _left_behind(place: Path, moment: float) -> list[Path]:
    return [entry for entry in place.iterdir() if moment - _changed(entry) > LEFT_BEHIND_S]


def _changed(entry: Path) -> float:
    """When anything in it, two levels deep, last changed: a long upload keeps its folder alive."""
    newest = 0.0
    with suppress(OSError):
        newest = entry.lstat().st_mtime
        for inner in entry.iterdir():
            newest = max(newest, inner.lstat().st_mtime)
    return newest
