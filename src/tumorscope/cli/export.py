"""`tumorscope export`: from a run folder to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.datafolders import DataOption


def command(
    run: Annotated[Path, typer.Argument(help="A training's folder.")],
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The bundle's folder.")],
    name: Annotated[str | None, typer.Option(help="The bundle's name; its folder's if not given.")] = None,
    float_only: Annotated[bool, typer.Option("--float-only", help="Omit the int8 model.")] = False,
    features: Annotated[
        Path | None, typer.Option(help="A run of a recipe on features, for a second opinion on the type.")
    ] = None,
    average_with: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE", help="Take the mean of the run's weights and those of the bundle that it started from."
        ),
    ] = None,
) -> None:
    """Make a bundle: ONNX, eight bits, operating point, and metrics in its card."""
    from tumorscope.datasets.data_folders import resolve_data
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.training.export import export
    from tumorscope.training.run import Run

    trained = Run(run)
    folders = resolve_data(data, trained.recipe().datasets)
    report = export(
        trained,
        folders,
        out,
        name=name,
        eight_bit=not float_only,
        features=features,
        average_with=None if average_with is None else load_bundle(average_with),
        log=lambda line: typer.echo(line, err=True),
    )
    typer.echo("\n".join(report.lines()))
