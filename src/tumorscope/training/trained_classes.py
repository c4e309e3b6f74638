"""The classes and the compartments of a training, and whether there are slices of each class."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tumorscope.core.errors import BadRecipe, TumorscopeError
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.folders import FolderDataset, class_name
from tumorscope.datasets.labeled import LabeledDataset
from tumorscope.datasets.own_data import OwnDataset
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.distributed import print_rank_zero
from tumorscope.training.slices import UNKNOWN_CLASS, SliceCache


def with_classes(recipe: Recipe, dataset: LabeledDataset) -> Recipe:
    """The recipe with its classes under the data set's names; if it names none, with those of own data.

    Raises:
        BadRecipe: the data set lacks one of the classes, or two of them mean the same.
    """
    if not recipe.classes:
        own = isinstance(dataset, FolderDataset | OwnDataset) and recipe.network.classifies and len(dataset.classes) > 1
        return recipe.model_copy(update={"classes": dataset.classes}) if own else recipe
    names = tuple(class_name(name) for name in recipe.classes)
    if len(set(names)) < len(names):
        raise BadRecipe(f"recipe {recipe.name}: two of the classes {', '.join(recipe.classes)} mean the same")
    missing = [name for name, known in zip(recipe.classes, names, strict=True) if known not in dataset.classes]
    if missing:
        there = ",".join(dataset.classes)
        advice = f"; add --set classes=[{there}]" if there else ""
        raise BadRecipe(
            f"{dataset.root}: has no class {' and no class '.join(missing)}, which recipe {recipe.name} names{advice}"
        )
    others = [name for name in dataset.classes if name not in names]
    if others:
        print_rank_zero(f"not among the recipe's classes, so their class is not trained: {', '.join(others)}")
    return recipe.model_copy(update={"classes": names})


def with_compartments(recipe: Recipe, dataset: LabeledDataset) -> Recipe:
    """The recipe with the compartments that the owner of own data states; published data sets have one mask each."""
    parts = dataset.datasets.values() if isinstance(dataset, CombinedDataset) else (dataset,)
    stated = next((part.compartments for part in parts if isinstance(part, OwnDataset) and part.compartments), ())
    return recipe.model_copy(update={"compartments": stated})


def check_classes(recipe: Recipe, training: SliceCache) -> None:
    """Refuse a training without a slice of one of its classes.

    Raises:
        TumorscopeError: naming the classes.
    """
    known = training.classes[training.classes != UNKNOWN_CLASS]
    counts = torch.bincount(known, minlength=len(recipe.classes)).tolist()
    absent = [name for name, count in zip(recipe.classes, counts, strict=True) if not count]
    if absent:
        raise TumorscopeError(f"no training slice shows {' or '.join(absent)}: there are no examples to train it on")


def check_tumors(recipe: Recipe, training: SliceCache, outputs: Sequence[str]) -> None:
    """Refuse a training that would only ever see slices without tumor, or masks without any.

    Args:
        recipe: the experiment.
        training: its slices; those without a tumor have an empty mask, whether or not a file states it.
        outputs: what the network predicts.

    Raises:
        TumorscopeError: no slice shows a tumor, or the network learns masks and no tumor has one.
    """
    if not training.present.any():
        raise TumorscopeError("no training slice shows a tumor: there is nothing to learn from; look at the masks")
    if "mask" in outputs and not (training.present & training.has_mask).any():
        raise TumorscopeError(
            f"recipe {recipe.name} learns masks, but no training slice with a tumor has one; add masks, or choose a "
            "recipe that learns classes alone, such as kaggle4-cnn"
        )
