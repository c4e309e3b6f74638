"""Run workers as separate processes and restart them, so that a crash never ends the process that receives studies."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tumorscope.studies.claims import Backoff
from tumorscope.studies.worker_process import NAME_VARIABLE

log = logging.getLogger(__name__)

_TICK_S = 0.1
_RESTART = Backoff(0.5, 30.0)
_HEALTHY_S = 60.0
"""A worker that ran for this time is restarted without a pause."""
_STOPPED_TOGETHER_S = 0.5
"""A service manager may stop all processes at once, which is not a crash of a worker."""


@dataclass
class _Slot:
    """A slot for one worker process at a time."""

    environment: Mapping[str, str]
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0


class Supervisor:
    """Keeps one worker per environment running for the duration of the ``with`` block.

    A worker that ends is restarted after a pause, which doubles as long as workers end within a minute.

    Args:
        command: starts a worker; see :mod:`tumorscope.studies.worker_process`.
        environments: of the workers.
        on_end: receives the name of a worker that ended and how it ended, in words.
        shutdown_s: how long a stopping worker may take.
    """

    def __init__(
        self,
        command: Sequence[str],
        environments: Sequence[Mapping[str, str]],
        on_end: Callable[[str, str], object],
        shutdown_s: float,
    ) -> None:
        self._command = command
        self._slots = [_Slot(each) for each in environments]
        self._on_end = on_end
        self._shutdown_s = shutdown_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Supervisor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def pids(self) -> list[int]:
        """Process ids of the running workers."""
        return [process.pid for process in self._processes() if process.poll() is None]

    def _processes(self) -> list[subprocess.Popen[bytes]]:
        return [slot.process for slot in self._slots if slot.process is not None]

    def _watch(self) -> None:
        try:
            while not self._stop.wait(_TICK_S):
                for slot in self._slots:
                    self._check(slot)
        finally:
            self._stop_all()

    def _check(self, slot: _Slot) -> None:
        if slot.process is not None and slot.process.poll() is not None:
            if not self._stop.wait(_STOPPED_TOGETHER_S):
                self._record_end(slot, _close(slot.process))
        elif slot.process is None and time.monotonic() >= slot.due:
            slot.name, slot.started = f"{socket.gethostname()}-{secrets.token_hex(6)}", time.monotonic()
            slot.process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,  # open for the lifetime of this process
                stdout=subprocess.DEVNULL,
                env={**slot.environment, NAME_VARIABLE: slot.name},
                start_new_session=True,  # Ctrl-C is for this process, which stops its workers
            )

    def _record_end(self, slot: _Slot, code: int) -> None:
        slot.process = None
        slot.failures = 0 if time.monotonic() - slot.started > _HEALTHY_S else slot.failures + 1
        pause_s, end = _RESTART.pause_s(slot.failures), describe_exit(code)
        slot.due = time.monotonic() + pause_s
        log.error("worker %s %s; the next one starts in %g s", slot.name, end, pause_s)
        try:
            self._on_end(slot.name, end)
        except Exception as error:  # of the database, each of which has its own; the lease expires by itself
            log.error("the database is unreachable (%s)", type(error).__name__)

    def _stop_all(self) -> None:
        for process in self._processes():
            process.terminate()
        end = time.monotonic() + self._shutdown_s
        for process in self._processes():
            try:
                process.wait(max(end - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
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


def describe_exit(code: int) -> str:
    """The end of a process in words.

    >>> describe_exit(-11), describe_exit(2)
    ('was ended by signal 11', 'ended with exit code 2')
    """
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _close(process: subprocess.Popen[bytes]) -> int:
    if process.stdin is not None:
        process.stdin.close()
    return process.wait()
