"""The node's folder: received objects, the running analysis, and results.

    DATA/journal.sqlite                   the state of every study
    DATA/destinations.yaml                destinations of results by name
    DATA/incoming/<study>/<image>.dcm     as received
    DATA/working/<study>/, working/out/   the running analysis
    DATA/results/<study>/<run>/           complete results of an analysis

Names are hashes of UIDs and reveal nothing about the patient.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tumorscope.dicom_network.durable_files import finish_renames, syncs_names, write_durably
from tumorscope.studies.storage import create_private_folder, publish

RESERVE_BYTES = 500 * 2**20
"""Free space reserved for results and the journal; with less, images are refused."""


def study_code(study: str) -> str:
    """A study's name in logs and paths: ``study-`` and 16 digits of a hash.

    Args:
        study: StudyInstanceUID.
    """
    return f"study-{_digits(study)}"


def image_code(image: str) -> str:
    """An object's file name without suffix: ``image-`` and 16 digits of a hash.

    Args:
        image: SOPInstanceUID.
    """
    return f"image-{_digits(image)}"


def _digits(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[-16:]


class Store:
    """The files of one node.

    Args:
        data: the node's folder; created, readable by its owner only, if it does not exist.

    Raises:
        TumorscopeError: the folder cannot be created.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.incoming = data / "incoming"
        self.working = data / "working"
        self.results = data / "results"
        create_private_folder(data, (folder.name for folder in (self.incoming, self.working, self.results)))
        self._names_follow = syncs_names(self.incoming)

    def has_room(self) -> bool:
        """Whether more space than the reserve is free."""
        return shutil.disk_usage(self.data).free > RESERVE_BYTES

    def path_of(self, study: str, image: str) -> Path:
        """The file of an object, by the codes of its study and itself."""
        return self.incoming / study / f"{image}.dcm"

    def keep(self, study: str, image: str, content: bytes, replace: bool = False) -> Path:
        """Write a received object, which no power cut takes back once this returns; an existing file stays.

        Args:
            study: its code.
            image: its code.
            content: a DICOM file.
            replace: put it in the place of an existing file. An analysis that runs keeps the file that it began with.

        Raises:
            OSError: the disk is full and the like; no partial file remains.
        """
        path = self.path_of(study, image)
        if replace or not path.exists():
            path.parent.mkdir(exist_ok=True)
            write_durably(path, content, self._names_follow)
        return path

    def received(self) -> Iterator[Path]:
        """All stored objects. What a power cut left half-done is finished or deleted first: only while none is kept."""
        for study in sorted(self.incoming.iterdir()):
            finish_renames(study)
            yield from sorted(study.iterdir())

    def stage(self, study: str, images: Iterable[Path]) -> tuple[Path, Path]:
        """Create a folder with exactly these images, without late ones, and an empty folder for results."""
        self.prune()
        folder, out = self.working / study, self.working / "out"
        folder.mkdir(parents=True)
        out.mkdir()
        for path in images:
            try:
                os.link(path, folder / path.name)
            except OSError:  # a file system without hard links
                shutil.copyfile(path, folder / path.name)
        return folder, out

    def commit(self, study: str, run: int) -> Path:
        """Publish the results of a run by one rename; return their folder."""
        results = self.results_of(study, run)
        results.parent.mkdir(exist_ok=True)
        publish(self.working / "out", results)
        return results

    def results_of(self, study: str, run: int) -> Path:
        """The folder of a run's results; if it exists, the results are complete."""
        return self.results / study / str(run)

    def prune(self) -> None:
        """Empty the working folder."""
        shutil.rmtree(self.working, ignore_errors=True)
        self.working.mkdir(exist_ok=True)

    def hide(self, study: str) -> None:
        """Rename a study's folders out of the way at once; :meth:`prune` deletes them."""
        for folder in (self.incoming, self.results):
            if (folder / study).exists():
                (folder / study).replace(self.working / f"removed-{folder.name}-{study}")


@contextmanager
def only_node(data: Path) -> Iterator[bool]:
    """Lock the node's folder; yields False if another node has locked it.

    The lock is SQLite's: the system releases it however this process ends.
    """
    lock = sqlite3.connect(data / "lock.sqlite", timeout=0, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
        else:
            yield True
    finally:
        lock.close()
