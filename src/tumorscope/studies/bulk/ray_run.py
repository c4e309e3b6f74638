"""A bulk analysis: cases as rows of a Ray data set, distributed to actors, with results as Parquet."""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.bundle import CARD_FILE
from tumorscope.inference.engine import EngineName, PrecisionName
from tumorscope.inference.engine_pool import EnginePool
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.studies.bulk.case_claims import RemoteAttempts, occurrence_indices
from tumorscope.studies.bulk.job import Job, keep_settings, machine_kind
from tumorscope.studies.bulk.parquet_tables import FAILURES, RESULTS, Table
from tumorscope.studies.bulk.ray_actor import CaseWorker, case_row
from tumorscope.studies.case import AnalysisOptions, Case

_ROWS_A_FILE, _SECONDS_A_FILE = 1000, 30.0
"""A file of rows is written when one of these is reached; after a crash, rows not yet written are recomputed."""
_MOST_CASES_A_BLOCK = 16
_OBJECT_STORE_BYTES = 128 * 2**20
"""Rows are small; by default Ray would take a third of the memory for them."""


@dataclass(frozen=True)
class Summary:
    """The state of a folder's bulk analysis.

    Attributes:
        cases: the number of cases.
        before: how many of them were completed before.
        analyzed: how many have results, earlier runs included.
        present: how many of those show a tumor.
        not_assessed: how many of those the input check rejected.
        failures: label and reason of each case without results.
        results, failed: the folders of Parquet files.
    """

    cases: int
    before: int
    analyzed: int
    present: int
    not_assessed: int
    failures: tuple[tuple[str, str], ...]
    results: Path
    failed: Path


def run_bulk(
    cases: Sequence[Case],
    out: Path,
    bundle: str = "auto",
    *,
    engine: EngineName = "auto",
    precision: PrecisionName = "auto",
    options: AnalysisOptions | None = None,
    address: str = "local",
    actors: int | None = None,
    on_done: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Analyze cases on all cores of a machine or a cluster.

    Every case gets the same folder of results as without Ray, to the bit. Beside them,
    ``_bulk/results`` and ``_bulk/failures`` get one row per case. Cases that have a row are
    skipped, so that the same call continues after an interruption.

    Args:
        cases: to analyze; their paths must be valid on all machines.
        out: parent of the cases' folders; the same folder on all machines.
        bundle: a name, a folder, or ``auto``.
        engine, precision: how to run it.
        options: how cases are read, analyzed and written.
        address: of a Ray cluster as Ray takes it; ``local`` starts one on this machine, ``auto``
            finds the one that this machine belongs to.
        actors: the number of cases analyzed at a time; None for one per core.
        on_done: called with the number of cases just done, first with those skipped.

    Raises:
        TumorscopeError: the folder holds another bulk analysis, or there is no cluster.
        BadBundle: there is no such bundle, or it is damaged.
    """
    options = options or AnalysisOptions()
    if options.bids is not None:
        raise TumorscopeError("--bids adds to files that all cases share; run it without --ray")
    job = Job(out.absolute(), _absolute_bundle(bundle), engine, precision, options, machine_kind(engine, precision))
    EnginePool(job.bundle, engine, precision)  # its errors come before Ray is started
    keep_settings(job)
    results, failures = Table(job.folder / "results", RESULTS), Table(job.folder / "failures", FAILURES)
    known = {source for table in (results, failures) for source in table.read(["source"])["source"].to_pylist()}
    located = [_absolute(case) for case in cases]
    sources = [_source(case) for case in located]
    rows = [
        case_row(case, source, index)
        for case, source, index in zip(located, sources, occurrence_indices(located), strict=True)
        if source not in known
    ]
    on_done(len(cases) - len(rows))
    if rows:
        with _cluster(address, actors) as cores, _RowWriter(results, failures) as writer:
            for done in _analyzed(rows, job, actors or cores):
                writer.add(done)
                on_done(len(done))
    analyzed = results.read(["source", "input_rejected", "tumor_present"], of=sources)
    failed = failures.read(of=sources).to_pylist()
    return Summary(
        cases=len(cases),
        before=len(cases) - len(rows),
        analyzed=len(analyzed),
        present=analyzed["tumor_present"].to_pylist().count(True),
        not_assessed=len(analyzed) - analyzed["input_rejected"].null_count,
        failures=tuple((row["label"], row["failure"]) for row in failed),
        results=results.folder,
        failed=failures.folder,
    )


def _analyzed(rows: Sequence[dict[str, Any]], job: Job, actors: int) -> Iterator[list[Mapping[str, bytes]]]:
    """The results of the cases, some at a time, in the order of completion."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    a_block = max(1, min(_MOST_CASES_A_BLOCK, len(rows) // (8 * actors)))
    dataset = ray.data.from_items(list(rows), override_num_blocks=-(-len(rows) // a_block))
    done = dataset.map(
        CaseWorker,  # type: ignore[arg-type]
        fn_constructor_args=(job, RemoteAttempts()),
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(rows))),
        num_cpus=1,
    )
    for block in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        yield block.to_pylist()  # type: ignore[union-attr]


class _RowWriter:
    """Collects rows and writes them at intervals and at the end, also after an error."""

    def __init__(self, results: Table, failures: Table) -> None:
        self.tables = {"result": results, "failure": failures}
        self.waiting: dict[str, list[dict[str, Any]]] = {name: [] for name in self.tables}
        self.since = time.monotonic()

    def add(self, done: Sequence[Mapping[str, bytes]]) -> None:
        for name, rows in self.waiting.items():
            rows += [pickle.loads(row[name]) for row in done if row[name]]
        if sum(map(len, self.waiting.values())) >= _ROWS_A_FILE or time.monotonic() - self.since >= _SECONDS_A_FILE:
            self.write()

    def write(self) -> None:
        for name, table in self.tables.items():
            table.add(self.waiting[name])
            self.waiting[name] = []
        self.since = time.monotonic()

    def __enter__(self) -> _RowWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.write()


@contextmanager
def _cluster(address: str, actors: int | None) -> Iterator[int]:
    """A quiet Ray cluster; yields its number of cores."""
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    own = address == "local"
    try:
        ray.init(
            address,
            num_cpus=actors if own else None,
            object_store_memory=_OBJECT_STORE_BYTES if own else None,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TumorscopeError(f"--ray {address}: no Ray cluster can be reached ({reason})") from error
    try:
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _absolute(case: Case) -> Case:
    """The case with absolute paths."""
    path = case.path
    if isinstance(path, StudyFiles):
        path = replace(path, path=path.path.absolute(), files=tuple(file.absolute() for file in path.files))
    elif path is not None:
        path = path.absolute()
    sequences = case.sequences and {name: file.absolute() for name, file in case.sequences.items()}
    return replace(case, path=path, sequences=sequences)


def _source(case: Case) -> str:
    """What identifies a case in a later run."""
    return ", ".join(map(str, (case.sequences or {}).values())) if case.path is None else str(case.path)


def _absolute_bundle(bundle: str) -> str:
    return str(Path(bundle).absolute()) if (Path(bundle) / CARD_FILE).is_file() else bundle
