"""The layers of a network as a table: their kind, output shape and parameters."""

from __future__ import annotations

import torch
from lightning.pytorch.utilities.model_summary.model_summary import ModelSummary

from tumorscope.recipes.experiment import Recipe
from tumorscope.training.module import TumorModule

LAYERS_FILE = "layers.txt"
_HEADER = ("layer", "kind", "output shape", "parameters")


def layer_table(module: TumorModule, recipe: Recipe) -> str:
    """One line per layer, as ``model.summary()`` shows them in Keras, and the number of parameters.

    Shapes are those of one image at the recipe's size, without the batch: ``channels×rows×columns``.

    Args:
        module: with the network.
        recipe: its input's channels and size.
    """
    size = recipe.preparation.size
    module.example_input_array = torch.zeros(1, recipe.channels_in, size, size)
    try:
        summary = ModelSummary(module, max_depth=-1)
    finally:
        module.example_input_array = None
    rows = [
        (name.removeprefix("network."), kind, _shape(out), f"{count:,}" if count else "–")
        for name, kind, out, count in zip(
            summary.layer_names, summary.layer_types, summary.out_sizes, summary.param_nums, strict=True
        )
        if name != "network"
    ]
    widths = [max(len(row[column]) for row in (_HEADER, *rows)) for column in range(len(_HEADER))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (_HEADER, *rows)
    ]
    total, trainable = summary.total_parameters, summary.trainable_parameters
    lines[1:1] = ["-" * max(map(len, lines))]
    return "\n".join([*lines, "", f"{total:,} parameters, {trainable:,} of them trained", ""])


def _shape(sizes: object) -> str:
    """``16×64×64``; of several outputs none is shown, as their layers are listed, too."""
    if isinstance(sizes, list) and sizes and all(isinstance(side, int) for side in sizes):
        return "×".join(map(str, sizes[1:])) or "1"
    return "–"
