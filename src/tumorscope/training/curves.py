"""Learning curves as CSV and as a figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG_FOLDER = "log"
"""Contains a numbered folder for every start of a training."""


def read_curves(folder: Path) -> dict[int, dict[str, float]]:
    """What Lightning logged of a training: by epoch, the values that were measured in it."""
    epochs: dict[int, dict[str, float]] = {}
    for log in sorted((folder / LOG_FOLDER).glob("*/metrics.csv"), key=lambda path: int(path.parent.name)):
        with log.open() as file:
            for row in csv.DictReader(file):
                values = {key: float(value) for key, value in row.items() if value and "/" in key}
                epochs.setdefault(int(row["epoch"]), {}).update(values)
    return epochs


def draw_curves(folder: Path) -> Path | None:
    """Write ``curves.csv`` (one row per epoch) and ``curves.png`` from Lightning's log."""
    epochs = read_curves(folder)
    if not epochs:
        return None
    names = sorted({name for values in epochs.values() for name in values})
    with (folder / "curves.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["epoch", *names])
        writer.writeheader()
        writer.writerows({"epoch": epoch, **values} for epoch, values in sorted(epochs.items()))
    path = folder / "curves.png"
    curves_figure(epochs).savefig(path, dpi=110)
    return path


def curves_figure(epochs: Mapping[int, Mapping[str, float]]) -> Figure:
    """Loss, validation metrics and learning rate over the epochs, side by side."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = sorted({name for values in epochs.values() for name in values})
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = {"loss": "loss", "validation": "validation", "learning rate": "learning_rate"}
    for axes, (title, part) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for name in names:
            if part in name and (part != "loss" or "train" in name):
                points = [(epoch, values[name]) for epoch, values in sorted(epochs.items()) if name in values]
                # A marker for each value, because a single one makes no line.
                axes.plot(*zip(*points, strict=True), marker=".", label=name.split("/", 1)[1].replace("_", " "))
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    return figure
