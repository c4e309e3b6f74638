"""Analyze studies one at a time, each in a separate process."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.plurals import counted
from tumorscope.dicom_network.records import Run
from tumorscope.dicom_network.store import Store
from tumorscope.dicom_network.worker import Task
from tumorscope.studies.processes import describe_exit

log = logging.getLogger(__name__)

MAX_ANALYSIS_S = 1800.0
"""An analysis that takes longer counts as hung and is killed."""
INCOMPLETE = "the sender did not finish and did not come back"
"""Why images of a study may be missing."""
_PAUSE_S = 60.0
_TICK_S = 0.1
_STOPPED_TOGETHER_S = 0.5
"""A service manager may stop all processes of a node at once, which is not a crash of the analysis."""


@dataclass(frozen=True)
class Made:
    """The files of the results, relative to the output folder."""

    files: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """The study cannot be analyzed, for this reason."""

    reason: str


@dataclass(frozen=True)
class Crashed:
    """The process ended without a response."""

    reason: str


class AnalysisThread(threading.Thread):
    """Analyzes studies that are ready, for the lifetime of the node.

    Args:
        store, journal: of the node.
        destinations: names of the destinations of the results.
        processor: ``module:function``, see :mod:`tumorscope.dicom_network.worker`.
        bundle, register: for the processor.
        stop: set when the node must end.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        destinations: Sequence[str],
        processor: str,
        bundle: str,
        stop: threading.Event,
        register: bool = False,
    ) -> None:
        super().__init__(name="analysis", daemon=True)
        self._store = store
        self._journal = journal
        self._destinations = tuple(destinations)
        self._processor = processor
        self._bundle, self._register = bundle, register
        self._stopping = stop
        self._reported_full = False

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                if not (self._has_room() and self._analyze_next()):
                    self._stopping.wait(_TICK_S)
            except (OSError, sqlite3.Error) as error:  # usually the disk
                reason = getattr(error, "strerror", None) or str(error)
                log.error("analyzing pauses for a minute: %s", reason.lower())
                self._stopping.wait(_PAUSE_S)
                self._requeue_running()

    def _has_room(self) -> bool:
        room = self._store.has_room()
        if not room and not self._reported_full:
            log.error("the disk is nearly full: no study is analyzed until there is space")
        self._reported_full = not room
        return room

    def _analyze_next(self) -> bool:
        ready = self._journal.in_state("ready")
        run = self._journal.begin(ready[0].code) if ready else None
        if not ready or run is None:
            return False
        code = ready[0].code
        log.info("%s: analyzing %s, run %d", code, counted(len(run.files), "image"), run.number)
        started = time.monotonic()
        outcome = run_worker(self._processor, self._task(code, run), self._stopping)
        seconds = time.monotonic() - started
        if isinstance(outcome, Made):
            self._commit(code, run.number, outcome.files, seconds)
        elif isinstance(outcome, Failed):
            self._journal.fail(code, outcome.reason)
            log.error("%s: failed: %s", code, outcome.reason)
        elif isinstance(outcome, Crashed):
            more = self._journal.crash(code, outcome.reason)
            log.error("%s: %s; %s", code, outcome.reason, "will be retried" if more else "failed, not retried")
        else:
            self._journal.requeue(code)
        self._store.prune()
        return True

    def _task(self, code: str, run: Run) -> Task:
        folder, out = self._store.stage(code, [self._store.data / file for file in run.files])
        earlier = (self._store.results_of(code, number) for number in run.earlier)
        return Task(
            folder=folder,
            out=out,
            bundle=self._bundle,
            incomplete=INCOMPLETE if run.incomplete else None,
            register=self._register,
            earlier=tuple(path for path in earlier if path.exists()),
        )

    def _requeue_running(self) -> None:
        with suppress(sqlite3.Error):
            for study in self._journal.in_state("analyzing"):
                self._journal.requeue(study.code)

    def _commit(self, code: str, run: int, files: Sequence[str], seconds: float) -> None:
        results = self._store.commit(code, run)
        if record_results(self._store, self._journal, code, run, files, self._destinations):
            log.info("%s: analyzed in %.1f s, %s made", code, seconds, counted(len(files), "object"))
        else:
            shutil.rmtree(results, ignore_errors=True)
            log.info("%s: images arrived, or were confirmed, during the analysis; its results are discarded", code)


def record_results(
    store: Store, journal: Journal, code: str, run: int, files: Iterable[str] | None, destinations: Iterable[str]
) -> bool:
    """Record committed results in the journal; False if they are outdated.

    Args:
        store, journal: of the node.
        code, run: of the results.
        files: relative to the folder of results; None for every DICOM file in it.
        destinations: of the results.
    """
    results = store.results_of(code, run)
    objects = [results / file for file in files] if files is not None else sorted(results.rglob("*.dcm"))
    return journal.finish(code, run, [path.relative_to(store.data).as_posix() for path in objects], destinations)


def run_worker(
    processor: str, task: Task, stop: threading.Event, longest_s: float = MAX_ANALYSIS_S
) -> Made | Failed | Crashed | None:
    """Analyze a study in another process; None if the node is stopped meanwhile."""
    command = [sys.executable, "-m", "tumorscope.dicom_network.worker", processor, task.to_json()]
    end = time.monotonic() + longest_s
    # Its standard error may contain patient data. Its standard input stays open for the lifetime of this process.
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for the node
    ) as process:
        try:
            while process.poll() is None:
                if stop.wait(_TICK_S):
                    return None
                if time.monotonic() > end:
                    return Crashed(f"the analysis took longer than {longest_s:g} s")
            output = process.stdout.read() if process.stdout else ""
        finally:
            if process.poll() is None:
                process.kill()
    with suppress(ValueError, KeyError, TypeError):
        response = json.loads(output)
        if "crash" in response:
            return Crashed(f"the analysis broke: {response['crash']}")
        return Failed(response["failure"]) if "failure" in response else Made(tuple(response["results"]))
    if stop.wait(_STOPPED_TOGETHER_S):
        return None
    return Crashed(f"the analysis {describe_exit(process.returncode)}")


def recover(store: Store, journal: Journal, destinations: Sequence[str]) -> None:
    """Recover after a stop: record complete results, and requeue interrupted analyses."""
    store.prune()
    for study in journal.in_state("analyzing"):
        if store.results_of(study.code, study.run).exists():
            record_results(store, journal, study.code, study.run, None, destinations)
            log.info("%s: was analyzed before the node stopped", study.code)
        else:
            journal.requeue(study.code)
            log.info("%s: its analysis was interrupted and is repeated", study.code)
    for study in journal.in_state("sending"):
        journal.settle(study.code)
