"""What all worker processes share: how they start, log, stop with their supervisor, and share a machine."""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.signals import set_on_signals
from tumorscope.core.startup import lighten_libraries

SUPERVISED = "--supervised"
NAME_VARIABLE = "TUMORSCOPE_WORKER_NAME"
"""The environment variable in which a supervisor passes a worker's name."""
CORES_VARIABLE = "TUMORSCOPE_WORKER_CORES"
"""The environment variable with the worker's share of the cores, such as ``0,2``."""
_NICENESS = 5
_LIBRARIES = (
    *("pydicom", "highdicom", "nibabel", "nibabel.global", "dicomweb_client", "pynetdicom", "urllib3", "tifffile"),
    "PIL",
)


def worker_name() -> str:
    """Host name, process number, and six random digits, since process numbers are reused."""
    return os.environ.get(NAME_VARIABLE) or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def run_program(work: Callable[[threading.Event], object], supervised: bool = False, orphaned_s: float = 0) -> NoReturn:
    """Run a worker until SIGTERM, SIGINT or, if supervised, the end of standard input; then end this process.

    Args:
        work: works until the event is set.
        supervised: standard input ends when the supervisor does, even if it is killed.
        orphaned_s: how long the worker may then take.

    Raises:
        TumorscopeError: the worker cannot start.
    """
    lighten_libraries(analyzing=True)
    stop = threading.Event()
    with _only_own_log(), set_on_signals(stop):
        silence_libraries()
        if supervised:
            threading.Thread(target=_stop_with_supervisor, args=(stop, orphaned_s), daemon=True).start()
        lower_priority({int(core) for core in os.environ.get(CORES_VARIABLE, "").split(",") if core.isdigit()})
        work(stop)
        logging.shutdown()
        # Threads still running in a library neither delay the exit nor crash it.
        os._exit(0)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line and exit code 2 if its worker cannot start."""
    try:
        yield
    except TumorscopeError as error:
        print(f"the worker cannot start: {error}", file=sys.stderr)
        sys.exit(2)


def lower_priority(cores: set[int] | None = None) -> None:
    """Run at a lower priority, and only on some of the machine's cores.

    The runtimes start one thread per core that this process may use (see
    :func:`tumorscope.inference.sessions.threads`), so call this before a network is loaded. Workers use idle
    cores fully; the process that receives studies runs at the normal priority and gets a core at once.
    """
    with suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    if cores and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, cores)


def return_memory() -> None:
    """Return freed memory to the system: glibc otherwise keeps the peak of the largest study."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def silence_libraries(names: Iterable[str] = _LIBRARIES) -> None:
    """Discard all warnings, and the log messages of libraries, which may contain names, UIDs and titles."""
    warnings.simplefilter("ignore")
    for name in names:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]


def _stop_with_supervisor(stop: threading.Event, orphaned_s: float) -> None:
    os.read(sys.stdin.fileno(), 1)
    stop.set()
    time.sleep(orphaned_s)
    os._exit(1)


@contextmanager
def _only_own_log() -> Iterator[None]:
    """Send our log to standard error and discard what C libraries print there: it may contain names."""
    standard = (sys.stdout.fileno(), sys.stderr.fileno())
    kept = [os.dup(each) for each in standard]
    devnull = os.open(os.devnull, os.O_WRONLY)
    for each in standard:
        os.dup2(devnull, each)
    os.close(devnull)
    handler = logging.StreamHandler(os.fdopen(os.dup(kept[1]), "w", encoding="utf-8", buffering=1))
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger = logging.getLogger("tumorscope")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:  # the caller reports errors
        for each, before in zip(standard, kept, strict=True):
            os.dup2(before, each)
            os.close(before)
