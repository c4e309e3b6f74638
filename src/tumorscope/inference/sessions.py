"""Networks as functions: a bundle's model, or the part of it that detects, loaded by ONNX Runtime or OpenVINO."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from tumorscope.inference.runtimes import open_session


class Session(Protocol):
    """A loaded network."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Logits by output name, for float32 images ``(n, channels, size, size)``."""
        ...


def threads() -> int:
    """CPU cores this process may use, or fewer where ``OMP_NUM_THREADS`` limits them, as Ray does for its actors."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, max(1, int(limit))) if limit.isdecimal() else cores


def onnxruntime_session(content: bytes) -> Session:
    """A model's bytes, loaded by ONNX Runtime for all of this process's cores."""
    session = open_session(content, threads())
    names = [output.name for output in session.get_outputs()]
    feed = session.get_inputs()[0].name

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        results = session.run(names, {feed: images})
        return {name: np.asarray(result) for name, result in zip(names, results, strict=True)}

    return run


def openvino_session(content: bytes) -> Session:
    """A model's bytes, loaded by OpenVINO for all of this process's cores."""
    import openvino

    core = openvino.Core()
    # OpenVINO defaults to bfloat16 where the CPU has it; results would then differ by machine.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads(), "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(core.read_model(content), "CPU", settings)
    request = compiled.create_infer_request()
    names = [output.get_any_name() for output in compiled.outputs]

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        results = request.infer([images])
        return {name: np.array(results[index]) for index, name in enumerate(names)}

    return run


def detecting_part(content: bytes, outputs: Sequence[str], load: Callable[[bytes], Session]) -> Session | None:
    """The part of a model that some of its outputs need; None if that is most of its convolutions.

    Args:
        content: an ONNX file.
        outputs: names of the outputs that are computed.
        load: loads an ONNX file.
    """
    import onnx
    from onnx.utils import Extractor

    def convolutions(model: onnx.ModelProto) -> int:
        return sum("Conv" in node.op_type for node in model.graph.node)

    model = onnx.load_from_string(content)
    part = Extractor(model).extract_model([each.name for each in model.graph.input], list(outputs))
    return load(part.SerializeToString()) if convolutions(part) <= 2 / 3 * convolutions(model) else None
