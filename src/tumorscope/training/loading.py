"""A finished training as a value, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from tumorscope.datasets.split import Split
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.curves import read_curves
from tumorscope.training.layers import LAYERS_FILE
from tumorscope.training.run import Run


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """What a training left in its folder.

    Attributes:
        folder: of the run.
        recipe: the experiment, as it was trained.
        split: the patients of each part, and how they are known.
        curves: losses, validation metrics and learning rate by name, one value per epoch; NaN in epochs without one.
        layers: the table of the network's layers, as text.
        summary: epochs, steps, minutes, best validation score; empty before the training has ended.
        network: with its best weights, in evaluation mode, on the CPU. It takes
            ``(n, channels, rows, columns)`` and returns logits by name, see :func:`tumorscope.models.build_network`.
    """

    folder: Path
    recipe: Recipe
    split: Split
    curves: Mapping[str, np.ndarray]
    layers: str
    summary: Mapping[str, Any]
    network: nn.Module

    def __repr__(self) -> str:
        """A few lines for a console or a notebook; fields have the rest, and the network's own runs to pages."""
        parts = ", ".join(f"{part} {len(patients)}" for part, patients in self.split.parts.items())
        lines = [f"{self.folder}: recipe {self.recipe.name}, {self.recipe.network.kind}", f"split: {parts}"]
        if self.summary:
            score = self.summary.get("best_score")
            best = "" if score is None else f", best validation score {score:.3f}"
            lines.append(f"{self.summary.get('epochs')} epochs in {self.summary.get('minutes')} minutes{best}")
        return "\n".join(lines)


def load_run(folder: Path | str) -> LoadedRun:
    """Load a training's recipe, split, curves and network.

    Args:
        folder: that ``tumorscope train -o`` wrote.

    Returns:
        All of it; the weights are those that validated best.

    Raises:
        TumorscopeError: not the folder of a training, or it has not validated yet.

    Example:
        ``run = tumorscope.load_run("RUN"); plt.plot(run.curves["validation/dice"]); print(run.layers)``
    """
    run = Run(Path(folder))
    recipe, layers = run.recipe(), run.folder / LAYERS_FILE
    return LoadedRun(
        folder=run.folder,
        recipe=recipe,
        split=run.split(),
        curves=_by_name(read_curves(run.folder)),
        layers=layers.read_text() if layers.exists() else "",
        summary=run.summary(),
        network=run.network(),
    )


def _by_name(epochs: Mapping[int, Mapping[str, float]]) -> dict[str, np.ndarray]:
    names = sorted({name for values in epochs.values() for name in values})
    count = max(epochs, default=-1) + 1
    return {
        name: np.array([epochs.get(epoch, {}).get(name, np.nan) for epoch in range(count)], float) for name in names
    }
