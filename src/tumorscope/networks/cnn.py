"""The notebooks' baseline: three convolutions and two dense layers."""

from __future__ import annotations

from torch import Tensor, nn

from tumorscope.networks.heads import answer_count, logits_by_name, slice_answers


class Cnn(nn.Module):
    """Three times convolution, ReLU and max pooling; then the whole picture at once.

    The dense layers know where in the picture a feature lies, which is why so small a
    network does well on centred pictures, and why it has no exact activation map.

    Args:
        channels_in: sequences times slices of context.
        size: side of the pictures.
        classes: the classes to tell apart; none for presence.
        widths: channels of the three convolutions.
        hidden: width of the dense layer between.
        dropout: before and after it, in training.
    """

    maps = ()

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
        self.outputs = slice_answers(classes)
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
            nn.Linear(hidden, answer_count(self.outputs, classes)),
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``presence`` ``(n,)`` or ``type`` ``(n, classes)`` for ``(n, channels, size, size)``."""
        return logits_by_name(self.outputs, self.decide(self.seen(self.features(x))))
