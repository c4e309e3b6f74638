"""The node's folder: what it received, what it is working on, what came out.

    DATA/journal.sqlite                   what happened to every study
    DATA/destinations.yaml                where results may go, by name
    DATA/incoming/<study>/<image>.dcm     as received
    DATA/working/<study>/, working/out/   the analysis that is running
    DATA/results/<study>/<run>/           what an analysis made, whole

Names are codes, hashes of UIDs: nothing in a name says who the patient is.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import sync

RESERVE_BYTES = 500 * 2**20
"""Kept free for results and the journal: with less, no image is taken in."""


def study_code(study: str) -> str:
    """What a study is called in logs and file names: ``study-`` and 16 digits of a hash.

    Args:
        study: StudyInstanceUID.
    """
    return f"study-{_digits(study)}"


def image_code(image: str) -> str:
    """The file name, without suffix, of an object: ``image-`` and 16 digits of a hash.

    Args:
        image: SOPInstanceUID.
    """
    return f"image-{_digits(image)}"


def _digits(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[-16:]


class Store:
    """The files of one node.

    Args:
        data: the node's folder; made, for its owner's eyes only, if it is not there.

    Raises:
        TumorscopeError: the folder cannot be made.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.incoming = data / "incoming"
        self.working = data / "working"
        self.results = data / "results"
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.incoming, self.working, self.results):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TumorscopeError(
                f"{data}: cannot be made ({(error.strerror or '').lower()}); name another folder with --data"
            ) from error

    def has_room(self) -> bool:
        """Whether more than the reserve is free."""
        return shutil.disk_usage(self.data).free > RESERVE_BYTES

    def keep(self, study: str, image: str, content: bytes) -> Path:
        """Put a received object on disk, all of it, before this returns; one that is there stays.

        Args:
            study: its code.
            image: its code.
            content: a DICOM file.

        Raises:
            OSError: the disk is full and the like; nothing is then left behind.
        """
        path = self.incoming / study / f"{image}.dcm"
        if path.exists():
            return path
        path.parent.mkdir(exist_ok=True)
        aside = path.with_name(f".{image}.{secrets.token_hex(4)}.part")
        try:
            with aside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise
        sync(path.parent)
        return path

    def received(self) -> Iterator[Path]:
        """Every object kept; what a stop in the middle of writing left aside is removed on the way."""
        for study in sorted(self.incoming.iterdir()):
            for path in sorted(study.iterdir()):
                if path.name.startswith("."):
                    path.unlink(missing_ok=True)
                else:
                    yield path

    def stage(self, study: str, images: Iterable[Path]) -> tuple[Path, Path]:
        """An empty folder for results, and one with exactly these images: late ones do not slip in."""
        self.prune()
        folder, out = self.working / study, self.working / "out"
        folder.mkdir(parents=True)
        out.mkdir()
        for path in images:
            try:
                os.link(path, folder / path.name)
            except OSError:  # a file system without links
                shutil.copyfile(path, folder / path.name)
        return folder, out

    def commit(self, study: str, run: int) -> Path:
        """Put the results of a run in place, all at once."""
        place = self.results_of(study, run)
        place.parent.mkdir(exist_ok=True)
        (self.working / "out").replace(place)
        sync(place.parent)
        return place

    def results_of(self, study: str, run: int) -> Path:
        """Where the results of a run lie; if the folder is there, they are complete."""
        return self.results / study / str(run)

    def prune(self) -> None:
        """Empty the working folder."""
        shutil.rmtree(self.working, ignore_errors=True)
        self.working.mkdir(exist_ok=True)

    def hide(self, study: str) -> None:
        """Take a study's images and results out of the way, at once; :meth:`prune` removes them."""
        for place in (self.incoming, self.results):
            if (place / study).exists():
                (place / study).replace(self.working / f"forgotten-{place.name}-{study}")


@contextmanager
def only_node(data: Path) -> Iterator[bool]:
    """Hold the node's folder; gives False where another node holds it.

    The lock is the database's own: the system lifts it however this process ends.
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
