"""The folder of a training, and the data sets that its recipe names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.labeled import LabeledDataset
from tumorscope.datasets.own_options import PATIENTS_FILE, OwnDataOptions, read_patients
from tumorscope.datasets.registry import open_dataset
from tumorscope.datasets.split import Split
from tumorscope.recipes.experiment import Recipe, parse_recipe, parse_yaml
from tumorscope.training.finite import finite
from tumorscope.training.module import TumorModule

RECIPE_FILE, SPLIT_FILE, SUMMARY_FILE = "recipe.yaml", "split.json", "summary.json"


@dataclass(frozen=True)
class Run:
    """A folder that a training writes and an export reads."""

    folder: Path

    @property
    def best(self) -> Path:
        """The checkpoint that validated best."""
        return self.folder / "best.ckpt"

    @property
    def last(self) -> Path:
        """The newest checkpoint, from which an interrupted training continues."""
        return self.folder / "last.ckpt"

    def recipe(self) -> Recipe:
        """The recipe that was trained."""
        try:
            content = parse_yaml((self.folder / RECIPE_FILE).read_text())
        except OSError as error:
            raise TumorscopeError(f"{self.folder}: not the folder of a training (no {RECIPE_FILE})") from error
        return parse_recipe(content, str(self.folder / RECIPE_FILE))

    def split(self) -> Split:
        """The training, validation and test patients."""
        return Split.load(self.folder / SPLIT_FILE)

    def summary(self) -> dict[str, Any]:
        """Duration and validation score; empty before a training has ended."""
        file = self.folder / SUMMARY_FILE
        return json.loads(file.read_text()) if file.exists() else {}

    @property
    def patients(self) -> Path | None:
        """The table of patients that the user stated; None without one."""
        file = self.folder / PATIENTS_FILE
        return file if file.exists() else None

    def network(self) -> torch.nn.Module:
        """The network with its best weights, in evaluation mode."""
        if not self.best.exists():
            raise TumorscopeError(f"{self.folder}: no best.ckpt yet; let the training validate once")
        module = TumorModule(self.recipe().from_scratch())  # initial weights would be overwritten
        checkpoint = torch.load(self.best, map_location="cpu", weights_only=True)
        module.load_state_dict(checkpoint["state_dict"])
        if not finite(module):
            raise TumorscopeError(f"{self.best}: its weights are not finite; train again")
        return module.network.eval()


def open_datasets(recipe: Recipe, data: Mapping[str, Path], patients: Path | None = None) -> LabeledDataset:
    """The data sets of a recipe, combined.

    Args:
        recipe: names them.
        data: the folder of each.
        patients: a table of the patients of the user's own cases, see
            :func:`tumorscope.datasets.own_options.read_patients`.

    Raises:
        TumorscopeError: a folder is missing, or belongs to a data set that the recipe does not name.
        BadDataset: a folder contains something else.
    """
    for name in recipe.datasets:
        if name not in data:
            raise TumorscopeError(f"recipe {recipe.name} trains on {', '.join(recipe.datasets)}; add {name}=PATH")
    for name in data:
        if name not in recipe.datasets:
            raise TumorscopeError(f"recipe {recipe.name} does not train on {name}, only {', '.join(recipe.datasets)}")
    listed = read_patients(patients) if patients else None
    options = OwnDataOptions(listed, patients.name if patients else "", recipe.labels)
    opened = {name: open_dataset(name, data[name], options) for name in recipe.datasets}
    if len(opened) == 1 and not recipe.channels_as_images:
        return opened[recipe.datasets[0]]
    return CombinedDataset.join(opened, recipe.channels_as_images)
