"""One network for presence, type and mask on an ImageNet-pre-trained encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.models.backbones import densenet169_stages
from tumorscope.models.compact import ResidualBlock
from tumorscope.models.heads import PooledHead, logits_by_name, one_channel_dropped, output_count
from tumorscope.models.transfer import TransferNetwork
from tumorscope.recipes.networks import DenseUNetSettings, NetworkShape

_SCALE = 16


class DenseUNet(TransferNetwork):
    """A U-Net whose encoder is the first three blocks of DenseNet-169, the third truncated.

    The heads for presence and type get the encoder's features twice: averaged over the slice, and averaged
    over the predicted mask, because the features of a small tumor are lost in an average over the whole slice. The
    two linear heads keep their exact activation maps.

    Args:
        channels_in: sequences times slices.
        settings: initial weights, depth, widths, frozen stages.
        classes: the types to predict; empty for none.
        masks: channels of the mask, the whole tumor first.
    """

    def __init__(self, channels_in: int, settings: DenseUNetSettings, classes: tuple[str, ...], masks: int = 1) -> None:
        stem, first, second, third, _ = densenet169_stages(settings, channels_in)
        layers = list(third[0].children())[: settings.dense_block3_layers]
        # Each stage ends with the features for the decoder at that scale.
        super().__init__(
            (
                stem[:3],
                nn.Sequential(stem[3], first[0]),
                nn.Sequential(first[1], second[0]),
                nn.Sequential(second[1], *layers),
            ),
            settings.frozen_stages,
        )
        self.outputs = ("presence", *(("type",) if classes else ()), "mask")
        self.maps = tuple(f"{name}_map" for name in self.outputs if name != "mask")
        channels = (64, 256, 512, 256 + 32 * len(layers))
        widths = settings.decoder_widths
        self.top = nn.Sequential(
            nn.BatchNorm2d(channels[3]), nn.ReLU(inplace=True), *_narrow(channels[3], settings.features)
        )
        self.skips = nn.ModuleList(
            _narrow(channel, width) for channel, width in zip(channels[2::-1], widths, strict=True)
        )
        self.decoder = nn.ModuleList(
            ResidualBlock(below + width, width)
            for below, width in zip((settings.features, *widths[:-1]), widths, strict=True)
        )
        self.mask = nn.Conv2d(widths[-1], masks, 1)
        self.head = PooledHead(2 * settings.features, output_count(self.outputs, classes), settings.dropout)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``presence`` ``(n,)``, ``type`` ``(n, classes)``, ``mask`` ``(n, [masks,] rows, columns)``, and maps.

        Args:
            x: ``(n, channels, rows, columns)``; rows and columns divisible by 16.
        """
        scales = []
        for stage in self.encoder:
            x = stage(x)
            scales.append(x)
        features = x = self.top(x)
        for skip, stage, scale in zip(self.skips, self.decoder, scales[2::-1], strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = stage(torch.cat([x, skip(scale)], dim=1))
        mask = functional.interpolate(self.mask(x), scale_factor=2.0, mode="bilinear", align_corners=False)
        # The mask is trained by its own loss only: types must not change segmentations.
        share = functional.avg_pool2d(mask[:, :1].detach().sigmoid(), _SCALE)
        weight = share / (share.mean(dim=(2, 3), keepdim=True) + 1e-3)
        logits, contributions = self.head(torch.cat([features, features * weight.to(features.dtype)], dim=1))
        output = logits_by_name(self.outputs, logits)
        return {
            **output,
            "mask": one_channel_dropped(mask),
            "presence_map": contributions[:, 0],
            **({"type_map": contributions[:, 1:]} if "type" in output else {}),
        }


def _narrow(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)
    )


def build(settings: DenseUNetSettings, shape: NetworkShape) -> DenseUNet:
    """The network of a recipe."""
    return DenseUNet(shape.channels_in, settings, shape.classes, shape.masks)
