"""The service's workers as separate processes, so that a crash never ends the web process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tumorscope.io.dicom.patient_key import SALT_VARIABLE
from tumorscope.service.catalog import Catalog
from tumorscope.service.queue import enqueue, make_queue
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.worker import SHUTDOWN_S
from tumorscope.studies.supervisor import Supervisor, share_cores
from tumorscope.studies.worker_process import CORES_VARIABLE, SUPERVISED


@contextmanager
def running_workers(settings: ServiceSettings) -> Iterator[Supervisor]:
    """The configured number of workers; the study of one that ends waits again at once."""
    catalog, queue = Catalog.of(settings), make_queue(settings)

    def release(worker: str, end: str) -> None:
        for study in catalog.expire_leases(worker, f"the analysis {end}"):
            enqueue(queue, study)

    command = [sys.executable, "-m", "tumorscope.service.worker", SUPERVISED]
    try:
        with Supervisor(command, worker_environments(settings), release, SHUTDOWN_S + 5) as supervisor:
            yield supervisor
    finally:
        catalog.close()


def worker_environments(settings: ServiceSettings) -> list[dict[str, str]]:
    """The environment of each worker."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TUMORSCOPE_") or name == SALT_VARIABLE  # not a setting, and the same for all workers
    }
    return [kept | settings.environment() | {CORES_VARIABLE: cores} for cores in share_cores(settings.workers)]
