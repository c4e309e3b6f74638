"""An output for what the types are read from, added to a network's ONNX file."""

from __future__ import annotations

import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper

from tumorscope.core.errors import BadBundle

OUTPUT = "type_features"
_PASSED = ("Gather", "Slice", "Squeeze", "Add", "ReduceMean", "DequantizeLinear", "QuantizeLinear", "Cast")
"""Between a linear head over positions and its logits: the mean, the bias, one head of several, int8."""


def add_type_features(model: ModelProto) -> ModelProto:
    """The same network, which also outputs the features that its type head weighs, averaged over the slice.

    Raises:
        BadBundle: the type is not the mean of a linear map of features.
    """
    graph = model.graph
    if any(output.name == OUTPUT for output in graph.output):
        return model
    producers = {output: node for node in graph.node for output in node.output}
    if "type" not in producers:
        raise BadBundle("the network has no type output")
    head, mean = producers["type"], None
    while head.op_type in _PASSED:
        mean = head if head.op_type == "ReduceMean" else mean
        head = next(producers[name] for name in head.input if name in producers)
    if head.op_type != "Conv" or mean is None:
        raise BadBundle(f"type is not the mean of a linear map of features ({head.op_type})")
    graph.node.append(_average(head.input[0], mean))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", None]))
    onnx.checker.check_model(model)
    return model


def _average(features: str, mean: NodeProto) -> NodeProto:
    """The mean of features over the same axes as that of the head's map."""
    return helper.make_node("ReduceMean", [features, *mean.input[1:]], [OUTPUT], keepdims=0)
