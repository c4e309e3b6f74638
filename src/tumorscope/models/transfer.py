"""Transfer learning: networks with pre-trained, optionally frozen stages."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tumorscope.models.backbones import build_backbone
from tumorscope.models.heads import PooledHead, logits_by_name, output_count, slice_outputs
from tumorscope.recipes.networks import NetworkShape, TransferSettings


class TransferNetwork(nn.Module):
    """A network whose encoder is a sequence of stages, the first of which may be frozen.

    Frozen stages keep their weights and the statistics of batch normalization.

    Args:
        stages: of the encoder, from the image on.
        frozen: number of frozen stages.
    """

    def __init__(self, stages: Sequence[nn.Module], frozen: int) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(stages)
        self._frozen = min(frozen, len(self.encoder))
        for stage in self.encoder[: self._frozen]:
            stage.requires_grad_(False)

    def train(self, mode: bool = True) -> TransferNetwork:
        super().train(mode)
        for stage in self.encoder[: self._frozen]:
            stage.eval()
        return self


class Classifier(TransferNetwork):
    """A backbone with a new pooled linear head, for presence or for the class.

    Args:
        channels_in: sequences times slices.
        settings: backbone, initial weights, frozen stages.
        classes: the classes to predict; empty for presence.
    """

    def __init__(self, channels_in: int, settings: TransferSettings, classes: tuple[str, ...] = ()) -> None:
        backbone = build_backbone(settings, channels_in)
        super().__init__(backbone.stages, settings.frozen_stages)
        self.outputs = slice_outputs(classes)
        self.maps = tuple(f"{name}_map" for name in self.outputs)
        self.head = PooledHead(backbone.features, output_count(self.outputs, classes), settings.dropout)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``presence`` ``(n,)`` or ``type`` ``(n, classes)`` for ``(n, channels, rows, columns)``, and the map."""
        for stage in self.encoder:
            x = stage(x)
        logits, contributions = self.head(x)
        output = logits_by_name(self.outputs, logits)
        return {**output, self.maps[0]: contributions[:, 0] if "presence" in output else contributions}


def build(settings: TransferSettings, shape: NetworkShape) -> Classifier:
    """The network of a recipe."""
    return Classifier(shape.channels_in, settings, shape.classes)
