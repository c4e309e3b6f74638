"""Analyzing many cases with Ray, with progress, and telling what came of them in a few lines."""

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
) -> None:
    """Analyze the cases that have no row yet, and sum up the folder.

    Raises:
        TumorscopeError: after the summary, if any case failed; or nothing could be started.
    """
    from tumorscope.studies.bulk.run import run_bulk

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
    console = Console(highlight=False)

    def say(line: str, style: str | None = None) -> None:
        console.print(line, style=style, markup=False, soft_wrap=True)

    if summary.before:
        say(f"{summary.before} of {summary.cases} cases had their row already")
    unassessed = f", {summary.not_assessed} not assessed" if summary.not_assessed else ""
    say(f"{summary.analyzed} analyzed: {summary.present} with a tumor{unassessed}; a row each in {summary.results}")
    for label, failure in summary.failures[:_MOST_FAILURES_SHOWN]:
        say(f"failed: {label}: {failure.removeprefix(f'{label}: ')}", "red")
    if len(summary.failures) > _MOST_FAILURES_SHOWN:
        say(f"failed: {len(summary.failures) - _MOST_FAILURES_SHOWN} more", "red")
    say(NOTICE, "dim")
    if summary.failures:
        raise TumorscopeError(
            f"{len(summary.failures)} of {summary.cases} cases failed, listed in {summary.failed}; "
            "remove that folder to try them again"
        )
