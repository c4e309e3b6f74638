"""A worker: takes studies from the queue and analyzes them one at a time until it is stopped.

``python -m tumorscope.service.worker`` starts a worker with the settings in the environment. With
``--supervised`` it also stops when its standard input closes, that is, when the service has ended.
"""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.folders import Folders
from tumorscope.service.identity import join_identity
from tumorscope.service.queue import enqueue, make_queue
from tumorscope.service.settings import ServiceSettings, service_settings
from tumorscope.service.study_job import load_engines, process
from tumorscope.service.sweeper import SWEEPS_PER_LEASE, Sweeper
from tumorscope.studies.processes import silence_libraries

log = logging.getLogger("tumorscope.service.worker")  # also when this module is the program

SUPERVISED = "--supervised"
NAME_VARIABLE = "TUMORSCOPE_WORKER_NAME"
"""The environment variable in which a supervisor passes a worker's name."""
CORES_VARIABLE = "TUMORSCOPE_WORKER_CORES"
"""The environment variable with the worker's share of the cores, such as ``0,2``."""
SHUTDOWN_S = 20.0
"""How long a stopping worker waits for the current step of the analysis."""
_NICENESS = 5
_LIBRARIES = ("pydicom", "highdicom", "nibabel", "nibabel.global", "dicomweb_client", "urllib3", "tifffile", "PIL")


def worker_name() -> str:
    """Host name, process number, and six random digits, since process numbers are reused."""
    return os.environ.get(NAME_VARIABLE) or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def run_worker(settings: ServiceSettings, stop: threading.Event, name: str | None = None) -> None:
    """Process studies until ``stop`` is set; a study whose analysis is running then returns to the queue.

    Args:
        settings: of the service.
        stop: ends the worker at the next step of the analysis.
        name: under which the worker claims studies.

    Raises:
        TumorscopeError: the database, the queue or the folder cannot be used.
    """
    folders = Folders(settings.data)
    catalog = Catalog.of(settings)
    join_identity(catalog, folders)
    engines = load_engines(settings)
    worker = name or worker_name()

    def analyze(study_id: str) -> None:
        outcome = process(study_id, settings, catalog, folders, engines, stop, worker)
        _return_memory()
        if outcome == "released":
            enqueue(queue, study_id)

    queue = make_queue(settings, analyze)
    sweeper = Sweeper(settings, catalog, folders, queue)
    consumer = queue.consumer()
    consumer.start()
    log.info("worker %s is ready", worker)
    try:
        while not stop.is_set():
            sweeper.sweep()
            consumer.check_worker_health()
            stop.wait(settings.lease_s / SWEEPS_PER_LEASE)
    finally:
        stop.set()
        consumer.stop()
        for _, thread in consumer.worker_threads:
            thread.join(SHUTDOWN_S)
        for study in catalog.release_all(worker):  # whose current step took longer than SHUTDOWN_S
            log.info("%s: released", study)
            enqueue(queue, study)
        catalog.close()
        log.info("worker %s has stopped", worker)


def lower_priority(cores: set[int] | None = None) -> None:
    """Run at a lower priority, and only on some of the machine's cores.

    The runtimes start one thread per core that this process may use (see
    :func:`tumorscope.inference.engine.threads`), so call this before a network is loaded. Workers use idle
    cores fully; the web process runs at the normal priority and gets a core at once.
    """
    with suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    if cores and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, cores)


def main() -> None:
    """Run a worker with the settings in the environment."""
    try:
        run_program(service_settings(), SUPERVISED in sys.argv[1:])
    except TumorscopeError as error:
        print(f"the worker cannot start: {error}", file=sys.stderr)
        sys.exit(2)


def run_program(settings: ServiceSettings, supervised: bool = False) -> NoReturn:
    """Run a worker until SIGTERM, SIGINT or, if supervised, the end of standard input; then end this process.

    Raises:
        TumorscopeError: the worker cannot start.
    """
    stop = threading.Event()
    with _only_own_log():
        silence_libraries(_LIBRARIES)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        if supervised:
            threading.Thread(target=_stop_with_service, args=(stop,), daemon=True).start()
        lower_priority(_cores())
        run_worker(settings, stop)
        logging.shutdown()
        # Threads still running in a library neither delay the exit nor crash it.
        os._exit(0)


def _cores() -> set[int]:
    return {int(core) for core in os.environ.get(CORES_VARIABLE, "").split(",") if core.isdigit()}


def _stop_with_service(stop: threading.Event) -> None:
    os.read(sys.stdin.fileno(), 1)
    stop.set()


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


def _return_memory() -> None:
    """Return freed memory to the system: glibc otherwise keeps the peak of the largest study."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


if __name__ == "__main__":
    main()
