"""What a training hands over: a network as ONNX, and a card that says how to use it."""

from tumorscope.inference.bundle import Bundle, load_bundle, shipped_bundles
from tumorscope.inference.model_card import Card, Inputs, Model, OperatingPoint, OutputName

__all__ = [
    "Bundle",
    "Card",
    "Inputs",
    "Model",
    "OperatingPoint",
    "OutputName",
    "load_bundle",
    "shipped_bundles",
]
