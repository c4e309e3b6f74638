"""The model card of a bundle: its network's inputs and outputs, and its metrics."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tumorscope.core.compartments import Compartment
from tumorscope.preprocessing import Preparation
from tumorscope.preprocessing.axial import Plane

SCHEMA = "tumorscope.card/3"
NO_TUMOR = "notumor"
"""The class of slices without a tumor, for networks that detect by classes and not by a presence output."""
OutputName = Literal["presence", "type", "mask"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Inputs(_Part):
    """The network's inputs.

    Attributes:
        sequences: the channels of one slice, in order.
        planes: the planes of the slices that it was trained on.
        substitutes: for a sequence that a scan may lack, those that may substitute it, the
            best first; ``unknown`` among them means any single channel that has no name.
    """

    sequences: tuple[str, ...] = Field(min_length=1)
    substitutes: dict[str, tuple[str, ...]] = {}
    planes: tuple[Plane, ...] = Field(default=("axial",), min_length=1)


class OperatingPoint(_Part):
    """The thresholds that turn predictions into findings, chosen on validation patients.

    Attributes:
        presence: the tumor probability from which a slice is positive.
        mask: the probability from which a pixel belongs to the mask, of several compartments to the whole tumor.
        temperature: presence logits are divided by it, for calibrated probabilities.
        type_temperature: likewise for the logits of the classes.
        type_confidence: below this probability of the likeliest type, the type is reported as uncertain.
        presence_within: a slice whose part of the mask is connected to a slice that reaches ``presence`` is
            kept down to this tumor probability; None keeps no slice below ``presence``.
        min_component_size_px: components with fewer pixels, counted at the network's size over
            all analyzed slices, are removed from the mask, and a note gives their number.
        compartments: by name, the probability from which a pixel of what contains a compartment belongs to it; for
            those that leave a rest of it, 0.5 for one without.
    """

    presence: float = Field(default=0.5, ge=0, le=1)
    mask: float = Field(default=0.5, gt=0, lt=1)
    temperature: float = Field(default=1.0, gt=0)
    type_temperature: float = Field(default=1.0, gt=0)
    type_confidence: float = Field(default=0.0, ge=0, le=1)
    presence_within: float | None = Field(default=None, ge=0, le=1)
    min_component_size_px: int = Field(default=0, ge=0)
    compartments: dict[str, float] = {}

    @property
    def slice_floor(self) -> float:
        """Slices below this probability are empty, whatever their neighbors show."""
        return self.presence if self.presence_within is None else min(self.presence_within, self.presence)


class Model(_Part):
    """One file with the network's weights."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    precision: Literal["float", "int8"]


class Card(_Part):
    """The model card, ``card.json``."""

    schema_: Literal["tumorscope.card/3"] = Field(default=SCHEMA, alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str
    title: str
    inputs: Inputs
    preparation: Preparation
    outputs: tuple[OutputName, ...] = Field(min_length=1)
    classes: tuple[str, ...] = Field(default=(), description="of the output `type`, in its order")
    compartments: tuple[Compartment, ...] = Field(
        default=(), description="of the output `mask`, in its order, the whole tumor first; empty for one mask"
    )
    maps: tuple[str, ...] = Field(default=(), description="exact activation maps beside the outputs")
    tta_flip: bool = False
    operating_point: OperatingPoint = OperatingPoint()
    models: tuple[Model, ...] = Field(min_length=1)
    metrics: dict[str, Any] = {}
    training: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    input_check: dict[str, Any] = {}
    test_time_flips: dict[str, Any] = Field(default={}, description="what averaging over flips costs and gains")
    limits: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def model(self, precision: Literal["float", "int8"]) -> Model | None:
        """The model of one precision, or None where the bundle has none."""
        return next((model for model in self.models if model.precision == precision), None)
