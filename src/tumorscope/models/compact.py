"""A small residual U-Net with a presence head."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tumorscope.models.heads import PooledHead, one_channel_dropped
from tumorscope.recipes.networks import CompactSettings, NetworkShape


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a short-cut (He et al. 2016), batch-normalized.

    Every activation is a ReLU, so that int8 activations can be unsigned.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        if channels_in == channels_out and stride == 1:
            self.shortcut: nn.Module = nn.Identity()
        else:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.body(x) + self.shortcut(x))


class CompactNet(nn.Module):
    """A residual U-Net with a shared encoder and two predictions.

    The encoder halves the image four times. Presence is a linear head on the averaged
    deepest features, so that its activation map is exact; the mask comes from a decoder
    with skip connections.

    Args:
        channels_in: sequences times slices.
        widths: feature channels at each of the five scales.
        dropout: of whole feature channels before the presence head, in training.
        masks: channels of the mask.
    """

    outputs = ("presence", "mask")
    maps = ("presence_map",)

    def __init__(
        self,
        channels_in: int,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        dropout: float = 0.1,
        masks: int = 1,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels_in, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        self.encoder = nn.ModuleList(
            ResidualBlock(before, after, stride=2) for before, after in itertools.pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            ResidualBlock(below + skip, skip) for below, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = PooledHead(widths[-1], 1, dropout)
        self.mask = nn.Conv2d(widths[0], masks, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``presence`` ``(n,)`` and ``mask`` ``(n, [masks,] rows, columns)``, and the map of presence.

        Args:
            x: ``(n, channels, rows, columns)``; rows and columns divisible by 16.
        """
        x = self.stem(x)
        skips = []
        for stage in self.encoder:
            skips.append(x)
            x = stage(x)
        presence, contributions = self.head(x)
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = stage(torch.cat([x, skip], dim=1))
        mask = one_channel_dropped(self.mask(x))
        return {"presence": presence[:, 0], "mask": mask, "presence_map": contributions[:, 0]}


def build(settings: CompactSettings, shape: NetworkShape) -> CompactNet:
    """The network of a recipe."""
    return CompactNet(shape.channels_in, settings.widths, settings.dropout, shape.masks)
