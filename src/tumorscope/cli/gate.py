"""`tumorscope gate`: fit what turns away pictures that are not an MRI of a head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.cli.datafolders import DataOption, data_folders

if TYPE_CHECKING:
    from rich.table import Table

    from tumorscope.preparing.gate import Gate


def command(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write; two pictures go beside it.")] = Path(
        "gate.json"
    ),
    count: Annotated[int, typer.Option(min=8, help="Pictures drawn of each family that is not a brain MRI.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the drawn pictures and the first weights.")] = 0,
) -> None:
    """Fit the input gate, and measure how often it errs on what it was not fitted on.

    Data sets, each NAME=PATH: lgg, figshare, kaggle4, and volumes (a folder of NIfTI files and DICOM series).
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.files import save_together
    from tumorscope.training.gate import count_fits, fit_gate
    from tumorscope.training.gate_pictures import draw_scores, draw_wrong
    from tumorscope.training.gate_samples import READERS, count_sources, read_samples

    folders = data_folders(data, tuple(READERS))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        reading = progress.add_task("reading", total=count_sources(folders))

        def show(source: str) -> None:
            progress.update(reading, advance=1, description=f"reading {source}")

        samples = read_samples(folders, count, seed, show)
        fitting = progress.add_task("fitting", total=count_fits(samples))
        gate, judged = fit_gate(samples, seed, lambda: progress.advance(fitting))
    scores, wrong = out.with_name(f"{out.stem}-scores.png"), out.with_name(f"{out.stem}-wrong.png")
    save_together(
        out.parent,
        {
            scores.name: draw_scores(gate, judged),
            wrong.name: draw_wrong(gate, judged),
            out.name: gate.model_dump_json().encode() + b"\n",
        },
    )
    Console().print(_table(gate))
    typer.echo(f"Saved: {out}, {scores}, {wrong}")


def _table(gate: Gate) -> Table:
    from rich.table import Table

    table = Table(
        "pictures", "judged wrongly", "family unknown to the gate", box=None, pad_edge=False, header_style="bold"
    )
    for name, rate in gate.rejected_mri.items():
        table.add_row(f"{name}: rejected", str(rate), "")
    for name, rate in gate.rejected_scans.items():
        table.add_row(f"{name}: scans rejected", str(rate), "")
    for name, rate in gate.accepted_known.items():
        table.add_row(f"{name}: accepted", str(rate), str(gate.accepted[name]))
    return table
