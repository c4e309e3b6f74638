"""Which classes a training tells apart, and whether there is something to learn them from."""

from __future__ import annotations

import torch

from tumorscope.core.errors import BadRecipe, TumorscopeError
from tumorscope.datasets.folders import FolderDataset, class_name
from tumorscope.datasets.labeled import LabeledDataset
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.processes import say
from tumorscope.training.slices import UNKNOWN_CLASS, SliceCache


def with_classes(recipe: Recipe, dataset: LabeledDataset) -> Recipe:
    """The recipe with its classes as the data set calls them; those of the folders where it names none.

    Raises:
        BadRecipe: the data set does not have one of its classes, or has one under two of their names.
    """
    if not recipe.classes:
        own = isinstance(dataset, FolderDataset) and recipe.network.classifies
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
        say(f"not named by the recipe, so nothing is learned of their class: {', '.join(others)}")
    return recipe.model_copy(update={"classes": names})


def check_classes(recipe: Recipe, training: SliceCache) -> None:
    """Refuse a training that would never see one of its classes.

    Raises:
        TumorscopeError: naming the classes.
    """
    known = training.classes[training.classes != UNKNOWN_CLASS]
    counts = torch.bincount(known, minlength=len(recipe.classes)).tolist()
    absent = [name for name, count in zip(recipe.classes, counts, strict=True) if not count]
    if absent:
        raise TumorscopeError(f"no training slice shows {' or '.join(absent)}: there is nothing to learn it from")
