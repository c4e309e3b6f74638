"""A worker: takes studies from the queue and analyzes them one at a time until it is stopped.

``python -m tumorscope.service.worker`` starts a worker with the settings in the environment. With
``--supervised`` it also stops when its standard input closes, that is, when the service has ended.
"""

from __future__ import annotations

import logging
import sys
import threading

from tumorscope.service.catalog import Catalog
from tumorscope.service.identity import join_identity
from tumorscope.service.queue import enqueue, make_queue
from tumorscope.service.settings import ServiceSettings, service_settings
from tumorscope.service.study_folders import Folders
from tumorscope.service.study_job import load_engines, process
from tumorscope.service.sweeper import SWEEPS_PER_LEASE, Sweeper
from tumorscope.studies.worker_process import SUPERVISED, one_line_errors, return_memory, run_program, worker_name

log = logging.getLogger("tumorscope.service.worker")  # also when this module is the program

SHUTDOWN_S = 20.0
"""How long a stopping worker waits for the current step of the analysis."""


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
        return_memory()
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


if __name__ == "__main__":
    with one_line_errors():
        settings = service_settings()
        run_program(lambda stop: run_worker(settings, stop), SUPERVISED in sys.argv[1:], orphaned_s=SHUTDOWN_S + 5)
