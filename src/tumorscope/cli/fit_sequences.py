"""`tumorscope fit-sequences`: fit what recognizes a sequence from pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.datafolders import DataOption

if TYPE_CHECKING:
    from rich.table import Table

    from tumorscope.inference.sequence_recognition import SequenceModel


def command(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write the network and its card into.")],
    split: Annotated[
        list[Path] | None,
        typer.Option(help="A split.json of several data sets; may be given again. The shipped bundles' if not given."),
    ] = None,
    limit: Annotated[int, typer.Option(min=24, help="Training slices of each data set and sequence.")] = 250,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training, of 64 slices.")] = 900,
    seed: Annotated[int, typer.Option(help="Of draws, changes of style and initial weights.")] = 0,
    keep: Annotated[
        Path | None,
        typer.Option(help="Folder for framed slices, half of the time; a later fit on the same data reads them."),
    ] = None,
) -> None:
    """Fit the network that recognizes T1, T1c, T2 and FLAIR from pixels: on training patients, its limits on validation
    patients.

    Data sets, each NAME=PATH: lgg, brats, figshare, brisc, kaggle4, br35h.
    """
    from rich.console import Console
    from rich.progress import Progress

    from tumorscope.core.files import save_together
    from tumorscope.datasets.data_folders import data_folders
    from tumorscope.training.sequence_fit import fit_sequence_model
    from tumorscope.training.sequence_samples import DATA, Parts, read_parts, shipped_splits

    folders = data_folders(data, DATA)
    parts = Parts.load(split or shipped_splits())
    with Progress(console=Console(stderr=True), transient=True) as progress:
        reading = progress.add_task("reading", total=2 * len(folders))

        def show(source: str) -> None:
            progress.update(reading, advance=1, description=f"reading {source}")

        samples = read_parts(folders, parts, limit, seed, show, keep=keep)
        fitting = progress.add_task("fitting", total=steps)
        fitted = fit_sequence_model(*samples, steps, seed, lambda: progress.advance(fitting))
    save_together(out, fitted.files)
    Console().print(_table(fitted.model))
    typer.echo(f"Saved: {', '.join(str(out / name) for name in fitted.files)}")


def _table(model: SequenceModel) -> Table:
    from rich.table import Table

    columns = ("images", "right", "wrong", "unsure")
    table = Table("validation slices", *columns, box=None, pad_edge=False, header_style="bold")
    for name, found in model.card.metrics["validation"].items():
        table.add_row(name, *(str(found[key]) for key in columns))
    return table
