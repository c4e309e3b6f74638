"""Analysing one case after the other, with progress, and telling what came out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tumorscope.cases import Case, Outcome, Wishes, analyze_case
from tumorscope.engine import EngineName, PrecisionName
from tumorscope.engines import Engines
from tumorscope.errors import TumorscopeError
from tumorscope.notice import NOTICE
from tumorscope.reading import find_cases
from tumorscope.reporting.wording import probability_text, size_text, type_words


def cases_in(path: Path) -> list[Case]:
    """The cases in a file or a folder; a bar shows while the headers of DICOM files are read."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading headers", visible=False)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        return [Case(found) for found in find_cases(path, show)]


def run_cases(
    cases: Sequence[Case],
    out: Path,
    bundle: str,
    *,
    engine: EngineName | str = "auto",
    precision: PrecisionName | str = "auto",
    wishes: Wishes | None = None,
) -> list[Outcome]:
    """Analyse and write every case; one that fails does not stop the others.

    The bundle is a name, a folder, or ``auto``, which chooses for every case.

    Raises:
        TumorscopeError: after the table of findings, if any case failed.
    """
    engines = Engines(bundle, cast(EngineName, engine), cast(PrecisionName, precision))
    _make_folder(out)
    console = Console(stderr=True)
    outcomes: list[Outcome] = []
    taken: set[str] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        over_cases = progress.add_task("cases", total=len(cases), visible=len(cases) > 1)
        for case in cases:
            over_slices = progress.add_task(case.label[:32], total=None)
            try:
                outcomes.append(_run_case(case, engines, out, wishes or Wishes(), taken, progress, over_slices))
            except TumorscopeError as error:
                outcomes.append(Outcome(case.label, failure=str(error)))
            except MemoryError:
                outcomes.append(Outcome(case.label, failure=f"{case.label}: not enough memory"))
            progress.remove_task(over_slices)
            progress.advance(over_cases)
    print_findings(outcomes, out)
    failures = [outcome for outcome in outcomes if outcome.failure]
    if len(outcomes) == 1 and failures:
        raise TumorscopeError(failures[0].failure or "")
    if failures:
        raise TumorscopeError(f"{len(failures)} of {len(outcomes)} cases failed; the lines above say why")
    return outcomes


def _run_case(
    case: Case,
    engines: Engines,
    out: Path,
    wishes: Wishes,
    taken: set[str],
    progress: Progress,
    task: TaskID,
) -> Outcome:
    return analyze_case(
        case,
        engines,
        out,
        wishes,
        lambda name: _unused(name, taken),
        on_files=lambda done, total: progress.update(task, completed=done, total=total),
        on_read=lambda scan: progress.update(task, completed=0, total=scan.shape[0], description=scan.case[:32]),
        on_slices=lambda done: progress.advance(task, done),
    )


def _unused(name: str, taken: set[str]) -> str:
    """Two files of one name must not write into one folder."""
    unused, number = name, 2
    while unused.lower() in taken:
        unused, number = f"{name}-{number}", number + 1
    taken.add(unused.lower())
    return unused


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TumorscopeError(
            f"{out}: cannot be made ({(error.strerror or '').lower()}); name another folder with -o"
        ) from error


def print_findings(outcomes: Sequence[Outcome], out: Path) -> None:
    """One row a case: is there a tumour, how sure, how large; then failures, notes and the notice."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("case", overflow="fold")
    typed = any(outcome.analysis and "type" in outcome.analysis.bundle.card.outputs for outcome in outcomes)
    for name in ("tumour", "probability", *(["type"] if typed else []), "lesions", "size", "Dice"):
        table.add_column(name)
    for outcome in outcomes:
        analysis = outcome.analysis
        if analysis is None:
            table.add_row(escape(outcome.case), "[red]failed[/red]")
            continue
        table.add_row(
            escape(outcome.case),
            ("present" if analysis.tumor_present else "none found") if analysis.judged else "not judged",
            probability_text(analysis.tumor_probability, 3),
            *([type_words(analysis.tumor_type) if analysis.tumor_type else "-"] if typed else []),
            str(len(analysis.lesions)),
            size_text(analysis) if analysis.lesions else "-",
            "-" if outcome.dice is None else f"{outcome.dice:.3f}",
        )
    console = Console(highlight=False)
    console.print(table)
    for outcome in outcomes:
        if outcome.failure and len(outcomes) > 1:
            console.print(f"failed: {outcome.failure}", style="red", markup=False)
        if outcome.analysis and outcome.analysis.bundle_reason:
            console.print(f"{outcome.case}: {outcome.analysis.bundle_reason}", style="dim", markup=False)
        for warning in outcome.analysis.warnings if outcome.analysis and len(outcomes) == 1 else ():
            console.print(f"note: {warning}", style="dim", markup=False)
    if any(outcome.folder for outcome in outcomes):
        console.print(f"Results are in {out}{os.sep}<case>{os.sep}", markup=False)
    console.print(NOTICE, style="dim")
