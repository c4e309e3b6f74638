"""What a bundle's presence head reads, out of its ONNX file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from tumorscope.core.errors import BadBundle
from tumorscope.inference.bundles import Bundle
from tumorscope.inference.sessions import OnnxRuntimeLoader

FEATURES = "probed_features"
"""The name of the added output."""


def feature_session(bundle: Bundle) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The float model, which also outputs what its presence head reads before pooling, as :data:`FEATURES`.

    Raises:
        BadBundle: its presence is not a linear map, averaged over the slice.
    """
    model = bundle.card.model("float")
    if model is None or "presence" not in bundle.card.outputs:
        raise BadBundle(f"bundle {bundle.name}: no float model with a presence output to probe")
    graph_model = onnx.load_from_string(bundle.read_model(model))
    graph = graph_model.graph
    producers = {output: node for node in graph.node for output in node.output}
    node = producers["presence"]
    while node.op_type in ("Gather", "Slice", "Squeeze", "Add", "ReduceMean"):  # bias, mean, and one logit of several
        node = next(producers[name] for name in node.input if name in producers)
    if node.op_type != "Conv":
        raise BadBundle(f"bundle {bundle.name}: presence is not the mean of a map ({node.op_type})")
    graph.node.append(onnx.helper.make_node("Identity", [node.input[0]], [FEATURES]))
    graph.output.append(onnx.helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, None))
    return OnnxRuntimeLoader().load(graph_model.SerializeToString())
