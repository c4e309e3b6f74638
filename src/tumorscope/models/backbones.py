"""Well-known classifiers as stages of a feature extractor, from scratch or with ImageNet weights."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from tumorscope.models.weights import load_weights
from tumorscope.recipes.networks import DenseUNetSettings, TransferSettings


@dataclass(frozen=True)
class Backbone:
    """Stages that turn images into features, the first nearest to the image.

    Attributes:
        stages: the modules of the network in order.
        features: output channels of the last stage.
    """

    stages: tuple[nn.Module, ...]
    features: int


def build_backbone(settings: TransferSettings, channels_in: int) -> Backbone:
    """The backbone of a recipe, with its initial weights."""
    return _BUILDERS[settings.kind](settings, channels_in)


def _resnet50(settings: TransferSettings, channels_in: int) -> Backbone:
    """MONAI's two-dimensional ResNet-50 (He et al. 2016)."""
    from monai.networks.nets.resnet import resnet50

    network = resnet50(
        pretrained=False,
        spatial_dims=2,
        n_input_channels=channels_in,
        conv1_t_size=7,
        conv1_t_stride=2,
        shortcut_type="B",
        bias_downsample=False,
        feed_forward=False,
    )
    _load(network, settings, "conv1.weight")
    stem = nn.Sequential(network.conv1, network.bn1, network.act, network.maxpool)
    return Backbone((stem, network.layer1, network.layer2, network.layer3, network.layer4), 2048)


def _densenet169(settings: TransferSettings, channels_in: int) -> Backbone:
    """MONAI's two-dimensional DenseNet-169 (Huang et al. 2017)."""
    stages = densenet169_stages(settings, channels_in)
    return Backbone((*stages[:-1], nn.Sequential(stages[-1], nn.ReLU())), 1664)


def densenet169_stages(
    settings: TransferSettings | DenseUNetSettings, channels_in: int
) -> tuple[nn.Sequential, nn.Sequential, nn.Sequential, nn.Sequential, nn.Sequential]:
    """Stem, and each dense block with its transition, at a quarter, an eighth … of the image's side."""
    from monai.networks.nets.densenet import DenseNet169

    network = DenseNet169(spatial_dims=2, in_channels=channels_in, out_channels=1)
    _load(network, settings, "features.conv0.weight", _monai_densenet_name)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.eps = 1.001e-5  # as the published weights were trained
    parts: Any = network.features
    return (
        nn.Sequential(parts.conv0, parts.norm0, parts.relu0, parts.pool0),
        nn.Sequential(parts.denseblock1, parts.transition1),
        nn.Sequential(parts.denseblock2, parts.transition2),
        nn.Sequential(parts.denseblock3, parts.transition3),
        nn.Sequential(parts.denseblock4, parts.norm5),
    )


def _monai_densenet_name(name: str) -> str:
    """MONAI's name of a weight of torchvision's DenseNet, in its old or new naming.

    >>> _monai_densenet_name("features.denseblock1.denselayer2.norm.1.weight")
    'features.denseblock1.denselayer2.layers.norm1.weight'
    >>> _monai_densenet_name("features.transition1.conv.weight")
    'features.transition1.conv.weight'
    """
    return re.sub(r"(denselayer\d+)\.(norm|relu|conv)\.?(\d)", r"\1.layers.\2\3", name)


_EFFICIENT_NORM = ("batch", {"eps": 1e-3, "momentum": 0.1})
"""Statistics that adapt within tens of steps. MONAI's momentum, 0.01, is for long trainings on ImageNet;
in the first hundreds of steps from scratch its statistics lag behind the weights."""


def _efficientnet(settings: TransferSettings, channels_in: int) -> Backbone:
    """MONAI's EfficientNet-B0 (Tan and Le 2019), without stochastic depth."""
    from monai.networks.nets.efficientnet import EfficientNetBN

    network = EfficientNetBN("efficientnet-b0", pretrained=False, in_channels=channels_in, norm=_EFFICIENT_NORM)
    return _efficient_stages(network, settings, nn.SiLU())


def _efficientnet_lite0(settings: TransferSettings, channels_in: int) -> Backbone:
    """EfficientNet-Lite0: B0 without squeeze-and-excitation, and with ReLU6 instead of swish, for small machines."""
    from monai.networks.nets.efficientnet import EfficientNet

    blocks = [
        "r1_k3_s11_e1_i32_o16", "r2_k3_s22_e6_i16_o24", "r2_k5_s22_e6_i24_o40", "r3_k3_s22_e6_i40_o80",
        "r3_k5_s11_e6_i80_o112", "r4_k5_s22_e6_i112_o192", "r1_k3_s11_e6_i192_o320",
    ]  # fmt: skip
    network = EfficientNet(blocks, in_channels=channels_in, norm=_EFFICIENT_NORM)
    for block in network.modules():
        if hasattr(block, "_swish"):
            block._swish = nn.ReLU6()
    return _efficient_stages(network, settings, nn.ReLU6())


def _efficient_stages(network: Any, settings: TransferSettings, activation: nn.Module) -> Backbone:
    """Stem, seven rows of blocks and the last convolution of one of the EfficientNets."""
    # The published weights number all blocks consecutively; MONAI adds the row.
    rows = {
        f"_blocks.{block}": f"_blocks.{row}.{block}"
        for row, blocks in network._blocks.named_children()
        for block, _ in blocks.named_children()
    }
    _load(
        network,
        settings,
        "_conv_stem.weight",
        lambda name: re.sub(r"^_blocks\.\d+(?=\._)", lambda match: rows.get(match[0], match[0]), name),
    )
    stem = nn.Sequential(network._conv_stem_padding, network._conv_stem, network._bn0, activation)
    top = nn.Sequential(network._conv_head_padding, network._conv_head, network._bn1, activation)
    return Backbone((stem, *network._blocks, top), 1280)


class _Vgg16(nn.Module):
    """The convolutions of VGG-16 (Simonyan and Zisserman 2015), numbered as in torchvision."""

    WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.ends = [0]
        for widths in self.WIDTHS:
            for width in widths:
                layers += [nn.Conv2d(channels_in, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels_in = width
            layers.append(nn.MaxPool2d(2))
            self.ends.append(len(layers))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


def _vgg16(settings: TransferSettings, channels_in: int) -> Backbone:
    network = _Vgg16(channels_in)
    for layer in network.features:
        if isinstance(layer, nn.Conv2d):  # without it, sixteen layers do not train from scratch
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    _load(network, settings, "features.0.weight")
    return Backbone(tuple(network.features[start:end] for start, end in itertools.pairwise(network.ends)), 512)


def _load(
    network: nn.Module,
    settings: TransferSettings | DenseUNetSettings,
    first_layer: str,
    rename: Callable[[str], str] | None = None,
) -> None:
    if settings.weights:
        load_weights(network, settings.weights, settings.sha256, first_layer, rename)


_BUILDERS = {
    "resnet50": _resnet50,
    "densenet169": _densenet169,
    "efficientnet": _efficientnet,
    "efficientnet-lite0": _efficientnet_lite0,
    "vgg16": _vgg16,
}
