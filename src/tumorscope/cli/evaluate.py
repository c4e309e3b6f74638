"""`tumorscope evaluate`: evaluate a bundle, through the same engine as in inference."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorscope.cli.analyze import EngineChoice, EngineOption, FlipsOption, PrecisionChoice, PrecisionOption
from tumorscope.cli.datafolders import DatasetArgument, LabelsOption, PathArgument, PatientsOption
from tumorscope.core.errors import TumorscopeError

if TYPE_CHECKING:
    import numpy as np


def command(
    dataset: DatasetArgument,
    path: PathArgument,
    bundle: Annotated[str, typer.Option(help="A shipped bundle's name, or a bundle's folder.")] = "lgg",
    split: Annotated[Path | None, typer.Option(help="A split's JSON file; the bundle's own if not given.")] = None,
    part: Annotated[str, typer.Option(help="The split's part to evaluate on, or `all` for every patient.")] = "test",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for metrics, tables and plots.")] = Path(
        "evaluation"
    ),
    channel: Annotated[
        str | None, typer.Option(help="Use only this sequence of a data set of several, such as flair.")
    ] = None,
    copies: Annotated[
        bool,
        typer.Option("--copies/--no-copies", help="Also evaluate without images and persons of the training set."),
    ] = True,
    save_masks: Annotated[
        Path | None, typer.Option(help="Also write every segmentation to this .npz file, one array per case.")
    ] = None,
    patients: PatientsOption = None,
    labels: LabelsOption = None,
    flips: FlipsOption = False,
    engine: EngineOption = EngineChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
) -> None:
    """Evaluate a bundle on patients of a data set: metrics with intervals, tables, plots."""
    from rich.progress import Progress

    from tumorscope.core.files import save_whole
    from tumorscope.evaluation import evaluate
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine
    from tumorscope.interface.evaluating import prepare, write

    loaded = load_engine(load_bundle(bundle), engine.value, precision.value)
    prepared = prepare(dataset, path, loaded, part=part, split=split, channel=channel, patients=patients, labels=labels)
    for note in prepared.notes:
        typer.echo(note, err=True)
    masks: dict[str, np.ndarray] = {}
    with Progress(transient=True) as progress:
        task = progress.add_task("cases", total=len(prepared.cases))
        keep = masks.__setitem__ if save_masks is not None else lambda case, mask: None
        evaluation = evaluate(
            prepared.dataset, prepared.cases, loaded, lambda _case: progress.advance(task), keep, flips=flips
        )
    if save_masks is not None:
        save_whole(save_masks, _archive(masks))
    print_metrics(write(prepared, evaluation, out, channel=channel, copies=copies, flips=flips))
    typer.echo(f"Tables and plots: {out / 'evaluation.md'}")
    if evaluation.failed:
        raise TumorscopeError(
            f"{len(evaluation.failed)} of {len(prepared.cases)} cases could not be evaluated; "
            f"see {out / 'evaluation.md'}"
        )


def _archive(masks: Mapping[str, np.ndarray]) -> bytes:
    import numpy as np

    content = io.BytesIO()
    np.savez_compressed(content, **masks)  # type: ignore[arg-type]
    return content.getvalue()


def print_metrics(metrics: dict[str, Any]) -> None:
    """Print the defined metrics of an evaluation as a table."""
    from rich.console import Console
    from rich.table import Table

    from tumorscope.evaluation.metric_list import metric_rows

    console = Console()
    count = f"{metrics['patients']} patients" if metrics["patients"] < metrics["cases"] else f"{metrics['cases']} cases"
    console.print(f"{count}, {metrics['slices']} slices, {metrics['runtime']} {metrics['precision']}")
    without = metrics.get("without_copies")
    columns = ["value", "95 % interval"]
    if without:
        columns += [f"without training data ({without['cases']} cases)", "95 % interval"]
    table = Table("metric", *columns, box=None, pad_edge=False, header_style="bold")
    rows_without = metric_rows(without) if without else {}
    for name, cells in metric_rows(metrics).items():
        table.add_row(name, *cells, *(rows_without.get(name, ("", "")) if without else ()))
    console.print(table)
