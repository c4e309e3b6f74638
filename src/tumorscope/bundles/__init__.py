"""What a training hands over: a network as ONNX, and a card that says how to use it."""

from tumorscope.bundles.bundle import DEFAULT_BUNDLE, Bundle, load_bundle, shipped_bundles
from tumorscope.bundles.card import Card, Inputs, Model, OperatingPoint

__all__ = [
    "DEFAULT_BUNDLE",
    "Bundle",
    "Card",
    "Inputs",
    "Model",
    "OperatingPoint",
    "load_bundle",
    "shipped_bundles",
]
