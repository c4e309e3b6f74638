"""`tumorscope train`: from a recipe and a data set to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, such as lgg-compact, or a YAML file.")],
    data: Annotated[Path, typer.Option(help="The data set's folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder; an interrupted training there goes on.")],
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Stop after so many minutes, the learning rate at zero.")
    ] = None,
    fold: Annotated[int | None, typer.Option(min=0, max=4, help="Test on this one of five folds.")] = None,
    split: Annotated[Path | None, typer.Option(help="A split's JSON file instead of a new split.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's number.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
) -> None:
    """Train a recipe. Interrupt it when you like: the same command goes on."""
    from tumorscope.datasets.split import Split
    from tumorscope.errors import TumorscopeError
    from tumorscope.recipe import load_recipe

    chosen = load_recipe(recipe)
    if epochs is not None:
        optimization = chosen.optimization.model_copy(update={"epochs": epochs})
        chosen = chosen.model_copy(update={"optimization": optimization})
    if split is not None and fold is not None:
        raise TumorscopeError("give --split or --fold, not both")
    if device not in {"auto", "cpu", "gpu"}:
        raise TumorscopeError(f"--device {device}: choose auto, cpu or gpu")
    from tumorscope.training.fit import train

    dealt = Split.load(split) if split else None
    try:
        run = train(chosen, data, out, split=dealt, fold=fold, minutes=minutes, device=device)
    except SystemExit as stop:  # what Lightning makes of Ctrl-C
        typer.echo(f"\nStopped; the same command goes on from the last whole epoch in {out}", err=True)
        raise KeyboardInterrupt from stop
    typer.echo(f"Trained. Best weights, curves and split are in {run.folder}. Next:")
    typer.echo(f"  tumorscope export {run.folder} --data {data} -o BUNDLE")
