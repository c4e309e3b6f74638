"""Run workers as separate processes and restart them, so that a crash never ends the web process."""

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
from tumorscope.service.worker import CORES_VARIABLE, NAME_VARIABLE, SHUTDOWN_S, SUPERVISED
from tumorscope.studies.processes import describe_exit

log = logging.getLogger(__name__)

_TICK_S = 0.1
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.5, 30.0
_HEALTHY_S = 60.0
"""A worker that ran for this time is restarted without a pause."""


@dataclass
class _Slot:
    """A slot for one worker process at a time."""

    cores: str
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = 0.0
    due: float = 0.0


class Supervisor:
    """Keeps the configured number of workers running for the duration of the ``with`` block.

    A worker that ends is restarted after a pause, which doubles as long as workers end within a minute.
    The lease of its study expires at once.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._slots = [_Slot(cores) for cores in share_cores(settings.workers)]
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
        """The number of running workers."""
        return sum(slot.process is not None and slot.process.poll() is None for slot in self._slots)

    def pids(self) -> list[int]:
        """Process ids of the running workers."""
        running = [slot.process for slot in self._slots if slot.process is not None]
        return [process.pid for process in running if process.poll() is None]

    def _watch(self) -> None:
        try:
            while not self._stop.wait(_TICK_S):
                for slot in self._slots:
                    self._check(slot)
        finally:
            self._stop_all()

    def _check(self, slot: _Slot) -> None:
        now = time.monotonic()
        if slot.process is not None and slot.process.poll() is not None:
            code, lived = slot.process.returncode, now - slot.started
            _close(slot.process)
            slot.process = None
            slot.pause_s = 0.0 if lived > _HEALTHY_S else min(max(2 * slot.pause_s, _FIRST_PAUSE_S), _MAX_PAUSE_S)
            slot.due = now + slot.pause_s
            log.error("worker %s %s; the next one starts in %g s", slot.name, describe_exit(code), slot.pause_s)
            self._release(slot.name)
        elif slot.process is None and now >= slot.due:
            slot.name = f"{socket.gethostname()}-{secrets.token_hex(6)}"
            slot.process, slot.started = _start(self._settings, slot), now

    def _release(self, name: str) -> None:
        try:
            for study in self._catalog.expire_leases(name):
                log.error("%s: its worker ended during the analysis", study)
                enqueue(self._queue, study)
        except SQLAlchemyError as error:  # the lease expires by itself
            log.error("the database is unreachable (%s)", type(error).__name__)

    def _stop_all(self) -> None:
        running = [slot.process for slot in self._slots if slot.process is not None]
        for process in running:
            process.terminate()
        end = time.monotonic() + SHUTDOWN_S + 5
        for process in running:
            try:
                process.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)


def share_cores(workers: int) -> list[str]:
    """The cores of each worker, ``"0,2"``; empty if one worker may use all.

    >>> share_cores(1)
    ['']
    """
    if workers < 2 or not hasattr(os, "sched_getaffinity"):
        return [""] * workers
    cores = sorted(os.sched_getaffinity(0))
    if workers >= len(cores):
        return [str(cores[index % len(cores)]) for index in range(workers)]
    return [",".join(map(str, cores[index::workers])) for index in range(workers)]


def _start(settings: ServiceSettings, slot: _Slot) -> subprocess.Popen[bytes]:
    from tumorscope.io.dicom.patient_key import SALT_VARIABLE

    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TUMORSCOPE_") or name == SALT_VARIABLE  # not a setting, and the same for all workers
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tumorscope.service.worker", SUPERVISED],
        stdin=subprocess.PIPE,  # open for the lifetime of this process
        stdout=subprocess.DEVNULL,
        env=kept | settings.environment() | {NAME_VARIABLE: slot.name, CORES_VARIABLE: slot.cores},
        start_new_session=True,  # Ctrl-C is for the service, which stops its workers
    )


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
