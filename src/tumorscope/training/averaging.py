"""The mean of two networks' weights, one of which was trained further from the other.

Between the weights before and after a further training the loss has no barrier, and their mean often does better than
either on data unlike the new one (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from tumorscope.core.errors import BadBundle


def average_weights(path: Path, other: bytes) -> None:
    """Replace every weight of a network by the mean of it and the other network's.

    Args:
        path: an ONNX file, which is rewritten.
        other: the content of an ONNX file of the same network with other weights; further outputs do not matter.

    Raises:
        BadBundle: the other file holds another network.
    """
    model = onnx.load(path)
    others = {tensor.name: tensor for tensor in onnx.load_from_string(other).graph.initializer}
    for tensor in model.graph.initializer:
        own = numpy_helper.to_array(tensor)
        if own.dtype.kind != "f" or not own.ndim:
            continue  # shapes, axes, and constants, which the exporter numbers differently from time to time
        found = others.get(tensor.name)
        if found is None or list(found.dims) != list(tensor.dims):
            raise BadBundle(f"the weights to average with are another network's (no {tensor.name} of this shape)")
        mean = (own.astype(np.float64) + numpy_helper.to_array(found)) / 2
        tensor.CopyFrom(numpy_helper.from_array(mean.astype(own.dtype), tensor.name))
    onnx.save(model, path)
