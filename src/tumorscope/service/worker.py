"""A worker: takes studies from the queue and analyses them, one at a time, until it is told to stop.

``python -m tumorscope.service.worker`` runs one with the settings of the environment; with
``--supervised`` it also stops when its standard input closes, which is how it learns that the
service is gone.
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
from tumorscope.service.sweeping import SWEEPS, Sweeper
from tumorscope.service.work import load_engines, process

log = logging.getLogger("tumorscope.service.worker")  # also where this is the program

SUPERVISED = "--supervised"
NAME = "TUMORSCOPE_WORKER_NAME"
"""The environment variable with a worker's name, where its supervisor gives it one."""
CORES = "TUMORSCOPE_WORKER_CORES"
"""The same with its share of the cores, ``0,2``."""
LEAVING_S = 20.0
"""How long a worker that is told to stop waits for a step of the analysis to end."""
_NICENESS = 5
_NOISY = ("pydicom", "highdicom", "nibabel", "nibabel.global", "dicomweb_client", "urllib3", "tifffile", "PIL")


def worker_name() -> str:
    """Machine, process, and six digits that tell it from an earlier process of that number."""
    return os.environ.get(NAME) or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def run_worker(settings: ServiceSettings, stop: threading.Event, name: str | None = None) -> None:
    """Work until ``stop`` is set; a study that is being analyzed then is given back.

    Args:
        settings: of the service.
        stop: ends the worker at the next step of the analysis.
        name: under which it claims studies.

    Raises:
        TumorscopeError: the database, the queue or the folder cannot be used.
    """
    folders = Folders(settings.data)
    catalog = Catalog.of(settings)
    join_identity(catalog, folders)
    engines = load_engines(settings)
    known = name or worker_name()

    def analyze(study_id: str) -> None:
        outcome = process(study_id, settings, catalog, folders, engines, stop, known)
        _return_memory()
        if outcome == "given back":
            enqueue(queue, study_id)

    queue = make_queue(settings, analyze)
    sweeper = Sweeper(settings, catalog, folders, queue)
    consumer = queue.consumer()
    consumer.start()
    log.info("worker %s is ready", known)
    try:
        while not stop.is_set():
            sweeper.sweep()
            consumer.check_worker_health()
            stop.wait(settings.lease_s / SWEEPS)
    finally:
        stop.set()
        consumer.stop()
        for _, thread in consumer.worker_threads:
            thread.join(LEAVING_S)
        for study in catalog.give_back_all(known):  # a step that takes longer than we wait for
            log.info("%s: given back", study)
            enqueue(queue, study)
        catalog.close()
        log.info("worker %s has stopped", known)


def lower_priority(cores: set[int] | None = None) -> None:
    """Let everything else on this machine go first, and use only some of its cores.

    The runtimes take as many threads as this process may use cores (see :func:`tumorscope.inference.engine.threads`),
    so that what is set here, before a network is loaded, holds for them too. All cores are used while
    nothing else wants them; the web process, which is not as kind, gets one at once.
    """
    with suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    if cores and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, cores)


def quiet_libraries() -> None:
    """What these log and warn of may quote names and UIDs; we say ourselves what matters, by a study's id."""
    import warnings

    warnings.simplefilter("ignore")
    for name in _NOISY:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]


def main() -> None:
    """A worker with the settings of the environment."""
    try:
        run_program(service_settings(), SUPERVISED in sys.argv[1:])
    except TumorscopeError as error:
        print(f"the worker cannot start: {error}", file=sys.stderr)
        sys.exit(2)


def run_program(settings: ServiceSettings, supervised: bool = False) -> NoReturn:
    """Be a worker until SIGTERM, SIGINT or, where supervised, the end of standard input; ends this process.

    Raises:
        TumorscopeError: it cannot start.
    """
    stop = threading.Event()
    with _log_alone():
        quiet_libraries()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        if supervised:
            threading.Thread(target=_stop_with_the_service, args=(stop,), daemon=True).start()
        lower_priority(_cores())
        run_worker(settings, stop)
        logging.shutdown()
        # A step that is still running in a library does not keep the process, and must not crash its end.
        os._exit(0)


def _cores() -> set[int]:
    return {int(core) for core in os.environ.get(CORES, "").split(",") if core.isdigit()}


def _stop_with_the_service(stop: threading.Event) -> None:
    os.read(sys.stdin.fileno(), 1)
    stop.set()


@contextmanager
def _log_alone() -> Iterator[None]:
    """Our log goes to standard error, and what libraries written in C print there goes nowhere: it may name people."""
    standard = (sys.stdout.fileno(), sys.stderr.fileno())
    kept = [os.dup(each) for each in standard]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for each in standard:
        os.dup2(nowhere, each)
    os.close(nowhere)
    handler = logging.StreamHandler(os.fdopen(os.dup(kept[1]), "w", encoding="utf-8", buffering=1))
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger = logging.getLogger("tumorscope")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:  # an error is told by whoever called
        for each, before in zip(standard, kept, strict=True):
            os.dup2(before, each)
            os.close(before)


def _return_memory() -> None:
    """Give freed memory back to the system: glibc otherwise keeps what the largest study needed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


if __name__ == "__main__":
    main()
