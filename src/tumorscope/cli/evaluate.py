"""`tumorscope evaluate`: how good a bundle is, measured through the engine that users run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.analyze import EngineChoice, EngineOption, PrecisionChoice, PrecisionOption


class EvaluatedSet(StrEnum):
    """The data sets with a reader."""

    lgg = "lgg"


def command(
    dataset: Annotated[EvaluatedSet, typer.Argument(help="Which data set.")],
    path: Annotated[Path, typer.Argument(help="Its folder.")],
    bundle: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "lgg",
    split: Annotated[Path | None, typer.Option(help="A split's JSON file; the bundle's own if not given.")] = None,
    part: Annotated[str, typer.Option(help="The split's part to judge on; `all` takes every patient.")] = "test",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for figures, tables and plots.")] = Path("evaluation"),
    engine: EngineOption = EngineChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
) -> None:
    """Judge a bundle on patients of a data set: figures with intervals, tables, plots."""
    from rich.progress import Progress

    from tumorscope.bundles import load_bundle
    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.datasets.split import Split
    from tumorscope.engine import load_engine
    from tumorscope.evaluation.evaluate import evaluate_lgg, summarize
    from tumorscope.evaluation.report import write_evaluation

    loaded = load_engine(load_bundle(bundle), engine.value, precision.value)
    patients = LggDataset.open(path)
    chosen = Split.load(split or loaded.bundle.folder / "split.json") if part != "all" else None
    cases = [patient.case for patient in patients.patients] if chosen is None else list(chosen[part])
    with Progress(transient=True) as progress:
        task = progress.add_task("patients", total=len(cases))
        evaluation = evaluate_lgg(patients, cases, loaded, lambda _case: progress.advance(task))
    write_evaluation(evaluation, summarize(evaluation), out)
