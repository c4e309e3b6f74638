"""The notebooks' ResUNet: residual blocks, max pooling, up-sampling, one mask."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tumorscope.models.heads import one_channel_dropped
from tumorscope.recipes.networks import NetworkShape, ResUNetSettings


class PlainResidualBlock(nn.Module):
    """1×1 then 3×3 convolution, with a convolved short-cut, as in the notebooks."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.body(x) + self.shortcut(x))


class ResUNet(nn.Module):
    """A U-Net of residual blocks with a mask as its output.

    Args:
        channels_in: sequences times slices.
        widths: feature channels at each scale, the deepest last.
        masks: channels of the mask.
    """

    outputs = ("mask",)
    maps = ()

    def __init__(self, channels_in: int, widths: Sequence[int] = (16, 32, 64, 128, 256), masks: int = 1) -> None:
        super().__init__()
        first = widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(channels_in, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
            nn.Conv2d(first, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        )
        self.encoder = nn.ModuleList(PlainResidualBlock(before, after) for before, after in itertools.pairwise(widths))
        self.decoder = nn.ModuleList(
            PlainResidualBlock(below + skip, skip) for below, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.mask = nn.Conv2d(first, masks, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``mask`` of shape ``(n, [masks,] rows, columns)`` for ``(n, channels, rows, columns)``."""
        x = self.stem(x)
        skips = []
        for stage in self.encoder:
            skips.append(x)
            x = stage(nn.functional.max_pool2d(x, 2))
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = stage(torch.cat([x, skip], dim=1))
        return {"mask": one_channel_dropped(self.mask(x))}


def build(settings: ResUNetSettings, shape: NetworkShape) -> ResUNet:
    """The network of a recipe."""
    return ResUNet(shape.channels_in, settings.widths, shape.masks)
