"""Bundles: a network as ONNX with its model card, exported by a training."""

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
