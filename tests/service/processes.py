"""Workers as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.stores import TIMEOUT_S, wait_until

from tumorscope.service.catalog import Catalog
from tumorscope.service.records import Study
from tumorscope.service.settings import ServiceSettings


def start_worker(settings: ServiceSettings, log: Path, name: str = "") -> subprocess.Popen[bytes]:
    """Start a real worker, whose output is appended to the log."""
    environment = os.environ | settings.environment() | {"OMP_NUM_THREADS": "1"}
    if name:
        environment["TUMORSCOPE_WORKER_NAME"] = name
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "tumorscope.service.worker"], stdout=file, stderr=file, env=environment
        )


@contextmanager
def running_workers(settings: ServiceSettings, log: Path, count: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers that are stopped at the end."""
    workers = [start_worker(settings, log) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(TIMEOUT_S)


def settled(catalog: Catalog, *ids: str) -> list[Study]:
    """Wait until all studies are done or failed, and return them."""

    def found() -> list[Study]:
        return [study for each in ids if (study := catalog.get(each)) and study.state in ("done", "failed")]

    wait_until(lambda: len(found()) == len(ids), "the studies to be done")
    return found()


def in_stage(catalog: Catalog, study_id: str, stage: str) -> None:
    """Wait until a study is in a stage."""

    def seen() -> bool:
        study = catalog.get(study_id)
        assert study is not None
        assert study.state != "done", f"the study was done before stage {stage} was seen"
        return study.stage == stage

    wait_until(seen, f"stage {stage}")
