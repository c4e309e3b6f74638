"""Classification heads with exact activation maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PooledHead(nn.Module):
    """A linear layer on averaged features, computed as the average of a linear map.

    Except for the bias, both are the same number, and the map has the contribution of each
    position: the class activation map (Zhou et al. 2016), which for such a head is
    Grad-CAM (Selvaraju et al. 2017) without a backward pass.

    Args:
        features: input channels.
        predictions: number of logits.
        dropout: probability of dropping a channel, in training.
    """

    def __init__(self, features: int, predictions: int, dropout: float) -> None:
        super().__init__()
        self.seen = nn.Identity()  # the layer for gradient-based maps
        self.dropout = nn.Dropout2d(dropout)
        self.weigh = nn.Conv2d(features, predictions, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(predictions))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(n, predictions)`` and their map ``(n, predictions, rows, columns)``, whose mean is the logit without the bias."""
        contributions = self.weigh(self.dropout(self.seen(features)))
        return contributions.mean(dim=(2, 3)) + self.bias, contributions


def one_channel_dropped(mask: Tensor) -> Tensor:
    """``(n, rows, columns)`` of a mask of one channel; a mask of several keeps its channels."""
    # The exporter would write a Squeeze for several channels, too, which ONNX does not allow.
    return mask.squeeze(1) if mask.shape[1] == 1 else mask


def slice_outputs(classes: tuple[str, ...]) -> tuple[str, ...]:
    """The output of a classifier: the class if there are classes, otherwise presence.

    >>> slice_outputs(("glioma", "notumor")), slice_outputs(())
    (('type',), ('presence',))
    """
    return ("type",) if classes else ("presence",)


def logits_by_name(names: tuple[str, ...], logits: Tensor) -> dict[str, Tensor]:
    """A head's logits by name: the first is ``presence`` ``(n,)``, the others are ``type``."""
    output = {}
    if "presence" in names:
        output["presence"] = logits[:, 0]
    if "type" in names:
        output["type"] = logits[:, 1:] if "presence" in names else logits
    return output


def output_count(names: tuple[str, ...], classes: tuple[str, ...]) -> int:
    """Number of logits for :func:`logits_by_name`."""
    return ("presence" in names) + (len(classes) if "type" in names else 0)
