"""A bundle's card: what its network takes, what it gives, and how good it was found to be."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tumorscope.preprocessing import Preparation
from tumorscope.preprocessing.axial import Plane

SCHEMA = "tumorscope.card/3"
NO_TUMOR = "notumor"
"""The class of slices that show no tumor, where classes and not a presence output say so."""
OutputName = Literal["presence", "type", "mask"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Inputs(_Part):
    """What the network takes.

    Attributes:
        sequences: the channels of one slice, in order.
        planes: the planes of the slices that it was trained on.
        substitutes: for a sequence that a scan may lack, those that may take its place, the
            best first; ``unknown`` among them means any single channel that has no name.
    """

    sequences: tuple[str, ...] = Field(min_length=1)
    substitutes: dict[str, tuple[str, ...]] = {}
    planes: tuple[Plane, ...] = Field(default=("axial",), min_length=1)


class OperatingPoint(_Part):
    """Where predictions turn into findings, chosen on validation patients.

    Attributes:
        presence: a slice's tumor probability from which it counts as showing a tumor.
        mask: a pixel's probability from which it belongs to the mask.
        temperature: presence logits are divided by it, so that probabilities are honest.
        type_temperature: likewise for the logits of the class.
        type_confidence: below this probability of the likeliest class it is called uncertain.
        presence_within: a slice may be less certain than ``presence``, down to this, where its part of the mask
            is connected to a slice that reaches ``presence``; None lets no slice be.
        min_component_size_px: lesions with fewer pixels, counted at the network's size over
            all analyzed slices, are left out and reported as such.
    """

    presence: float = Field(default=0.5, ge=0, le=1)
    mask: float = Field(default=0.5, gt=0, lt=1)
    temperature: float = Field(default=1.0, gt=0)
    type_temperature: float = Field(default=1.0, gt=0)
    type_confidence: float = Field(default=0.0, ge=0, le=1)
    presence_within: float | None = Field(default=None, ge=0, le=1)
    min_component_size_px: int = Field(default=0, ge=0)

    @property
    def slice_floor(self) -> float:
        """Slices below this probability are empty, whatever is beside them."""
        return self.presence if self.presence_within is None else min(self.presence_within, self.presence)


class Model(_Part):
    """One file with the network's weights."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    precision: Literal["float", "int8"]


class Card(_Part):
    """All that is known about a bundle; ``card.json``."""

    schema_: Literal["tumorscope.card/3"] = Field(default=SCHEMA, alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str
    title: str
    inputs: Inputs
    preparation: Preparation
    outputs: tuple[OutputName, ...] = Field(min_length=1)
    classes: tuple[str, ...] = Field(default=(), description="of the output `type`, in its order")
    maps: tuple[str, ...] = Field(default=(), description="exact activation maps beside the outputs")
    tta_flip: bool = False
    operating_point: OperatingPoint = OperatingPoint()
    models: tuple[Model, ...] = Field(min_length=1)
    metrics: dict[str, Any] = {}
    training: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    input_check: dict[str, Any] = {}
    limits: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def model(self, precision: Literal["float", "int8"]) -> Model | None:
        """The model of one precision, or None where the bundle has none."""
        return next((model for model in self.models if model.precision == precision), None)
