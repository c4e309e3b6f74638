"""`tumorscope evaluate`: how good a bundle is, measured through the engine that users run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tumorscope.cli.analyze import EngineChoice, EngineOption, PrecisionChoice, PrecisionOption
from tumorscope.errors import TumorscopeError


class EvaluatedSet(StrEnum):
    """The data sets with a reader."""

    lgg = "lgg"


def command(
    dataset: Annotated[EvaluatedSet, typer.Argument(help="Which data set.")],
    path: Annotated[Path, typer.Argument(help="Its folder.")],
    bundle: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "lgg",
    split: Annotated[Path | None, typer.Option(help="A split's JSON file; the bundle's own if not given.")] = None,
    part: Annotated[str, typer.Option(help="The split's part to judge on; `all` takes every patient.")] = "test",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for figures, tables and plots.")] = Path(
        "evaluation"
    ),
    engine: EngineOption = EngineChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
) -> None:
    """Judge a bundle on patients of a data set: figures with intervals, tables, plots."""
    from rich.progress import Progress

    from tumorscope.bundles import load_bundle
    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.datasets.split import Split
    from tumorscope.engine import load_engine
    from tumorscope.evaluation.evaluate import evaluate_lgg
    from tumorscope.evaluation.report import write_report

    loaded = load_engine(load_bundle(bundle), engine.value, precision.value)
    patients = LggDataset.open(path)
    chosen = Split.load(split or loaded.bundle.folder / "split.json") if part != "all" else None
    cases = [patient.case for patient in patients.patients] if chosen is None else list(chosen[part])
    with Progress(transient=True) as progress:
        task = progress.add_task("patients", total=len(cases))
        evaluation = evaluate_lgg(patients, cases, loaded, lambda _case: progress.advance(task))
    figures = write_report(
        evaluation,
        out,
        split_hash=None if chosen is None else chosen.hash,
        part=part,
        command=f"tumorscope evaluate {dataset.value} PATH --bundle {loaded.bundle.name} --part {part}",
    )
    _print(figures)
    typer.echo(f"Tables and plots: {out / 'evaluation.md'}")
    if evaluation.failed:
        raise TumorscopeError(
            f"{len(evaluation.failed)} of {len(cases)} patients could not be judged; see {out / 'evaluation.md'}"
        )


def _print(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value", "95 % interval", box=None, pad_edge=False, header_style="bold")
    rows = {
        "whole-patient Dice, mean": (figures.get("patient_dice"), "mean"),
        "whole-patient Dice, median": (figures.get("patient_dice"), "median"),
        "Dice on slices with tumour, mean": (figures.get("tumor_slice_dice"), "mean"),
        "false alarms on slices without": (figures.get("empty_slice_false_positive_rate"), "value"),
        "presence, AUROC": (figures["presence"].get("auroc"), "value"),
        "presence, accuracy": (figures["presence"].get("accuracy"), "value"),
    }
    for name, (figure, key) in rows.items():
        if figure and figure.get(key) is not None:
            interval = figure.get("ci95") if key != "median" else None
            table.add_row(name, f"{figure[key]:.4f}", f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "")
    console = Console()
    console.print(
        f"{figures['patients']} patients, {figures['slices']} slices, {figures['runtime']} {figures['precision']}"
    )
    console.print(table)
