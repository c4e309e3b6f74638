"""Keeps workers alive, each in a process of its own: what breaks there never takes the web process along."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.service.catalog import Catalog
from tumorscope.service.queue import enqueue, make_queue
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.worker import CORES, LEAVING_S, NAME, SUPERVISED

log = logging.getLogger(__name__)

_TICK_S = 0.1
_FIRST_REST_S, _LONGEST_REST_S = 0.5, 30.0
_LIVED_WELL_S = 60.0
"""A worker that lived for so long may be started again at once when it ends."""


@dataclass
class _Place:
    """Where one worker after the other runs."""

    cores: str
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    rest_s: float = 0.0
    due: float = 0.0


class Supervisor:
    """As many workers as the settings say, for as long as the ``with`` block lasts.

    A worker that ends is started again, after a rest that doubles while it does not live for a minute.
    The study that it was working on may be taken at once.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._places = [_Place(cores) for cores in share_cores(settings.workers)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Supervisor:
        self._catalog = Catalog.of(self._settings)
        self._queue = make_queue(self._settings)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._catalog.close()

    def alive(self) -> int:
        """How many workers run at the moment."""
        return sum(place.process is not None and place.process.poll() is None for place in self._places)

    def pids(self) -> list[int]:
        """Process numbers of the workers that run."""
        running = [place.process for place in self._places if place.process is not None]
        return [process.pid for process in running if process.poll() is None]

    def _watch(self) -> None:
        try:
            while not self._stop.wait(_TICK_S):
                for place in self._places:
                    self._look_after(place)
        finally:
            self._end_all()

    def _look_after(self, place: _Place) -> None:
        now = time.monotonic()
        if place.process is not None and place.process.poll() is not None:
            code, lived = place.process.returncode, now - place.started
            _close(place.process)
            place.process = None
            place.rest_s = 0.0 if lived > _LIVED_WELL_S else min(max(2 * place.rest_s, _FIRST_REST_S), _LONGEST_REST_S)
            place.due = now + place.rest_s
            log.error("worker %s %s; the next one starts in %g s", place.name, _ending(code), place.rest_s)
            self._release(place.name)
        elif place.process is None and now >= place.due:
            place.name = f"{socket.gethostname()}-{secrets.token_hex(6)}"
            place.process, place.started = _start(self._settings, place), now

    def _release(self, name: str) -> None:
        try:
            for study in self._catalog.release(name):
                log.error("%s: its worker ended in the middle", study)
                enqueue(self._queue, study)
        except SQLAlchemyError as error:  # the lease runs out by itself
            log.error("the database is out of reach (%s)", type(error).__name__)

    def _end_all(self) -> None:
        running = [place.process for place in self._places if place.process is not None]
        for process in running:
            process.terminate()
        end = time.monotonic() + LEAVING_S + 5
        for process in running:
            try:
                process.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)


def share_cores(workers: int) -> list[str]:
    """Each worker's cores, ``"0,2"``; empty where one worker may use all.

    >>> share_cores(1)
    ['']
    """
    if workers < 2 or not hasattr(os, "sched_getaffinity"):
        return [""] * workers
    cores = sorted(os.sched_getaffinity(0))
    if workers >= len(cores):
        return [str(cores[index % len(cores)]) for index in range(workers)]
    return [",".join(map(str, cores[index::workers])) for index in range(workers)]


def _start(settings: ServiceSettings, place: _Place) -> subprocess.Popen[bytes]:
    from tumorscope.io.dicom.patient_key import SALT_VARIABLE

    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TUMORSCOPE_") or name == SALT_VARIABLE  # not a setting, and one for all workers
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tumorscope.service.worker", SUPERVISED],
        stdin=subprocess.PIPE,  # stays open for as long as this process lives
        stdout=subprocess.DEVNULL,
        env=kept | settings.environment() | {NAME: place.name, CORES: place.cores},
        start_new_session=True,  # Ctrl-C is for the service, which tells its workers
    )


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
