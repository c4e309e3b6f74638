"""The node's worker: a process that analyzes complete studies one at a time.

``python -m tumorscope.dicom_network.node_worker SETTINGS``, the settings as JSON. Any crash, even in a C library, ends only
this process, and it ends with the node.
"""

from __future__ import annotations

import importlib
import json
import logging
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.faults import failure_reason
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.journal_records import Run
from tumorscope.dicom_network.plurals import counted
from tumorscope.dicom_network.store import Store
from tumorscope.studies.claims import Claim
from tumorscope.studies.lease import LeaseHolder
from tumorscope.studies.worker_process import one_line_errors, return_memory, run_program, worker_name

log = logging.getLogger("tumorscope.dicom_network.node_worker")  # also when this module is the program

MAX_ANALYSIS_S = 1800.0
"""An analysis that takes longer counts as hung and ends its worker."""
INCOMPLETE = "the sender did not finish and did not come back"
"""Why images of a study may be missing."""
_PAUSE_S = 60.0
_TICK_S = 0.1


@dataclass(frozen=True)
class Task:
    """A study to analyze.

    Attributes:
        folder: with its images; its name becomes the case's name.
        out: receives the folder of the case.
        bundle: a name, a folder, or ``auto``.
        flips: average the network's outputs over left-right flips.
        incomplete: why images may be missing; None if the study is complete.
        earlier: folders of results of the same study that the new ones replace.
        register: whether to co-register the series.
        location: whether to name lobe and hemisphere of lesions by an atlas.
        contours: whether to write an RT Structure Set beside the segmentation.
    """

    folder: Path
    out: Path
    bundle: str = "auto"
    flips: bool = False
    incomplete: str | None = None
    earlier: tuple[Path, ...] = ()
    register: bool = False
    location: bool = False
    contours: bool = False


Processor = Callable[[Task], list[Path]]
"""A function that analyzes a task and returns the created DICOM objects."""


