"""The networks that a recipe can name: one settings class per network, and nothing of PyTorch.

A settings class names the module of :mod:`tumorscope.models` that builds its network. :data:`NetworkSettings` is the
registry: recipes, :func:`tumorscope.models.build_network` and the tests take the networks from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A section of a recipe; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class NetworkShape:
    """What a network takes and predicts.

    Attributes:
        channels_in: input channels, sequences times slices.
        size: side of the square images, in pixels.
        classes: the classes to predict; empty for presence or a mask alone.
        masks: channels of the mask: one, or the whole tumor and its compartments.
    """

    channels_in: int
    size: int
    classes: tuple[str, ...] = ()
    masks: int = 1


class NetworkBase(Section):
    """What all networks' settings have in common.

    Attributes:
        module: the module of :mod:`tumorscope.models` with a function ``build(settings, shape)``.
        classifies: whether the network can predict classes.
        weights: a file or an address of initial weights; None trains from scratch.
    """

    module: ClassVar[str]
    classifies: ClassVar[bool] = False

    @property
    def pretrained(self) -> bool:
        """Whether the encoder starts from initial weights."""
        return False


class PretrainedSettings(NetworkBase):
    """A network whose encoder can start from initial weights."""

    classifies: ClassVar[bool] = True
    weights: str | None = Field(default=None, description="a local file or an address; none trains from scratch")
    sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{8,64}$", description="checksum of the weights, or its start"
    )
    frozen_stages: int = Field(
        default=0, ge=0, description="number of stages, from the image on, whose weights are not trained"
    )
    dropout: float = Field(default=0.3, ge=0, lt=1)

    @property
    def pretrained(self) -> bool:
        """Whether the recipe names initial weights."""
        return self.weights is not None

    @model_validator(mode="after")
    def _address_has_checksum(self) -> Self:
        if self.weights and "://" in self.weights and not self.sha256:
            raise ValueError("weights by address need their sha256")
        return self


def _multiple_of_eight(width: int) -> int:
    if width < 16 or width % 8:
        raise PydanticCustomError(
            "width",
            "widths are multiples of eight from 16 on, as training with others is slow on every CPU and crashes oneDNN "
            "on some",
        )
    return width


Width = Annotated[int, AfterValidator(_multiple_of_eight)]
"""Feature channels of a convolution. The backward pass of oneDNN 3.12, which PyTorch 2.13 brings, ends with a
segmentation fault or hangs for other widths if a CPU has AVX2 and no AVX-512, and in float32 for a first width of
eight if it has AVX-512."""


class CompactSettings(NetworkBase):
    """Residual U-Net with a presence head on the shared encoder."""

    module: ClassVar[str] = "compact"
    kind: Literal["compact"]
    widths: tuple[Width, ...] = Field(default=(16, 32, 64, 128, 288), min_length=3)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class ResUNetSettings(NetworkBase):
    """The notebooks' ResUNet: residual blocks, max pooling, up-sampling, one mask."""

    module: ClassVar[str] = "resunet"
    kind: Literal["resunet"]
    widths: tuple[Width, ...] = Field(default=(16, 32, 64, 128, 256), min_length=3)


class UNetSettings(NetworkBase):
    """The plain U-Net of five scales, one mask."""

    module: ClassVar[str] = "unet"
    kind: Literal["unet"]
    widths: tuple[Width, Width, Width, Width, Width, Width] = (32, 32, 64, 128, 256, 32)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class CnnSettings(NetworkBase):
    """The notebooks' baseline classifier: three convolutions, two dense layers."""

    module: ClassVar[str] = "cnn"
    classifies: ClassVar[bool] = True
    kind: Literal["cnn"]
    widths: tuple[Width, Width, Width] = (32, 64, 128)
    hidden: int = Field(default=128, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class TransferSettings(PretrainedSettings):
    """A well-known classifier with a new head."""

    module: ClassVar[str] = "transfer"
    kind: Literal["resnet50", "vgg16", "efficientnet", "efficientnet-lite0", "densenet169"]


class DenseUNetSettings(PretrainedSettings):
    """A U-Net on the first blocks of DenseNet-169, with heads for presence and type."""

    module: ClassVar[str] = "dense_unet"
    kind: Literal["dense-unet"]
    dense_block3_layers: int = Field(
        default=20, ge=1, le=32, description="number of layers of the third dense block that are kept"
    )
    features: Width = Field(default=256, description="channels of the deepest features")
    decoder_widths: tuple[Width, Width, Width] = (96, 48, 24)


NetworkSettings = Annotated[
    CompactSettings | ResUNetSettings | UNetSettings | CnnSettings | TransferSettings | DenseUNetSettings,
    Field(discriminator="kind"),
]
NETWORKS: dict[str, type[NetworkBase]] = {
    kind: settings
    for settings in get_args(get_args(NetworkSettings)[0])
    for kind in get_args(settings.model_fields["kind"].annotation)
}
"""The settings class of each ``network.kind``."""
