"""Workers as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from service.stores import TIMEOUT_S, wait_until

from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import Study
from tumorscope.service.settings import ServiceSettings

_HOLDING = """
import runpy, sys, time
from tumorscope.service.study_folders import Folders
from tumorscope.studies.lease import LeaseHolder

progress = LeaseHolder.progress
marks, where = sys.argv[1:]
del sys.argv[1:]

def hold(again):
    with open(marks, "a") as file:  # a worker's own output does not reach its log
        print("held", file=file)
    while True:
        again()
        time.sleep(0.05)

def analyzing(self, stage, *counts):
    progress(self, stage, *counts)
    if stage == "analyzing":
        hold(lambda: progress(self, stage, *counts))

def committing(self, *results):
    hold(lambda: None)

if where == "analyzing":
    LeaseHolder.progress = analyzing
else:
    Folders.commit = committing
runpy.run_module("tumorscope.service.worker", run_name="__main__")
"""


def start_worker(
    settings: ServiceSettings, log: Path, name: str = "", hold: Literal["analyzing", "committing"] | None = None
) -> subprocess.Popen[bytes]:
    """Start a real worker, whose output is appended to the log.

    Args:
        settings: of the service.
        log: see :func:`held`.
        name: of the worker.
        hold: where it stays until it is ended: in the network's stage, or before the written results are committed.
            Without it a busy machine could let the analysis finish before a test ends the worker.
    """
    environment = os.environ | settings.environment() | {"OMP_NUM_THREADS": "1"}
    if name:
        environment["TUMORSCOPE_WORKER_NAME"] = name
    program = ["-m", "tumorscope.service.worker"] if hold is None else ["-c", _HOLDING, f"{log}.held", hold]
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, *program], stdout=file, stderr=file, env=environment)


def held(log: Path, count: int = 1) -> None:
    """Wait until so many workers with this log have been held."""
    marks = log.with_name(f"{log.name}.held")
    wait_until(lambda: marks.exists() and marks.read_text().count("held") >= count, "a worker that is held")


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
