"""Analysing one case after the other, with progress, and telling what came out."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tumorscope.analysis import Analysis, analyze
from tumorscope.engine import EngineName, PrecisionName
from tumorscope.engines import Engines
from tumorscope.errors import TumorscopeError
from tumorscope.files import safe_name
from tumorscope.measuring.label_files import onto_scan, read_labels
from tumorscope.notice import NOTICE
from tumorscope.reading import find_cases, find_mask, open_scan, read_mask
from tumorscope.reading.dicom.studies import StudyFiles
from tumorscope.reading.formats import file_format
from tumorscope.reporting import compare, write_results
from tumorscope.reporting.bids import write_bids
from tumorscope.reporting.wording import probability_text, size_text, type_words
from tumorscope.reporting.write import Outputs
from tumorscope.scan import Scan


@dataclass(frozen=True)
class Case:
    """Something to analyse: a path, a study among others, or several files that are one scan's sequences."""

    path: Path | StudyFiles | None
    sequences: Mapping[str, Path] | None = None

    @property
    def label(self) -> str:
        """What to call it before it has been read."""
        return ", ".join(file.name for file in (self.sequences or {}).values()) if self.path is None else self.path.name


@dataclass(frozen=True)
class Wishes:
    """How every case is read, judged and written.

    Attributes:
        truth: the true mask, for a single case.
        channels: what the channels of a file show.
        register: lay a study's series onto each other by their pictures.
        explain: show the activation map.
        gate: judge only what looks like an MRI of a head.
        outputs: what is written besides the picture panel, mask, page and document.
        bids: a BIDS derivative data set that every case is added to.
    """

    truth: Path | None = None
    channels: Sequence[str] | None = None
    register: bool = False
    explain: bool = False
    gate: bool = True
    outputs: Outputs = field(default_factory=Outputs)
    bids: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a case: its results, or one line that says why there are none."""

    case: str
    analysis: Analysis | None = None
    folder: Path | None = None
    dice: float | None = None
    failure: str | None = None


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
    started = time.perf_counter()
    scan = open_scan(
        case.path,
        sequences=case.sequences,
        channels=wishes.channels,
        register=wishes.register,
        on_files=lambda done, total: progress.update(task, completed=done, total=total),
    )
    scan = dataclasses.replace(scan, case=_unused(safe_name(scan.case), taken))
    true_mask = _true_mask(scan, wishes.truth)
    reading_ms = round((time.perf_counter() - started) * 1000, 2)
    progress.update(task, completed=0, total=scan.shape[0], description=scan.case[:32])
    engine, reason = engines.for_scan(scan)
    analysis = analyze(
        scan,
        engine,
        lambda done: progress.advance(task, done),
        explain=wishes.explain,
        probabilities=wishes.outputs.fractional or wishes.bids is not None,
        gate=wishes.gate,
    )
    timing_ms = {"reading": reading_ms, **analysis.timing_ms}
    analysis = dataclasses.replace(analysis, timing_ms=timing_ms, bundle_reason=reason)
    written = write_results(analysis, out, true_mask, wishes.outputs)
    if wishes.bids is not None:
        write_bids(analysis, wishes.bids)
    outlined = "mask" in engine.bundle.card.outputs
    dice = compare(analysis.mask, true_mask).dice if outlined and true_mask is not None else None
    return Outcome(scan.case, analysis, written["analysis"].parent, dice)


def _true_mask(scan: Scan, truth: Path | None) -> np.ndarray | None:
    if truth is None:
        return find_mask(scan)
    if truth.is_file() and file_format(truth) == "dicom":
        return onto_scan(read_labels(truth), scan).whole
    return read_mask(truth, scan)


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
