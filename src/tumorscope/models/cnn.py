"""The notebooks' baseline: three convolutions and two dense layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.models.heads import logits_by_name, output_count, slice_outputs
from tumorscope.recipes.networks import CnnSettings, NetworkShape


class Cnn(nn.Module):
    """Three times convolution, ReLU and max pooling; then the whole image at once.

    The dense layers depend on the position of a feature, which is why so small a network
    does well on centered images. With a ReLU between them they are linear for any one image, so
    the contribution of each position to a logit is its features times their gradients: HiResCAM
    (Draelos and Carin 2020), computed here without a backward pass.

    Args:
        channels_in: sequences times slices.
        size: side of the images.
        classes: the classes to predict; empty for presence.
        widths: channels of the three convolutions.
        hidden: width of the dense layer between.
        dropout: probability before and after it, in training.
    """

    def __init__(
        self,
        channels_in: int,
        size: int,
        classes: tuple[str, ...],
        widths: tuple[int, int, int] = (32, 64, 128),
        hidden: int = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.outputs = slice_outputs(classes)
        self.maps = tuple(f"{name}_map" for name in self.outputs)
        layers: list[nn.Module] = []
        for width in widths:
            layers += [nn.Conv2d(channels_in, width, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            channels_in = width
        self.features = nn.Sequential(*layers)
        self.seen = nn.Identity()
        self.decide = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(widths[-1] * (size // 8) ** 2, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, output_count(self.outputs, classes)),
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``presence`` ``(n,)`` or ``type`` ``(n, classes)`` for ``(n, channels, size, size)``, and their map.

        Except for the biases, a map's mean is its logit (without dropout).
        """
        features = self.seen(self.features(x))
        output = logits_by_name(self.outputs, self.decide(features))
        contributions = self._contributions(features.detach())
        return {**output, self.maps[0]: contributions[:, 0] if "presence" in output else contributions}

    def _contributions(self, features: Tensor) -> Tensor:
        """Contribution of each position to each logit, times the number of positions: ``(n, predictions, r, c)``."""
        hidden, output = self.decide[2], self.decide[5]
        assert isinstance(hidden, nn.Linear)
        assert isinstance(output, nn.Linear)
        first, last = hidden.weight.detach(), output.weight.detach()
        active = functional.linear(features.flatten(1), first, hidden.bias.detach()) > 0
        gradients = torch.matmul(last * active[:, None].to(last.dtype), first)  # (n, predictions, channels·r·c)
        rows, columns = features.shape[2:]
        each = gradients.unflatten(2, features.shape[1:]) * features[:, None]
        return each.sum(dim=2) * (rows * columns)


def build(settings: CnnSettings, shape: NetworkShape) -> Cnn:
    """The network of a recipe."""
    return Cnn(shape.channels_in, shape.size, shape.classes, settings.widths, settings.hidden, settings.dropout)
