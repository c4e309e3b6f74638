"""Analyses, one study at a time, each in a process of its own."""

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

log = logging.getLogger(__name__)

LONGEST_ANALYSIS_S = 1800.0
"""An analysis that takes longer hangs, and is ended."""
INCOMPLETE = "the sender did not finish and did not come back"
"""Why images of a study may be missing."""
_REST_S = 60.0
_TICK_S = 0.1
_STOPPED_TOGETHER_S = 0.5
"""Who stops a node may stop its processes all at once: that is no crash of the analysis."""


@dataclass(frozen=True)
class Made:
    """The results, relative to the folder of results."""

    files: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """The analysis itself says that it cannot be done, and why."""

    reason: str


@dataclass(frozen=True)
class Crashed:
    """The process ended without an response."""

    reason: str


class AnalysisThread(threading.Thread):
    """Takes the next study that is ready, for as long as the node lives.

    Args:
        store, journal: of the node.
        destinations: names of those who are to have the results.
        processor: ``module:function``, see :mod:`tumorscope.dicom_network.worker`.
        bundle: for the processor.
        stop: set when the node is to end.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        destinations: Sequence[str],
        processor: str,
        bundle: str,
        stop: threading.Event,
    ) -> None:
        super().__init__(name="analysis", daemon=True)
        self._store = store
        self._journal = journal
        self._destinations = tuple(destinations)
        self._processor = processor
        self._bundle = bundle
        self._stopping = stop
        self._reported_full = False

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                if not (self._has_room() and self._analyze_next()):
                    self._stopping.wait(_TICK_S)
            except (OSError, sqlite3.Error) as error:  # the disk, most often
                reason = getattr(error, "strerror", None) or str(error)
                log.error("analyzing rests for a minute: %s", reason.lower())
                self._stopping.wait(_REST_S)
                self._requeue_running()

    def _has_room(self) -> bool:
        room = self._store.has_room()
        if not room and not self._reported_full:
            log.error("the disk is nearly full: nothing is analyzed until there is room")
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
            log.error("%s: %s; %s", code, outcome.reason, "tried again" if more else "failed, not tried again")
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
            earlier=tuple(path for path in earlier if path.exists()),
        )

    def _requeue_running(self) -> None:
        with suppress(sqlite3.Error):
            for study in self._journal.in_state("analyzing"):
                self._journal.requeue(study.code)

    def _commit(self, code: str, run: int, files: Sequence[str], seconds: float) -> None:
        place = self._store.seal(code, run)
        if record_results(self._store, self._journal, code, run, files, self._destinations):
            log.info("%s: analyzed in %.1f s, %s made", code, seconds, counted(len(files), "object"))
        else:
            shutil.rmtree(place, ignore_errors=True)
            log.info("%s: images came, or were confirmed, during the analysis; its results are dropped", code)


def record_results(
    store: Store, journal: Journal, code: str, run: int, files: Iterable[str] | None, destinations: Iterable[str]
) -> bool:
    """Enter the results that lie in their place; False if they are out of date.

    Args:
        store, journal: of the node.
        code, run: whose results.
        files: relative to the results' folder; None takes every DICOM file there.
        destinations: who is to have them.
    """
    place = store.results_of(code, run)
    found = [place / file for file in files] if files is not None else sorted(place.rglob("*.dcm"))
    return journal.finish(code, run, [path.relative_to(store.data).as_posix() for path in found], destinations)


def run_worker(
    processor: str, task: Task, stop: threading.Event, longest_s: float = LONGEST_ANALYSIS_S
) -> Made | Failed | Crashed | None:
    """Analyze a study in another process; None if the node was asked to stop meanwhile."""
    command = [sys.executable, "-m", "tumorscope.dicom_network.worker", processor, task.to_json()]
    end = time.monotonic() + longest_s
    # Its standard error may quote the patient. Its standard input stays open for as long as this process lives.
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
            said = process.stdout.read() if process.stdout else ""
        finally:
            if process.poll() is None:
                process.kill()
    with suppress(ValueError, KeyError, TypeError):
        response = json.loads(said)
        if "crash" in response:
            return Crashed(f"the analysis broke: {response['crash']}")
        return Failed(response["failure"]) if "failure" in response else Made(tuple(response["results"]))
    if stop.wait(_STOPPED_TOGETHER_S):
        return None
    return Crashed(_ending(process.returncode))


def _ending(code: int) -> str:
    if code < 0:
        return f"the analysis was ended by signal {-code}"
    return f"the analysis ended with exit code {code}"


def recover(store: Store, journal: Journal, destinations: Sequence[str]) -> None:
    """Take up what a stopped node left: results that are complete are entered, the rest begins again."""
    store.prune()
    for study in journal.in_state("analyzing"):
        if store.results_of(study.code, study.run).exists():
            record_results(store, journal, study.code, study.run, None, destinations)
            log.info("%s: was analyzed before the node stopped", study.code)
        else:
            journal.requeue(study.code)
            log.info("%s: its analysis was interrupted and begins again", study.code)
    for study in journal.in_state("sending"):
        journal.settle(study.code)
