"""What one actor does: it loads the bundles once and analyses one case after the other."""

from __future__ import annotations

import pickle
import time
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.engine_pool import Engines
from tumorscope.io.checks import label
from tumorscope.studies.bulk.claims import MOST_ATTEMPTS, Attempts, Names
from tumorscope.studies.bulk.job import Job, machine_kind
from tumorscope.studies.bulk.tables import result_row
from tumorscope.studies.case import Case, Outcome, run_case

NAMES_FOLDER, ATTEMPTS_FOLDER = "names", "begun"


class CaseWorker:
    """From a row that holds a case to a row that says what came of it; never raises for a bad case.

    Args:
        job: how cases are analyzed.

    Raises:
        TumorscopeError: this machine would run another model than the one where the job was started.
        BadBundle: the bundle is not on this machine.
    """

    def __init__(self, job: Job) -> None:
        here = machine_kind(job.engine, job.precision)
        if here != job.machine:
            raise TumorscopeError(
                f"this machine would run {here}, others {job.machine}, and results differ; say --engine and --precision"
            )
        self.job = job
        self.engines = Engines(job.bundle, job.engine, job.precision)
        self.names = Names(job.folder / NAMES_FOLDER)
        self.attempts = Attempts(job.folder / ATTEMPTS_FOLDER)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Analyze a case.

        Args:
            row: from :func:`case_row`.

        Returns:
            ``result`` and ``failure``, pickled rows of the two tables; one of them is empty.
        """
        source = row["source"]
        if not self.attempts.begin(source):  # its files are not touched again, not even for a better name
            crashed = f"its process ended {MOST_ATTEMPTS} times without a word, as in a crash"
            return _failed(source, Outcome(row["label"], failure=crashed))
        started, used = time.perf_counter(), time.process_time()
        try:
            outcome = run_case(
                pickle.loads(row["case"]),
                self.engines,
                self.job.out,
                self.job.options,
                lambda name: self.names.claim(name, source, row["turn"]),
            )
        finally:
            self.attempts.end(source)
        if outcome.failure is not None:
            return _failed(source, outcome)
        spent = time.perf_counter() - started, time.process_time() - used
        return {"result": pickle.dumps(result_row(outcome, source, *spent)), "failure": b""}


def case_row(case: Case, source: str, turn: int) -> dict[str, Any]:
    """A case as a row for :class:`CaseWorker`.

    Args:
        case: with absolute paths.
        source: what it is recognized by.
        turn: the how-manieth of its name it is, see :func:`tumorscope.studies.bulk.claims.turns`.
    """
    return {"source": source, "label": label(case.label), "case": pickle.dumps(case), "turn": turn}


def _failed(source: str, outcome: Outcome) -> dict[str, Any]:
    row = {"source": source, "label": outcome.case, "failure": outcome.failure}
    return {"result": b"", "failure": pickle.dumps(row)}