def load_processor(name: str) -> Processor:
    """The function named ``module:function``.

    >>> load_processor("tumorscope.dicom_network.study_processor:process_study").__name__
    'process_study'

    Raises:
        TumorscopeError: there is no such function.
    """
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise TumorscopeError(f"{name}: no such function; write module:function") from error


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of a node's worker.

    Attributes:
        data: the node's folder.
        destinations: names of the destinations of the results.
        processor: ``module:function`` that analyzes a study.
        bundle, flips, register, location, contours: for the processor.
        longest_s: an analysis that takes longer counts as hung.
    """

    data: Path
    destinations: Sequence[str] = ()
    processor: str = "tumorscope.dicom_network.study_processor:process_study"
    bundle: str = "auto"
    flips: bool = False
    register: bool = False
    location: bool = False
    contours: bool = False
    longest_s: float = MAX_ANALYSIS_S

    def command(self) -> list[str]:
        """The command that starts the worker."""
        return [sys.executable, "-m", "tumorscope.dicom_network.node_worker", json.dumps(asdict(self), default=str)]


class Worker:
    """Analyzes a node's studies that are ready.

    Args:
        settings: of the worker.
        name: under which it claims studies.
    """

    def __init__(self, settings: WorkerSettings, name: str = "") -> None:
        self._settings = settings
        self._name = name
        self._store = Store(settings.data)
        self._journal = Journal(settings.data / "journal.sqlite")
        self._process = load_processor(settings.processor)
        self._reported_full = False

    def run(self, stop: threading.Event) -> None:
        """Analyze until ``stop`` is set."""
        while not stop.is_set():
            try:
                if not (self._has_room() and self.analyze_next()):
                    stop.wait(_TICK_S)
            except (OSError, sqlite3.Error) as error:  # usually the disk
                reason = getattr(error, "strerror", None) or str(error)
                log.error("analyzing pauses for a minute: %s", reason.lower())
                stop.wait(_PAUSE_S)
                with suppress(sqlite3.Error):
                    self._journal.release_all(self._name)

    def analyze_next(self) -> bool:
        """Analyze one study; whether one was ready."""
        ready = self._journal.in_state("ready")
        run = self._journal.begin(ready[0].code, self._name) if ready else None
        if run is None:
            return False
        log.info("%s: analyzing %s, run %d", run.item, counted(len(run.files), "image"), run.attempt)
        started, made = time.monotonic(), list[Path]()
        with LeaseHolder(self._journal, run, self._settings.longest_s) as lease:
            task = self._task(run)
            outcome = lease.work(lambda: not made.extend(self._process(task)), lambda error: _reason(run, error))
            if outcome == "done":
                self._commit(run, [path.relative_to(task.out) for path in made], started)
        self._store.prune()
        return_memory()
        return True

    def _commit(self, run: Run, files: Sequence[Path], started: float) -> None:
        results = self._store.commit(run.item, run.attempt)
        if record_results(self._store, self._journal, run, files, self._settings.destinations):
            seconds = time.monotonic() - started
            log.info("%s: analyzed in %.1f s, %s made", run.item, seconds, counted(len(files), "object"))
        else:
            shutil.rmtree(results, ignore_errors=True)
            log.info("%s: images arrived, or were confirmed, during the analysis; its results are discarded", run.item)

    def _task(self, run: Run) -> Task:
        folder, out = self._store.stage(run.item, [self._store.data / file for file in run.files])
        earlier = (self._store.results_of(run.item, number) for number in run.earlier)
        return Task(
            folder,
            out,
            self._settings.bundle,
            self._settings.flips,
            INCOMPLETE if run.incomplete else None,
            tuple(path for path in earlier if path.exists()),
            self._settings.register,
            self._settings.location,
            self._settings.contours,
        )

    def _has_room(self) -> bool:
        room = self._store.has_room()
        if not room and not self._reported_full:
            log.error("the disk is nearly full: no study is analyzed until there is space")
        self._reported_full = not room
        return room


def _reason(run: Run, error: Exception) -> str:
    log.error("%s: failed: %s", run.item, failure_reason(error))
    return failure_reason(error)


def record_results(
    store: Store, journal: Journal, run: Claim, files: Iterable[Path] | None, destinations: Iterable[str]
) -> bool:
    """Record committed results in the journal; False if they are outdated.

    Args:
        store, journal: of the node.
        run: that made the results.
        files: relative to the folder of results; None for every DICOM file in it.
        destinations: of the results.
    """
    results = store.results_of(run.item, run.attempt)
    objects = [results / file for file in files] if files is not None else sorted(results.rglob("*.dcm"))
    return journal.finish(run, [path.relative_to(store.data).as_posix() for path in objects], destinations)


def record_committed(store: Store, journal: Journal, destinations: Iterable[str], worker: str | None = None) -> None:
    """Record complete results of a worker that ended, or of all, which ended before it recorded them itself."""
    for run in journal.held_by(worker):
        if store.results_of(run.item, run.attempt).exists():
            record_results(store, journal, run, None, destinations)
            log.info("%s: was analyzed before its worker stopped", run.item)


def recover(store: Store, journal: Journal, destinations: Sequence[str]) -> None:
    """Recover after a stop: record complete results, and repeat what was interrupted."""
    store.prune()
    record_committed(store, journal, destinations)
    for code in journal.release_all():
        log.info("%s: its analysis was interrupted and is repeated", code)
    journal.results.release_all()
    for study in journal.in_state("sending"):
        journal.settle(study.code)


def main() -> None:
    """Run a worker with the settings of the argument."""
    given = json.loads(sys.argv[1])
    with one_line_errors():
        worker = Worker(WorkerSettings(**{**given, "data": Path(given["data"])}), worker_name())
        run_program(worker.run, supervised=True)


if __name__ == "__main__":
    main()
