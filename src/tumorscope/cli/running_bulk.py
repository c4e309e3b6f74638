"""Bulk analysis with Ray, with a progress bar and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.inference.engine import EngineName, PrecisionName
from tumorscope.studies.case import AnalysisOptions, Case

_MOST_FAILURES_SHOWN = 20


def run_in_bulk(
    cases: Sequence[Case],
    out: Path,
    bundle: str,
    *,
    engine: EngineName | str,
    precision: PrecisionName | str,
    options: AnalysisOptions,
    address: str,
    actors: int | None = None,
    parquet: bool = False,
) -> None:
    """Analyze the cases without a row and summarize the folder; ``cases.csv`` is written at the end.

    Raises:
        TumorscopeError: after the summary, if any case failed; or if Ray could not be started.
    """
    from tumorscope.reporting.case_table import CaseTable, require_pyarrow
    from tumorscope.studies.bulk.ray_run import run_bulk

    if parquet:
        require_pyarrow()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("cases", total=len(cases))
        summary = run_bulk(
            cases,
            out,
            bundle,
            engine=cast(EngineName, engine),
            precision=cast(PrecisionName, precision),
            options=options,
            address=address,
            actors=actors,
            on_done=lambda done: progress.advance(task, done),
        )
    table = CaseTable(out)
    for label, failure in summary.failures:
        table.add_failure(label, failure)
    if parquet:
        table.save_parquet()
    console = Console(highlight=False)

    def print_line(line: str, style: str | None = None) -> None:
        console.print(line, style=style, markup=False, soft_wrap=True)

    if summary.before:
        print_line(f"{summary.before} of {summary.cases} cases were completed before")
    unassessed = f", {summary.not_assessed} not assessed" if summary.not_assessed else ""
    print_line(
        f"{summary.analyzed} analyzed: {summary.present} with a tumor{unassessed}; one row per case in {summary.results}"
    )
    for label, failure in summary.failures[:_MOST_FAILURES_SHOWN]:
        print_line(f"failed: {label}: {failure.removeprefix(f'{label}: ')}", "red")
    if len(summary.failures) > _MOST_FAILURES_SHOWN:
        print_line(f"failed: {len(summary.failures) - _MOST_FAILURES_SHOWN} more", "red")
    print_line(NOTICE, "dim")
    if summary.failures:
        raise TumorscopeError(
            f"{len(summary.failures)} of {summary.cases} cases failed, listed in {summary.failed}; "
            "remove that folder to try them again"
        )
