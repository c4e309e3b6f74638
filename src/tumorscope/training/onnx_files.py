"""Export of a network to ONNX: float with float16 storage, and int8."""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper

from tumorscope.inference.bundles import OutputName
from tumorscope.inference.runtimes import OPSET
from tumorscope.recipes.experiment import Recipe

CALIBRATIONS = ("MinMax", "Percentile")
"""ONNX Runtime's methods to find the range of each activation that suit masks."""

_BATCH = 8
_LEAST_SIGNAL_DB = 29.5
"""Activations below this lose what a network found, see :func:`_coarse`; of `t1c`, with 25 dB, a hundredth of the
sensitivity on its validation cases."""
_POINTWISE = frozenset({"Relu", "BatchNormalization"})


def export_float(network: torch.nn.Module, recipe: Recipe, path: Path) -> None:
    """Write a network as ONNX with a dynamic batch, its weights stored as float16.

    That halves the file; the runtime converts the weights to float32 when it loads them.
    """
    size = recipe.preparation.size
    outputs = [*output_names(network), *map_names(network)]
    example = torch.zeros(2, recipe.channels_in, size, size)
    # The exporter warns about every operator of torchvision, which is not used here.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Tuple(network).eval(),
            (example,),
            path,
            input_names=["image"],
            output_names=outputs,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            external_data=False,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    _fold_batch_norm(path)
    onnx.save(strip_metadata(store_as_float16(onnx.load(path))), path)


