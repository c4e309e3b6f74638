"""The service's folder: incoming uploads, studies and their results.

DATA/incoming/<random>/        an upload in progress, not yet a study
DATA/studies/<id>/input/       one case, as received
DATA/studies/<id>/reading.json what the user states about its files, if anything
DATA/studies/<id>/sent.json    what its files and their folders were called when they were sent, where that differs
DATA/studies/<id>/runs/<n>/    complete results of revision n
DATA/studies/<id>/masks/       corrected segmentations, <n>.nii.gz for revision n, with <n>.rulers.json
DATA/working/<random>/         results being written, and folders being removed
DATA/lost+found/<id>/          studies missing in the database; never removed
DATA/identity                  a random text that is also in the database
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from tumorscope.core.files import save_whole, sync
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.measurement.rulers import Ruler
from tumorscope.service.catalog_records import is_id
from tumorscope.service.sent_names import SentName
from tumorscope.studies.storage import create_private_folder, publish, sync_tree

log = logging.getLogger(__name__)

STALE_S = 86400.0
"""Uploads and results without a study are removed after this time without a change."""

_RESULTS = "runs"
_READING = "reading.json"
_SENT = "sent.json"
_LOST = "lost+found"
_RULERS = TypeAdapter(tuple[Ruler, ...])


@dataclass(frozen=True)
class PruneResult:
    """How many folders were removed, and how many studies moved to ``lost+found``."""

    removed: int = 0
    moved: int = 0


@dataclass(frozen=True)
class Removal:
    """A study whose folder has been hidden and not yet deleted."""

    original: Path
    hidden: Path

    def discard(self) -> None:
        """Delete its files; :meth:`Folders.prune` deletes any that remain."""
        shutil.rmtree(self.hidden, ignore_errors=True)

    def restore(self) -> None:
        """Undo the removal."""
        with suppress(FileNotFoundError):
            self.hidden.rename(self.original)


class Folders:
    """The files of all studies.

    Args:
        data: the service's folder; created, readable by its owner only, if it does not exist.

    Raises:
        TumorscopeError: the folder cannot be created.
    """

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self._incoming, self._studies, self._working = (self.data / name for name in ("incoming", "studies", "working"))
        self._identity = self.data / "identity"
        create_private_folder(self.data, (folder.name for folder in (self._incoming, self._studies, self._working)))

    def identity(self) -> str | None:
        """The random text that identifies this folder to its database; None before there is one."""
        try:
            return self._identity.read_text("ascii").strip()
        except FileNotFoundError:
            return None

    def mark(self, identity: str) -> str:
        """Set the folder's identity unless it has one, and return its identity."""
        part = self.data / f".identity.{secrets.token_hex(8)}"
        try:
            part.write_text(identity, "ascii")
            sync(part)
            _create_exclusively(part, self._identity)
            sync(self.data)
        finally:
            part.unlink(missing_ok=True)
        return self._identity.read_text("ascii").strip()

    def studies(self) -> set[str]:
        """The ids of all studies with a folder."""
        return {entry.name for entry in self._studies.iterdir() if is_id(entry.name)}

    def has_results(self, study_id: str) -> bool:
        """Whether a study has results of any revision."""
        try:
            return any((self._study(study_id) / _RESULTS).iterdir())
        except OSError:
            return False

    def free_bytes(self) -> int:
        """Free space on the disk."""
        return shutil.disk_usage(self.data).free

    def incoming(self) -> Path:
        """Create an empty folder for an upload."""
        return _new_folder(self._incoming)

    def import_upload(
        self,
        case: Path | StudyFiles,
        study_id: str,
        reading: ReadingChoices | None = None,
        sent: Mapping[str, SentName] | None = None,
    ) -> Path:
        """Move a case into a study's input; it is on disk when this returns.

        Args:
            case: a file, a folder, or the files of a study, below :meth:`incoming`.
            study_id: of a study that is not yet in the catalog.
            reading: how the files are read.
            sent: what the files were called when they were sent, by their names; see :meth:`sent_names`.
        """
        study = self._study(study_id)
        for folder in (study, study / "runs", study / "masks"):
            folder.mkdir()
        _write_reading(study, reading)
        differing = {name: each for name, each in (sent or {}).items() if each != SentName(name)}
        if differing:
            (study / _SENT).write_text(json.dumps(differing), "utf-8")
        source = self.input(study_id)
        if isinstance(case, Path) and case.is_dir():
            case.replace(source)
        else:
            root, files = (case.parent, (case,)) if isinstance(case, Path) else (case.path, case.files)
            for file in files:
                target = source / file.relative_to(root if root.is_dir() else root.parent)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
        sync_tree(study)
        sync(self._studies)
        return source

    def prepare(self, study_id: str, reading: ReadingChoices | None = None) -> Path:
        """Create the folders of a study whose input has yet to be fetched."""
        study = self._study(study_id)
        for folder in (study, study / "input", study / "runs", study / "masks"):
            folder.mkdir()
        _write_reading(study, reading)
        sync(study)
        sync(self._studies)
        return study / "input"

    def reading(self, study_id: str) -> ReadingChoices:
        """How a study's files are read, as the user states it: by the names under which they were sent."""
        try:
            return ReadingChoices.from_json((self._study(study_id) / _READING).read_text("utf-8"))
        except FileNotFoundError:
            return ReadingChoices()

    def store_reading(self, study_id: str, reading: ReadingChoices) -> None:
        """Replace what the user states about a study's files; it is on disk when this returns.

        Raises:
            FileNotFoundError: the study has been removed.
        """
        study = self._study(study_id)
        part = study / f".{_READING}.{secrets.token_hex(8)}"
        try:
            part.write_text(reading.to_json(), "utf-8")
            sync(part)
            part.replace(study / _READING)
            sync(study)
        finally:
            part.unlink(missing_ok=True)

    def sent_names(self, study_id: str) -> dict[Path, SentName]:
        """What each file of a study was called when it was sent; its own name where that is not known."""
        source = self.input(study_id)
        try:
            kept = json.loads((self._study(study_id) / _SENT).read_text("utf-8"))
        except FileNotFoundError:
            kept = {}
        files = [path for path in sorted(source.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        return {
            path: SentName(*kept[path.name])
            if path.name in kept
            else SentName(path.name, "" if path.parent == source else path.parent.name)
            for path in files
        }

    def input(self, study_id: str) -> Path:
        """The folder of a study's input files."""
        return self._study(study_id) / "input"

    def case(self, study_id: str) -> Path:
        """The path to open: the input folder, or its only file."""
        source = self.input(study_id)
        with os.scandir(source) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
        return source / visible[0].name if len(visible) == 1 and visible[0].is_file() else source

    def run(self, study_id: str, revision: int) -> Path:
        """The folder of a revision's results; if it exists, the results are complete."""
        return self._study(study_id) / _RESULTS / str(revision)

    def mask(self, study_id: str, revision: int) -> Path:
        """The file of the corrected segmentation from which a revision is measured."""
        return self._study(study_id) / "masks" / f"{revision}.nii.gz"

    def rulers(self, study_id: str, revision: int) -> tuple[Ruler, ...]:
        """The distances that were drawn when a corrected segmentation was saved."""
        file = self._rulers(study_id, revision)
        return _RULERS.validate_json(file.read_bytes()) if file.exists() else ()

    def _rulers(self, study_id: str, revision: int) -> Path:
        return self.mask(study_id, revision).with_name(f"{revision}.rulers.json")

    def store_mask(self, file: Path, study_id: str, revision: int, rulers: Sequence[Ruler] = ()) -> None:
        """Move a corrected segmentation and rulers into the study; both are on disk when this returns."""
        target = self.mask(study_id, revision)
        if rulers:
            save_whole(self._rulers(study_id, revision), json.dumps([asdict(ruler) for ruler in rulers]).encode())
        sync(file)
        file.replace(target)
        sync(target.parent)

    @contextmanager
    def staging_dir(self) -> Iterator[Path]:
        """A temporary folder for results until :meth:`commit`; deleted at the end of the block."""
        folder = _new_folder(self._working)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(self, made: Path, study_id: str, revision: int) -> bool:
        """Publish a revision's results by one rename; False if the revision has results already, which stay.

        Raises:
            FileNotFoundError: the study has been removed.
        """
        return publish(made, self.run(study_id, revision))

    def remove(self, study_id: str) -> None:
        """Hide a study's folder at once, then delete it."""
        self.hide(study_id).discard()

    def hide(self, study_id: str) -> Removal:
        """Rename a study's folder out of the way; the files can still be discarded or restored."""
        original, hidden = self._study(study_id), self._working / f"removed-{secrets.token_hex(8)}"
        with suppress(FileNotFoundError):
            original.rename(hidden)
            os.utime(hidden)  # so that prune deletes it a day from now
        return Removal(original, hidden)

    def prune(self, known_ids: Collection[str], now: float | None = None) -> PruneResult:
        """Clean up after processes that ended unexpectedly.

        Unfinished uploads and results are deleted. A study that is missing in the database may be in a lost or
        older one: it is moved to ``lost+found`` and never deleted.

        Args:
            known_ids: ids of the studies in the catalog.
            now: seconds since 1970.
        """
        moment = time.time() if now is None else now
        unfinished = [entry for folder in (self._incoming, self._working) for entry in _stale(folder, moment)]
        for entry in unfinished:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
        unknown = [entry for entry in _stale(self._studies, moment) if entry.name not in known_ids]
        return PruneResult(len(unfinished), sum(self._move_to_lost(entry) for entry in unknown))

    def _move_to_lost(self, entry: Path) -> bool:
        """Move a study to ``lost+found``; False, without a change, if that is impossible.

        The root of a file system may have its own ``lost+found``, which only the administrator can enter.
        """
        try:
            (self.data / _LOST).mkdir(mode=0o700, exist_ok=True)
            target = self.data / _LOST / entry.name
            entry.rename(target.with_name(f"{entry.name}-{secrets.token_hex(4)}") if target.exists() else target)
        except OSError as error:
            log.error("a study that is missing in the database stays in studies/: %s", (error.strerror or "").lower())
            return False
        return True

    def _study(self, study_id: str) -> Path:
        if not is_id(study_id):
            raise ValueError("not a study's id")
        return self._studies / study_id


def _write_reading(study: Path, reading: ReadingChoices | None) -> None:
    """Keep what the user states; the caller flushes the folder to the disk."""
    if reading is not None and reading != ReadingChoices():
        path = study / _READING
        path.write_text(reading.to_json(), "utf-8")
        sync(path)


def _new_folder(parent: Path) -> Path:
    folder = parent / secrets.token_hex(12)
    folder.mkdir()
    return folder


def _create_exclusively(part: Path, target: Path) -> None:
    """Give a complete file its final name unless that exists; an existing file stays."""
    try:
        os.link(part, target)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not target.exists():
            part.replace(target)


def _stale(folder: Path, moment: float) -> list[Path]:
    return [entry for entry in folder.iterdir() if moment - _changed(entry) > STALE_S]


def _changed(entry: Path) -> float:
    """The last change of the entry or of anything directly in it: a long upload keeps its folder."""
    newest = 0.0
    with suppress(OSError):
        newest = entry.lstat().st_mtime
        for inner in entry.iterdir():
            newest = max(newest, inner.lstat().st_mtime)
    return newest
