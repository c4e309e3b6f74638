"""The networks that a recipe can name; :mod:`tumorscope.recipes.networks` lists them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from tumorscope.recipes.experiment import Recipe


def build_network(recipe: Recipe) -> nn.Module:
    """The network of a recipe with its initial weights.

    Every network takes ``(n, channels, rows, columns)`` and returns logits by name, those
    in its ``outputs``: ``presence`` ``(n,)``, ``type`` ``(n, classes)``, ``mask``
    ``(n, rows, columns)``, or ``(n, compartments, rows, columns)`` for a recipe of several
    compartments. Networks with more than a mask add the activation maps in their
    ``maps``: ``presence_map`` ``(n, r, c)`` and ``type_map`` ``(n, classes, r, c)``,
    coarse maps whose means are the logits without the biases.
    """
    builder = import_module(f"tumorscope.models.{recipe.network.module}")
    return builder.build(recipe.network, recipe.network_shape)
