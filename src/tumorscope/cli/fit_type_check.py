"""`tumorscope fit-type-check`: give a bundle what tells tumors of types that it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.datafolders import DataOption


def command(
    bundle: Annotated[str, typer.Argument(help="A shipped bundle's name, or a bundle's folder.")],
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the bundle with the check.")],
    split: Annotated[Path | None, typer.Option(help="A split's JSON file; the bundle's own if not given.")] = None,
    limit: Annotated[int, typer.Option(min=12, help="Training images of each data set and type.")] = 110,
    seed: Annotated[int, typer.Option(help="Of the drawn images.")] = 0,
    keep: Annotated[
        Path | None,
        typer.Option(help="Folder for measures, nearly all of the time; a later fit to this bundle reads them."),
    ] = None,
) -> None:
    """Write a copy of a bundle that names no type where a tumor is unlike those its types were learned from.

    Fitted on training patients, the limits chosen on validation patients of the split: about 5 % of rightly typed tumors
    lose their name. Needed again after every training. Data sets with types, each NAME=PATH: figshare, brisc, kaggle4.
    """
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from tumorscope.datasets.data_folders import data_folders
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.training.type_check_fit import TYPED_DATA, fit_bundle

    folders = data_folders(data, TYPED_DATA)
    source = load_bundle(bundle)
    with Progress(transient=True) as progress:
        task = progress.add_task("images", total=None)
        check = fit_bundle(
            source, folders, out, split=split, each=limit, seed=seed, on_image=lambda: progress.advance(task), keep=keep
        )
    table = Table("validation images", "found", "named before", "named", "rightly", box=None, pad_edge=False)
    for name, found in check.metrics["validation"].items():
        table.add_row(name, *(str(found[key]) for key in ("found", "named_before", "named", "named_rightly")))
    Console().print(table)
    typer.echo(f"Saved: bundle {source.name} with its check in {out}")
