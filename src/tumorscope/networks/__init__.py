"""The networks that recipes name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tumorscope.networks.compact import CompactNet

if TYPE_CHECKING:
    from tumorscope.recipe import Recipe


def build_network(recipe: Recipe) -> nn.Module:
    """The network a recipe describes, with its first weights.

    Every network takes ``(n, channels, rows, columns)`` and returns logits by name:
    ``presence`` ``(n,)``, ``mask`` ``(n, rows, columns)``, or both.
    """
    settings = recipe.network
    if settings.kind == "compact":
        return CompactNet(recipe.channels_in, settings.widths, settings.dropout)
    if settings.kind == "resunet":
        from tumorscope.networks.resunet import ResUNet

        return ResUNet(recipe.channels_in, settings.widths)
    from tumorscope.networks.resnet50 import ResNet50

    return ResNet50(recipe.channels_in, settings)
