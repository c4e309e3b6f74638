"""The networks that recipes name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from tumorscope.recipes.experiment import Recipe


def build_network(recipe: Recipe) -> nn.Module:
    """The network a recipe describes, with its first weights.

    Every network takes ``(n, channels, rows, columns)`` and returns logits by name, those
    that its ``outputs`` lists: ``presence`` ``(n,)``, ``type`` ``(n, classes)``, ``mask``
    ``(n, rows, columns)``. Those that output more than a mask add activation maps, which
    ``maps`` lists: ``presence_map`` ``(n, r, c)`` and ``type_map`` ``(n, classes, r, c)``,
    coarse, whose means are the logits but for the biases.
    """
    settings, channels = recipe.network, recipe.channels_in
    if settings.kind == "compact":
        from tumorscope.models.compact import CompactNet

        return CompactNet(channels, settings.widths, settings.dropout)
    if settings.kind == "resunet":
        from tumorscope.models.resunet import ResUNet

        return ResUNet(channels, settings.widths)
    if settings.kind == "unet":
        from tumorscope.models.unet import UNet

        return UNet(channels, settings.widths, settings.dropout)
    if settings.kind == "cnn":
        from tumorscope.models.cnn import Cnn

        return Cnn(
            channels, recipe.preparation.size, recipe.classes, settings.widths, settings.hidden, settings.dropout
        )
    if settings.kind == "dense-unet":
        from tumorscope.models.dense_unet import DenseUNet

        return DenseUNet(channels, settings, recipe.classes)
    from tumorscope.models.transfer import Classifier

    return Classifier(channels, settings, recipe.classes)
