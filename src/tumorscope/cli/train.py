"""`tumorscope train`: train a recipe on data sets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorscope.cli.datafolders import DataOption, LabelsOption, PatientsOption, data_folders, resolve_data

if TYPE_CHECKING:
    from tumorscope.recipes.experiment import Recipe


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
    from tumorscope.core.errors import BadDataset, TumorscopeError
    from tumorscope.datasets.registry import OWN_NAMES, recognize_layout, understood_layouts
    from tumorscope.datasets.split import Split
    from tumorscope.recipes.experiment import parse_recipe, read_recipe, with_changes
    from tumorscope.recipes.own_data import trained_on

    original, origin = read_recipe(recipe)
    content = with_changes(original, change or [])
    if content.get("kind") == "features":
        if devices * nodes > 1:
            raise TumorscopeError("--devices and --nodes belong to recipes of networks")
        if leave_out or patients or labels:
            raise TumorscopeError("--leave-out, --patients and --labels belong to recipes of networks")
        _train_features(content, origin, data, out, masks, fold)
        return
    if masks is not None:
        raise TumorscopeError("--masks belongs to recipes of features")
    chosen = parse_recipe(content, origin)
    folders = resolve_data(data, chosen.datasets)
    if set(folders) != set(chosen.datasets) and set(folders) & set(OWN_NAMES):
        content = with_changes(trained_on(original, tuple(folders)), change or [])
        chosen = parse_recipe(content, origin)
    if (patients or labels) and not set(folders) & set(OWN_NAMES):
        raise TumorscopeError("--patients and --labels are for your own data; published data sets state both")
    holdout = holdout_fraction(split)
    stated = {"labels": labels, "holdout": holdout}
    chosen = chosen.model_copy(update={key: value for key, value in stated.items() if value is not None})
    if epochs is not None:
        optimization = chosen.optimization.model_copy(update={"epochs": epochs})
        chosen = chosen.model_copy(update={"optimization": optimization})
    if weights is not None:
        chosen = _with_weights(chosen, weights)
    if split is not None and fold is not None:
        raise TumorscopeError("give --split or --fold, not both")
    if device not in {"auto", "cpu", "gpu"}:
        raise TumorscopeError(f"--device {device}: choose auto, cpu or gpu")
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.training.distributed import is_rank_zero
    from tumorscope.training.fit import train

    given_split = Split.load(Path(split)) if split and holdout is None else None
    try:
        run = train(
            chosen,
            folders,
            out,
            split=given_split,
            fold=fold,
            minutes=minutes,
            device=device,
            devices=devices,
            nodes=nodes,
            start_from=load_bundle(start_from) if start_from else None,
            leave_out_lists=leave_out or (),
            precision=precision,
            patients=patients,
        )
    except BadDataset as error:
        unrecognized = len(data) == 1 and data[0] == str(folders.get(chosen.datasets[0]))
        if unrecognized and Path(data[0]).exists() and recognize_layout(Path(data[0])) is None:
            raise BadDataset(f"{error}; {understood_layouts()}") from error
        raise
    except SystemExit as stop:  # raised by Lightning on Ctrl-C
        typer.echo(f"\nStopped; the same command resumes after the last complete epoch in {out}", err=True)
        raise KeyboardInterrupt from stop
    if not is_rank_zero():
        return
    typer.echo(f"{how_long(run.summary())} Best weights, curves and split are in {run.folder}. Next:")
    named = " ".join(f"--data {item}" for item in data)
    typer.echo(f"  tumorscope export {run.folder} {named} -o BUNDLE")


def holdout_fraction(split: str | None) -> float | None:
    """The fraction of the patients to test on that ``75/25`` states; None for a file.

    >>> holdout_fraction("75/25"), holdout_fraction("split.json")
    (0.25, None)

    Raises:
        TumorscopeError: a part is empty.
    """
    from tumorscope.core.errors import TumorscopeError

    match = re.fullmatch(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)", split or "")
    if match is None:
        return None
    train, test = float(match[1]), float(match[2])
    if not train or not test:
        raise TumorscopeError(f"--split {split}: give two positive percentages, such as 75/25")
    return test / (train + test)


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


def _with_weights(recipe: Recipe, location: str) -> Recipe:
    """The recipe with other initial weights; ``none`` trains all stages from scratch."""
    from tumorscope.core.errors import TumorscopeError

    if "weights" not in type(recipe.network).model_fields:
        raise TumorscopeError(f"--weights: recipe {recipe.name} trains a network without initial weights")
    scratch = location.lower() == "none"
    changes = {"weights": None, "frozen_stages": 0} if scratch else {"weights": location}
    network = recipe.network.model_copy(update={**changes, "sha256": None})
    return recipe.model_copy(update={"network": network})


def _train_features(
    content: dict[str, Any], origin: str, data: Sequence[str], out: Path, masks: Path | None, fold: int | None
) -> None:
    from tumorscope.recipes.radiomics import parse_features_recipe
    from tumorscope.training.feature_model import train_feature_model

    recipe = parse_features_recipe(content, origin)
    folders = data_folders(data, (recipe.dataset,))
    without_fold = None if fold is None else fold + 1  # the publisher counts from one
    run = train_feature_model(recipe, folders[recipe.dataset], out, masks, without_fold=without_fold)
    typer.echo(f"Trained. The best model is {run.best}; metrics and plots are in {run.folder / 'report.md'}")
