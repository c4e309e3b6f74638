"""One Ray actor: it loads the bundles once and analyzes case after case."""

from __future__ import annotations

import pickle
import time
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.engine_pool import EnginePool
from tumorscope.io.checks import label
from tumorscope.studies.bulk.case_claims import MOST_ATTEMPTS, Attempts, NameRegistry, RemoteAttempts
from tumorscope.studies.bulk.job import Job, machine_kind
from tumorscope.studies.bulk.parquet_tables import result_row
from tumorscope.studies.case import Case, Outcome, run_case

NAMES_FOLDER = "names"


class CaseWorker:
    """Maps a row with a case to a row with its result or failure; bad cases raise nothing.

    Args:
        job: the settings.
        attempts: of all workers.

    Raises:
        TumorscopeError: this machine would run another model than the one where the job was started.
        BadBundle: the bundle is not on this machine.
    """

    def __init__(self, job: Job, attempts: Attempts | RemoteAttempts) -> None:
        here = machine_kind(job.engine, job.precision)
        if here != job.machine:
            raise TumorscopeError(
                f"this machine would run {here}, others {job.machine}, and results differ; give --engine and --precision"
            )
        self.job = job
        self.engines = EnginePool(job.bundle, job.engine, job.precision)
        self.names = NameRegistry(job.folder / NAMES_FOLDER)
        self.attempts = attempts

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Analyze a case.

        Args:
            row: from :func:`case_row`.

        Returns:
            ``result`` and ``failure``, pickled rows of the two tables; one of them is empty.
        """
        source = row["source"]
        claim = self.attempts.begin(source)
        if claim is None:  # its files are not opened again, not even for a better name
            crashed = f"its process crashed {MOST_ATTEMPTS} times"
            return _failed(source, Outcome(row["label"], failure=crashed))
        started, used = time.perf_counter(), time.process_time()
        try:
            outcome = run_case(
                pickle.loads(row["case"]),
                self.engines,
                self.job.out,
                self.job.options,
                lambda name: self.names.claim(name, source, row["occurrence_index"]),
            )
        finally:
            self.attempts.end(claim)
        if outcome.failure is not None:
            return _failed(source, outcome)
        spent = time.perf_counter() - started, time.process_time() - used
        return {"result": pickle.dumps(result_row(outcome, source, *spent)), "failure": b""}


def case_row(case: Case, source: str, occurrence_index: int) -> dict[str, Any]:
    """A case as a row for :class:`CaseWorker`.

    Args:
        case: with absolute paths.
        source: identifies it.
        occurrence_index: see :func:`tumorscope.studies.bulk.case_claims.occurrence_indices`.
    """
    return {
        "source": source,
        "label": label(case.label),
        "case": pickle.dumps(case),
        "occurrence_index": occurrence_index,
    }


def _failed(source: str, outcome: Outcome) -> dict[str, Any]:
    row = {"source": source, "label": outcome.case, "failure": outcome.failure}
    return {"result": b"", "failure": pickle.dumps(row)}
