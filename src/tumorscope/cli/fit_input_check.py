"""`tumorscope fit-input-check`: fit what turns away images that are not an MRI of a head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.datafolders import DataOption

if TYPE_CHECKING:
    from rich.table import Table

    from tumorscope.preprocessing.input_check import InputCheck


def command(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write; two images go beside it.")] = Path(
        "input_check.json"
    ),
    split: Annotated[
        list[Path] | None,
        typer.Option(help="Fit only on what this split.json of several data sets trains on; may be given again."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=8, help="Images of each data set and plane; half as many are restyled.")
    ] = 3000,
    count: Annotated[int, typer.Option(min=8, help="Images drawn of each family that is not a brain MRI.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the drawn images and the initial weights.")] = 0,
    only_refusal: Annotated[
        bool, typer.Option(help="Keep the input check that ships; choose only below which score it refuses, by --data.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Folder for measures, which take most of the time; a later fit on the same images reads them."
        ),
    ] = None,
) -> None:
    """Fit the input check, and measure how often it errs on what it was not fitted on.

    Data sets, each NAME=PATH: lgg, figshare, kaggle4, br35h, brisc, brats, and volumes (a folder of NIfTI files and DICOM
    series).
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.core.files import save_together, save_whole
    from tumorscope.datasets.data_folders import data_folders
    from tumorscope.preprocessing.input_check import default_input_check
    from tumorscope.training.input_check import count_fits, fit_input_check, with_refusal
    from tumorscope.training.input_check_images import draw_scores, draw_wrong
    from tumorscope.training.input_check_samples import DATA, count_sources, read_heads, read_samples
    from tumorscope.training.input_check_sources import Parts

    folders = data_folders(data, DATA)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        reading = progress.add_task("reading", total=count_sources(folders))

        def show(source: str) -> None:
            progress.update(reading, advance=1, description=f"reading {source}")

        parts = Parts.load(split or [])
        if only_refusal:
            input_check = with_refusal(
                default_input_check(), read_heads(folders, show, parts=parts, limit=limit, keep=keep)
            )
            save_whole(out, _content(input_check))
            Console().print(_table(input_check))
            return
        samples = read_samples(folders, count, seed, show, parts=parts, limit=limit, keep=keep)
        fitting = progress.add_task("fitting", total=count_fits(samples))
        input_check, assessed = fit_input_check(samples, seed, lambda: progress.advance(fitting))
    scores, wrong = out.with_name(f"{out.stem}-scores.png"), out.with_name(f"{out.stem}-wrong.png")
    save_together(
        out.parent,
        {
            scores.name: draw_scores(input_check, assessed),
            wrong.name: draw_wrong(input_check, assessed),
            out.name: _content(input_check),
        },
    )
    Console().print(_table(input_check))
    typer.echo(f"Saved: {out}, {scores}, {wrong}")


def _content(input_check: InputCheck) -> bytes:
    return input_check.model_dump_json().encode() + b"\n"


def _table(input_check: InputCheck) -> Table:
    from rich.table import Table

    table = Table("images", "warned or refused", "refused", box=None, pad_edge=False, header_style="bold")
    for name in dict.fromkeys([*input_check.rejected_mri, *input_check.refused_mri]):
        table.add_row(name, str(input_check.rejected_mri.get(name, "")), str(input_check.refused_mri.get(name, "")))
    for name, rate in input_check.rejected_scans.items():
        table.add_row(f"{name}: scans", str(rate), "")
    table.add_section()
    table.add_row("other things", "passed", "passed as an unknown family")
    for name, rate in input_check.accepted_known.items():
        table.add_row(name, str(rate), str(input_check.accepted[name]))
    return table
