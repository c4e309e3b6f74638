"""`tumorscope train`: train a recipe on data sets."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from tumorscope.cli.datafolders import DataOption, LabelsOption, PatientsOption


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, such as lgg-compact, or a YAML file.")],
    data: DataOption,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The run's folder; an interrupted training there is resumed.")
    ],
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Time limit; the learning rate reaches zero within it.")
    ] = None,
    fold: Annotated[int | None, typer.Option(min=0, max=4, help="Index of the test fold, of five.")] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|75/25",
            help="A split's JSON file, or the percentages of the patients to train and to test on.",
        ),
    ] = None,
    patients: PatientsOption = None,
    labels: LabelsOption = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Number of epochs, instead of the recipe's.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a key of the recipe, such as preparation.clahe=true; repeatable."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    devices: Annotated[
        int, typer.Option(min=1, help="Number of processes (or GPUs) on this machine that share every batch.")
    ] = 1,
    nodes: Annotated[
        int,
        typer.Option(
            min=1, help="Number of machines that share every batch; each runs this command, see docs/scale.md."
        ),
    ] = 1,
    precision: Annotated[str, typer.Option(help="bf16, float32, or auto for the faster one on this machine.")] = "auto",
    weights: Annotated[str | None, typer.Option(help="Initial weights file, or none to train from scratch.")] = None,
    start_from: Annotated[
        str | None,
        typer.Option(metavar="BUNDLE", help="Bundle with the initial weights: a shipped one's name or a folder."),
    ] = None,
    leave_out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="JSON file with lists of cases by data set to exclude from training and validation; repeatable.",
        ),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="Predicted masks for a recipe of features: a folder or .npz file with one mask per case."),
    ] = None,
) -> None:
    """Train a recipe. The same command resumes an interrupted training."""
    from tumorscope.interface.training import start_training

    try:
        run = start_training(
            recipe,
            data,
            out,
            changes=change or (),
            minutes=minutes,
            epochs=epochs,
            split=split,
            fold=fold,
            weights=weights,
            start_from=start_from,
            patients=patients,
            labels=labels,
            masks=masks,
            device=device,
            devices=devices,
            nodes=nodes,
            leave_out=leave_out or (),
            precision=precision,
        )
    except SystemExit as stop:  # raised by Lightning on Ctrl-C
        typer.echo(f"\nStopped; the same command resumes after the last complete epoch in {out}", err=True)
        raise KeyboardInterrupt from stop
    from tumorscope.training.feature_model import FeatureRun

    if isinstance(run, FeatureRun):
        typer.echo(f"Trained. The best model is {run.best}; metrics and plots are in {run.folder / 'report.md'}")
        return
    from tumorscope.training.distributed import is_rank_zero

    if not is_rank_zero():
        return
    typer.echo(f"{how_long(run.summary())} Best weights, curves and split are in {run.folder}. Next:")
    given = [part for item in data for part in ("--data", item)]
    typer.echo(f"  {shlex.join(['tumorscope', 'export', str(run.folder), *given, '-o', 'BUNDLE'])}")


def how_long(summary: dict[str, Any]) -> str:
    """The length of a training, in words.

    >>> how_long({"epochs": 92, "steps": 3680, "steps_an_epoch": 40})
    'Trained for 92 epochs, 3,680 steps.'
    >>> how_long({"epochs": 1, "steps": 1, "steps_an_epoch": 40})
    'Trained for 1 step only, of 40 in an epoch: these weights are hardly trained.'
    """
    epochs, steps, whole = summary["epochs"], summary["steps"], summary["steps_an_epoch"]
    counted = f"{steps:,} step{'s' if steps > 1 else ''}"
    if steps < whole:
        return f"Trained for {counted} only, of {whole:,} in an epoch: these weights are hardly trained."
    return f"Trained for {epochs:,} epoch{'s' if epochs > 1 else ''}, {counted}."
