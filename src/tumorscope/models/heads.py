"""Predictions about a whole slice that can say where they come from."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PooledHead(nn.Module):
    """A linear output to averaged features, computed as the average of a linear map.

    But for the bias both are the same number, and the map says how much each place
    contributed: the class activation map (Zhou et al. 2016), which for such a head is
    Grad-CAM (Selvaraju et al. 2017) without a backward pass.

    Args:
        features: channels that come in.
        predictions: logits that go out.
        dropout: of whole channels, in training.
    """

    def __init__(self, features: int, predictions: int, dropout: float) -> None:
        super().__init__()
        self.seen = nn.Identity()  # where a gradient-based map hooks in
        self.dropout = nn.Dropout2d(dropout)
        self.weigh = nn.Conv2d(features, predictions, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(predictions))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(n, predictions)`` and their map ``(n, predictions, rows, columns)``, whose mean they are but for a bias."""
        contributions = self.weigh(self.dropout(self.seen(features)))
        return contributions.mean(dim=(2, 3)) + self.bias, contributions


def slice_outputs(classes: tuple[str, ...]) -> tuple[str, ...]:
    """What a classifier predictions: the class where classes are given, else presence.

    >>> slice_outputs(("glioma", "notumor")), slice_outputs(())
    (('type',), ('presence',))
    """
    return ("type",) if classes else ("presence",)


def logits_by_name(names: tuple[str, ...], logits: Tensor) -> dict[str, Tensor]:
    """A head's logits under the names that engines know: ``presence`` ``(n,)`` comes first, ``type`` is the rest."""
    output = {}
    if "presence" in names:
        output["presence"] = logits[:, 0]
    if "type" in names:
        output["type"] = logits[:, 1:] if "presence" in names else logits
    return output


def output_count(names: tuple[str, ...], classes: tuple[str, ...]) -> int:
    """How many logits :func:`logits_by_name` wants."""
    return ("presence" in names) + (len(classes) if "type" in names else 0)
