"""Cases analyzed one after the other, with progress bars and a row for each as soon as it is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tumorscope.cli.findings import FindingsTable, Row, aside
from tumorscope.cli.resuming import Journal
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import texts
from tumorscope.inference.engine import EngineName, PrecisionName
from tumorscope.inference.engine_pool import EnginePool
from tumorscope.io import find_cases_among
from tumorscope.io.case_names import told_apart
from tumorscope.reporting.case_table import CaseTable, require_pyarrow
from tumorscope.reporting.outputs import DOCUMENT_FILE
from tumorscope.reporting.wording import probability_text, type_words
from tumorscope.studies.bulk.job import analysis_settings, machine_kind
from tumorscope.studies.case import AnalysisOptions, Case, CaseProgress, Findings, Outcome, run_case

INTERRUPTED = 130
"""The exit code of a command that the user interrupted."""
RESUME_HINT = "The same command with --resume continues from there"


def cases_in(paths: Sequence[Path], stated: Mapping[str, str] | None = None) -> list[Case]:
    """The cases in files and folders, with a progress bar while DICOM headers are read.

    Args:
        paths: files and folders.
        stated: sequence by file name, where the user says so.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading headers", visible=False)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        found = find_cases_among(paths, show, stated)
        return [Case(case, within=within) for case, within in zip(found, told_apart(found), strict=True)]


def run_cases(
    cases: Sequence[Case],
    out: Path,
    bundle: str,
    *,
    engine: EngineName | str = "auto",
    precision: PrecisionName | str = "auto",
    options: AnalysisOptions | None = None,
    resume: bool = False,
    parquet: bool = False,
) -> Outcome | None:
    """Analyze and write every case; one that fails does not stop the others.

    Each is printed when it is done; scans and masks are not kept in memory.

    Args:
        cases: to analyze.
        out: parent of the cases' folders.
        bundle: a name, a folder, or ``auto``, which chooses for every case.
        engine, precision, options: how cases are analyzed.
        resume: skip the cases whose results in ``out`` are up to date.
        parquet: write the table of all cases as Parquet, too, at the end.

    Returns:
        The last case's result; None where no case was left to analyze.

    Raises:
        TumorscopeError: after the last case, if any failed.
    """
    if parquet:
        require_pyarrow()
    engine, precision = cast(EngineName, engine), cast(PrecisionName, precision)
    engines, options = EnginePool(bundle, engine, precision), options or AnalysisOptions()
    _make_folder(out)
    cases_table = CaseTable(out)
    journal = Journal(out, analysis_settings(engines.bundles, machine_kind(engine, precision), options))
    waiting, taken = _left(cases, journal) if resume else (cases, set())
    columns = _columns(engines)
    table = FindingsTable((case.named(case.label) for case in waiting), tuple(columns))
    last: Outcome | None = None
    with _Bars(len(waiting)) as bars:
        try:
            for case in waiting:
                stamp = journal.stamp(case)
                last = _run_case(case, engines, out, options, taken, bars)
                journal.add(stamp, last)
                add_row(cases_table, last)
                with bars.aside():
                    table.add(_row(last, columns))
        except KeyboardInterrupt:
            with bars.aside():
                table.close(f"{out}{os.sep}<case>{os.sep}", interrupted=True)
                print(RESUME_HINT)
            raise SystemExit(INTERRUPTED) from None
        finally:
            if parquet:
                cases_table.save_parquet()
    table.close(f"{out}{os.sep}<case>{os.sep}")
    if last is not None and last.failure and len(waiting) == 1:
        raise TumorscopeError(last.failure)
    if table.failures:
        raise TumorscopeError(f"{table.failures} of {len(waiting)} cases failed; the lines above say why")
    return last


def add_row(table: CaseTable, outcome: Outcome) -> None:
    """Add a case to ``cases.csv``: its findings, or why there are none."""
    if outcome.folder is not None:
        table.add(outcome.folder / DOCUMENT_FILE)
    elif outcome.failure is not None:
        table.add_failure(outcome.case, outcome.failure)


def _left(cases: Sequence[Case], journal: Journal) -> tuple[list[Case], set[str]]:
    """The cases to analyze, and the folders of the others, which must stay."""
    done = journal.done()
    stamps = [(case, journal.stamp(case)) for case in cases]
    waiting = [case for case, stamp in stamps if stamp not in done]
    if len(waiting) < len(cases):
        print(f"{len(cases) - len(waiting)} of {len(cases)} cases have their results already")
    return waiting, {done[stamp].lower() for _case, stamp in stamps if stamp in done}


class _Bars:
    """Progress over the cases and over the slices of the current one, on standard error."""

    def __init__(self, cases: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self._progress = Progress(
            *columns,
            console=console,
            transient=True,
            redirect_stdout=False,  # rows must reach standard output where it is a file
            disable=not console.is_terminal,
        )
        self._cases = self._progress.add_task("cases", total=cases, visible=cases > 1)

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def aside(self) -> AbstractContextManager[None]:
        """Pause the bars while something is printed."""
        return aside(self._progress)

    @contextmanager
    def case(self) -> Iterator[Callable[..., None]]:
        """A bar for one case; yields a function that takes the arguments of rich's ``update``."""
        # The file's name may contain the patient's; the case's own name is known once it is read.
        task = self._progress.add_task("reading", total=None)
        try:
            yield lambda **changes: self._progress.update(task, **changes)
        finally:
            self._progress.remove_task(task)
            self._progress.advance(self._cases)


def _run_case(
    case: Case, engines: EnginePool, out: Path, options: AnalysisOptions, taken: set[str], bars: _Bars
) -> Outcome:
    with bars.case() as show:

        def show_progress(progress: CaseProgress) -> None:
            if progress.total:
                name = (progress.name or progress.stage)[:32]
                show(completed=progress.done, total=progress.total, description=name)

        return run_case(case, engines, out, options, lambda name: _unused(name, taken), show_progress)


def _unused(name: str, taken: set[str]) -> str:
    """A name that no other case of this run has: files of one name must not share a folder."""
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


def _columns(engines: EnginePool) -> dict[str, Callable[[Outcome, Findings], str]]:
    """Optional columns by title."""
    columns: dict[str, Callable[[Outcome, Findings], str]] = {
        "Dice": lambda outcome, found: "-" if outcome.dice is None else f"{outcome.dice:.3f}"
    }
    if len(engines.bundles) > 1:
        columns["bundle"] = lambda outcome, found: found.bundle
    if any("type" in bundle.card.outputs for bundle in engines.bundles):
        columns["type"] = lambda outcome, found: type_words(found.tumor_type) if found.tumor_type else "-"
    return columns


def _row(outcome: Outcome, columns: Mapping[str, Callable[[Outcome, Findings], str]]) -> Row:
    """Presence, probability and size."""
    found = outcome.findings
    if found is None:
        return Row(outcome.case, "failed", failure=outcome.failure)
    return Row(
        case=outcome.case,
        state=_state(found),
        cells=(probability_text(found.tumor_probability, 3), str(found.lesions), found.size or "-"),
        more=tuple(cell(outcome, found) for cell in columns.values()),
        notes=(*([found.bundle_reason] if found.bundle_reason else []), *texts(found.warnings)),
    )


def _state(found: Findings) -> str:
    if found.rejection is not None:
        return "not assessed"
    return "present" if found.tumor_present else "none found"
