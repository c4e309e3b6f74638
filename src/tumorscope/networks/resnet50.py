"""ResNet-50 that says whether a slice shows a tumour, from scratch or by transfer."""

from __future__ import annotations

from torch import Tensor, nn

from tumorscope.networks.weights import load_weights
from tumorscope.recipe import ResNet50Settings


class ResNet50(nn.Module):
    """MONAI's two-dimensional ResNet-50 (He et al. 2016) with dropout before a new head.

    Args:
        channels_in: sequences times slices of context.
        settings: where the first weights come from and which stages stay as they are.
    """

    outputs = ("presence",)

    def __init__(self, channels_in: int, settings: ResNet50Settings) -> None:
        from monai.networks.nets.resnet import resnet50

        super().__init__()
        self.backbone = resnet50(
            pretrained=False,
            spatial_dims=2,
            n_input_channels=channels_in,
            conv1_t_size=7,
            conv1_t_stride=2,
            shortcut_type="B",
            bias_downsample=False,
            feed_forward=False,
        )
        if settings.weights:
            load_weights(self.backbone, settings.weights, settings.sha256, first_layer="conv1.weight")
        # Batch statistics of frozen stages must stay too, or they would drift from their weights.
        stages = [
            nn.ModuleList([self.backbone.conv1, self.backbone.bn1]),
            self.backbone.layer1,
            self.backbone.layer2,
            self.backbone.layer3,
            self.backbone.layer4,
        ]
        self.frozen = stages[: settings.frozen_stages]
        for stage in self.frozen:
            stage.requires_grad_(False)
        self.dropout = nn.Dropout(settings.dropout)
        self.presence = nn.Linear(2048, 1)

    def train(self, mode: bool = True) -> ResNet50:
        super().train(mode)
        for stage in self.frozen:
            stage.eval()
        return self

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits ``presence`` of shape ``(n,)`` for ``(n, channels, rows, columns)``."""
        return {"presence": self.presence(self.dropout(self.backbone(x))).squeeze(1)}
