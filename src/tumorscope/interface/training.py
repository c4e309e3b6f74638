"""Training a recipe, and loading what a training left. Both need the extra ``train``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.core.extras import extras_named
from tumorscope.datasets.data_folders import DataFolders, as_arguments, data_folders, resolve_data
from tumorscope.datasets.registry import OWN_NAMES, recognize_layout, understood_layouts
from tumorscope.datasets.split import Split
from tumorscope.recipes.experiment import Recipe, parse_recipe, read_recipe, with_changes
from tumorscope.recipes.own_data_recipe import trained_on

if TYPE_CHECKING:
    from tumorscope.training.feature_model import FeatureRun
    from tumorscope.training.loading import LoadedRun
    from tumorscope.training.run import Run


def train(
    recipe: str | Path,
    data: DataFolders,
    folder: Path | str,
    *,
    changes: Sequence[str] = (),
    minutes: float | None = None,
    epochs: int | None = None,
    split: Path | str | None = None,
    fold: int | None = None,
    weights: str | None = None,
    start_from: str | Path | None = None,
    patients: Path | str | None = None,
    labels: str | None = None,
    masks: Path | str | None = None,
    device: str = "auto",
) -> LoadedRun | FeatureRun:
    """Train a recipe, as ``tumorscope train`` does; the same call resumes an interrupted training.

    Args:
        recipe: a shipped recipe's name, such as ``lgg-compact``, or a YAML file.
        data: the data set's folder; of several, one for each by name. Your own data replaces the recipe's data sets.
        folder: of the run.
        changes: of the recipe's keys, such as ``["preparation.size=96"]``.
        minutes: time limit; the learning rate reaches zero within it.
        epochs: instead of the recipe's.
        split: a split's file, or percentages of the patients to train and to test on, such as ``"75/25"``.
        fold: index of the test fold, of five.
        weights: a file of initial weights, or ``"none"``.
        start_from: the bundle with the initial weights.
        patients, labels: of your own data, see ``docs/training.md``.
        masks: predicted masks, for a recipe of features.
        device: ``auto``, ``cpu`` or ``gpu``.

    Returns:
        The run with its network, curves and split; of a recipe of features, the models compared.

    Raises:
        TumorscopeError: PyTorch is not installed, or the recipe, data or folder do not fit.
    """
    with extras_named():
        run = start_training(
            recipe,
            as_arguments(data),
            Path(folder),
            changes=changes,
            minutes=minutes,
            epochs=epochs,
            split=None if split is None else str(split),
            fold=fold,
            weights=weights,
            start_from=start_from,
            patients=None if patients is None else Path(patients),
            labels=labels,
            masks=None if masks is None else Path(masks),
            device=device,
        )
        from tumorscope.training.run import Run

        return load_run(run.folder) if isinstance(run, Run) else run


def load_run(folder: Path | str) -> LoadedRun:
    """Load a training's recipe, split, curves and network.

    Args:
        folder: that :func:`train` or ``tumorscope train -o`` wrote.

    Returns:
        All of it; the weights are those that validated best.

    Raises:
        TumorscopeError: PyTorch is not installed, not the folder of a training, or it has not validated yet.
    """
    with extras_named():
        from tumorscope.training.loading import load_run as load

        return load(folder)


def start_training(
    recipe: str | Path,
    data: Sequence[str],
    folder: Path,
    *,
    changes: Sequence[str] = (),
    minutes: float | None = None,
    epochs: int | None = None,
    split: str | None = None,
    fold: int | None = None,
    weights: str | None = None,
    start_from: str | Path | None = None,
    patients: Path | None = None,
    labels: str | None = None,
    masks: Path | None = None,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    leave_out: Sequence[Path] = (),
    precision: str = "auto",
) -> Run | FeatureRun:
    """As :func:`train`, with what only the command offers; the network is not loaded.

    Args:
        data: ``PATH``, or ``NAME=PATH`` of each data set.
        devices, nodes: processes on this machine, and machines, that share every batch.
        leave_out: files with lists of cases to exclude from training and validation.
        precision: ``bf16``, ``float32`` or ``auto``.

    Raises:
        TumorscopeError: the recipe, data or folder do not fit.
    """
    original, origin = read_recipe(str(recipe))
    content = with_changes(original, changes)
    if content.get("kind") == "features":
        if devices * nodes > 1:
            raise TumorscopeError("--devices and --nodes belong to recipes of networks")
        if leave_out or patients or labels:
            raise TumorscopeError("--leave-out, --patients and --labels belong to recipes of networks")
        return _train_features(content, origin, data, folder, masks, fold)
    if masks is not None:
        raise TumorscopeError("--masks belongs to recipes of features")
    chosen = parse_recipe(content, origin)
    folders = resolve_data(data, chosen.datasets)
    if set(folders) != set(chosen.datasets) and set(folders) & set(OWN_NAMES):
        content = with_changes(trained_on(original, tuple(folders)), changes)
        chosen = parse_recipe(content, origin)
    if (patients or labels) and not set(folders) & set(OWN_NAMES):
        raise TumorscopeError("--patients and --labels are for your own data; published data sets state both")
    holdout = holdout_fraction(split)
    chosen = _adapted(chosen, labels=labels, holdout=holdout, epochs=epochs, weights=weights)
    if split is not None and fold is not None:
        raise TumorscopeError("give --split or --fold, not both")
    if device not in {"auto", "cpu", "gpu"}:
        raise TumorscopeError(f"--device {device}: choose auto, cpu or gpu")
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.training.fit import train

    try:
        return train(
            chosen,
            folders,
            folder,
            split=Split.load(Path(split)) if split and holdout is None else None,
            fold=fold,
            minutes=minutes,
            device=device,
            devices=devices,
            nodes=nodes,
            start_from=load_bundle(start_from) if start_from else None,
            leave_out_lists=leave_out,
            precision=precision,
            patients=patients,
        )
    except BadDataset as error:
        unrecognized = len(data) == 1 and data[0] == str(folders.get(chosen.datasets[0]))
        if unrecognized and Path(data[0]).exists() and recognize_layout(Path(data[0])) is None:
            raise BadDataset(f"{error}; {understood_layouts()}") from error
        raise


def holdout_fraction(split: str | None) -> float | None:
    """The fraction of the patients to test on that ``75/25`` states; None for a file.

    >>> holdout_fraction("75/25"), holdout_fraction("split.json")
    (0.25, None)

    Raises:
        TumorscopeError: a part is empty.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)", split or "")
    if match is None:
        return None
    train, test = float(match[1]), float(match[2])
    if not train or not test:
        raise TumorscopeError(f"--split {split}: give two positive percentages, such as 75/25")
    return test / (train + test)