class _Tuple(torch.nn.Module):
    """A network that returns its outputs as a tuple, as ONNX needs them."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        prediction = self.network(images)
        return tuple(prediction[name] for name in (*output_names(self.network), *map_names(self.network)))


def output_names(network: torch.nn.Module) -> tuple[OutputName, ...]:
    """The outputs of a network, in its own order."""
    names: Any = network.outputs
    return tuple(names)


def map_names(network: torch.nn.Module) -> tuple[str, ...]:
    """The activation maps of a network."""
    names: Any = network.maps
    return tuple(names)


def _fold_batch_norm(path: Path) -> None:
    """Merge batch normalization into convolutions with ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def store_as_float16(model: onnx.ModelProto, smallest: int = 256) -> onnx.ModelProto:
    """Store large float32 weights as float16, each with a cast to float32; weights out of its range stay float32."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < smallest:
            continue
        values = numpy_helper.to_array(weight)
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        halved = numpy_helper.from_array(values.astype(np.float16), f"{weight.name}_half")
        casts.append(onnx.helper.make_node("Cast", [halved.name], [weight.name], to=TensorProto.FLOAT))
        weight.CopyFrom(halved)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def quantize(
    float_model: Path, images: np.ndarray, path: Path, calibration: str, *, convolutions_only: bool = False
) -> None:
    """Write an int8 copy: unsigned activations, signed weights per channel.

    Args:
        float_model: an ONNX file.
        images: float32 ``(slice, channel, size, size)``, from which the range of each activation is taken.
        path: the copy's.
        calibration: one of :data:`CALIBRATIONS`.
        convolutions_only: keep all other operators in float, and the convolutions beside :func:`_coarse` activations.
            A dense network joins channels of many ranges, of which one range for all would lose the small ones.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    count = len(images) // min(_BATCH, len(images))
    batches = np.split(images[: count * (len(images) // count)], count)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(batches)

        def __len__(self) -> int:
            return len(batches)

        def set_range(self, start_index: int, end_index: int) -> None:
            self.left = iter(batches[start_index:end_index])

        def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
            batch = next(self.left, None)
            return None if batch is None else {"image": batch}

    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, ready = Path(folder) / "plain.onnx", Path(folder) / "ready.onnx"
        onnx.save(_widened(onnx.load(float_model)), plain)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        prepared = onnx.load(ready)
        kept = _heads(prepared)
        if convolutions_only:
            kept += _beside(prepared, _coarse(prepared, images[:_BATCH]))
        quantize_static(
            str(ready),
            str(path),
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["Conv"] if convolutions_only else None,
            nodes_to_exclude=kept,
            calibrate_method=CalibrationMethod[calibration],
            # One batch at a time: of a dense network the activations of all would take 16 GB.
            extra_options={"CalibStridedMinMax": 1, "CalibPercentile": 99.999},
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what ONNX Runtime prints of each batch, and its warning that a batch normalization has no channels."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)


def _coarse(model: onnx.ModelProto, images: np.ndarray) -> set[str]:
    """The inputs of convolutions that eight bits represent too coarsely, because their channels differ in range.

    Of such an activation the median channel has a signal-to-noise ratio below :data:`_LEAST_SIGNAL_DB` once all
    channels are rounded to 256 levels of their common range.
    """
    import onnxruntime

    inputs = list(dict.fromkeys(node.input[0] for node in model.graph.node if node.op_type == "Conv"))
    wanted = [name for name in inputs if name != "image"]
    seen = onnx.ModelProto()
    seen.CopyFrom(model)
    del seen.graph.output[:]
    seen.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(seen.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = zip(wanted, session.run(wanted, {"image": images}), strict=True)
    return {name for name, activation in values if _signal_db(np.asarray(activation)) < _LEAST_SIGNAL_DB}


def _signal_db(activation: np.ndarray) -> float:
    """Signal-to-noise ratio of the median channel of ``(n, channel, row, column)``, rounded to 256 levels."""
    low, high = min(0.0, float(activation.min())), max(0.0, float(activation.max()))
    step = max(high - low, 1e-12) / 255
    noise = ((np.round(activation / step) * step - activation) ** 2).mean(axis=(0, 2, 3))
    signal = activation.var(axis=(0, 2, 3))
    return float(np.median(10 * np.log10((signal + 1e-12) / (noise + 1e-12))))


def _beside(model: onnx.ModelProto, activations: set[str]) -> list[str]:
    """The convolutions that read some activations, and those whose results they are but for pointwise steps."""
    makers = {name: node for node in model.graph.node for name in node.output}
    readers = [node for node in model.graph.node if node.op_type == "Conv" and node.input[0] in activations]
    found = {node.name for node in readers}
    for name in activations:
        node = makers[name]
        while node.op_type in _POINTWISE:
            node = makers[node.input[0]]
        if node.op_type == "Conv":
            found.add(node.name)
    return sorted(found)


def _heads(model: onnx.ModelProto) -> list[str]:
    """The nodes to keep in float: the small last layers, sensitive to rounding, and those for activation maps only."""
    plain = [node for node in model.graph.node if node.op_type in {"Gemm", "MatMul", "ReduceMean"}]
    averaged = {name for node in plain if node.op_type == "ReduceMean" for name in node.input}
    maps = [node for node in model.graph.node if node.op_type == "Conv" and set(node.output) & averaged]
    predicted = _needed(model, lambda name: not name.endswith("_map"))
    mapping = [node for node in model.graph.node if not set(node.output) & predicted]
    return list({node.name: None for node in (*plain, *maps, *mapping)})


def _needed(model: onnx.ModelProto, chosen: Callable[[str], bool]) -> set[str]:
    """The chosen outputs and all values that they depend on."""
    needed = {output.name for output in model.graph.output if chosen(output.name)}
    for node in reversed(model.graph.node):  # nodes are in topological order
        if set(node.output) & needed:
            needed |= set(node.input)
    return needed


def strip_metadata(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the exporter's stack traces, which contain paths of the training machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
        part.doc_string = ""
    return model


def _widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """Undo :func:`store_as_float16`, for tools that need float32 weights."""
    graph = model.graph
    halved = {weight.name: weight for weight in graph.initializer if weight.data_type == TensorProto.FLOAT16}
    nodes = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in halved:
            weight = halved[node.input[0]]
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float32), node.output[0]))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model
