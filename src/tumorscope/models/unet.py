"""The plain U-Net (Ronneberger et al. 2015), from MONAI."""

from __future__ import annotations

from torch import Tensor, nn

from tumorscope.models.heads import one_channel_dropped
from tumorscope.recipes.networks import NetworkShape, UNetSettings


class UNet(nn.Module):
    """MONAI's BasicUNet with batch normalization: two convolutions per scale, five scales, one mask.

    Args:
        channels_in: sequences times slices.
        widths: feature channels of the five scales, and of the last layer.
        dropout: in every block, in training.
        masks: channels of the mask.
    """

    outputs = ("mask",)
    maps = ()

    def __init__(
        self,
        channels_in: int,
        widths: tuple[int, ...] = (32, 32, 64, 128, 256, 32),
        dropout: float = 0.0,
        masks: int = 1,
    ) -> None:
        from monai.networks.nets.basic_unet import BasicUNet

        super().__init__()
        self.network = BasicUNet(
            spatial_dims=2,
            in_channels=channels_in,
            out_channels=masks,
            features=widths,
            act="relu",
            norm="batch",
            dropout=dropout,
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``mask`` of shape ``(n, [masks,] rows, columns)`` for ``(n, channels, rows, columns)``."""
        return {"mask": one_channel_dropped(self.network(x))}


def build(settings: UNetSettings, shape: NetworkShape) -> UNet:
    """The network of a recipe."""
    return UNet(shape.channels_in, settings.widths, settings.dropout, shape.masks)