def _adapted(
    recipe: Recipe, *, labels: str | None, holdout: float | None, epochs: int | None, weights: str | None
) -> Recipe:
    """The recipe with what the user states beside it."""
    stated = {"labels": labels, "holdout": holdout}
    recipe = recipe.model_copy(update={key: value for key, value in stated.items() if value is not None})
    if epochs is not None:
        optimization = recipe.optimization.model_copy(update={"epochs": epochs})
        recipe = recipe.model_copy(update={"optimization": optimization})
    return recipe if weights is None else _with_weights(recipe, weights)


def _with_weights(recipe: Recipe, location: str) -> Recipe:
    """The recipe with other initial weights; ``none`` trains all stages from scratch."""
    if "weights" not in type(recipe.network).model_fields:
        raise TumorscopeError(f"--weights: recipe {recipe.name} trains a network without initial weights")
    scratch = location.lower() == "none"
    changes = {"weights": None, "frozen_stages": 0} if scratch else {"weights": location}
    network = recipe.network.model_copy(update={**changes, "sha256": None})
    return recipe.model_copy(update={"network": network})


def _train_features(
    content: dict[str, Any], origin: str, data: Sequence[str], out: Path, masks: Path | None, fold: int | None
) -> FeatureRun:
    from tumorscope.recipes.radiomics import parse_features_recipe
    from tumorscope.training.feature_model import train_feature_model

    recipe = parse_features_recipe(content, origin)
    folders = data_folders(data, (recipe.dataset,))
    without_fold = None if fold is None else fold + 1  # the publisher counts from one
    return train_feature_model(recipe, folders[recipe.dataset], out, masks, without_fold=without_fold)
