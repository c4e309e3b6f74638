"""`tumorscope input_check`: fit what turns away images that are not an MRI of a head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.datafolders import DataOption, data_folders

if TYPE_CHECKING:
    from rich.table import Table

    from tumorscope.preprocessing.input_check import InputCheck


def command(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write; two images go beside it.")] = Path(
        "input_check.json"
    ),
    count: Annotated[int, typer.Option(min=8, help="Images drawn of each family that is not a brain MRI.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the drawn images and the first weights.")] = 0,
) -> None:
    """Fit the input input_check, and measure how often it errs on what it was not fitted on.

    Data sets, each NAME=PATH: lgg, figshare, kaggle4, and volumes (a folder of NIfTI files and DICOM series).
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.core.files import save_together
    from tumorscope.training.input_check import count_fits, fit_input_check
    from tumorscope.training.input_check_images import draw_scores, draw_wrong
    from tumorscope.training.input_check_samples import READERS, count_sources, read_samples

    folders = data_folders(data, tuple(READERS))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        reading = progress.add_task("reading", total=count_sources(folders))

        def show(source: str) -> None:
            progress.update(reading, advance=1, description=f"reading {source}")

        samples = read_samples(folders, count, seed, show)
        fitting = progress.add_task("fitting", total=count_fits(samples))
        input_check, assessed = fit_input_check(samples, seed, lambda: progress.advance(fitting))
    scores, wrong = out.with_name(f"{out.stem}-scores.png"), out.with_name(f"{out.stem}-wrong.png")
    save_together(
        out.parent,
        {
            scores.name: draw_scores(input_check, assessed),
            wrong.name: draw_wrong(input_check, assessed),
            out.name: input_check.model_dump_json().encode() + b"\n",
        },
    )
    Console().print(_table(input_check))
    typer.echo(f"Saved: {out}, {scores}, {wrong}")


def _table(input_check: InputCheck) -> Table:
    from rich.table import Table

    table = Table(
        "images", "assessed wrongly", "family unknown to the input_check", box=None, pad_edge=False, header_style="bold"
    )
    for name, rate in input_check.rejected_mri.items():
        table.add_row(f"{name}: rejected", str(rate), "")
    for name, rate in input_check.rejected_scans.items():
        table.add_row(f"{name}: scans rejected", str(rate), "")
    for name, rate in input_check.accepted_known.items():
        table.add_row(f"{name}: accepted", str(rate), str(input_check.accepted[name]))
    return table
