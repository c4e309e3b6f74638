"""Networks as functions: a bundle's model, or the part of it that detects, loaded by ONNX Runtime or OpenVINO."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tumorscope.core.cache_folder import keep, recall
from tumorscope.inference.runtimes import open_session

if TYPE_CHECKING:
    import openvino

BATCH = 4
"""Slices given to a session at a time: more gain nothing on a CPU and take memory."""
_MOST_OF_CONVOLUTIONS = 2 / 3
_MOST_STREAMS = 8
"""Each takes 15 MB and more."""
_KEPT_NETWORKS = 16
"""Compiled networks in the cache folder, of 3 to 16 MB each."""


class Session(Protocol):
    """A loaded network."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Logits by output name, for float32 images ``(n, channels, size, size)``."""
        ...


class Loader(Protocol):
    """A runtime: it loads networks."""

    @property
    def batch(self) -> int:
        """How many slices to give a session at a time."""
        ...

    def load(self, content: bytes) -> Session:
        """An ONNX file's whole network, for all of this process's cores."""
        ...

    def load_part(self, content: bytes, outputs: Sequence[str]) -> Session | None:
        """The part of a network that some of its outputs need; None if that is most of its convolutions."""
        ...


def threads() -> int:
    """CPU cores this process may use, or fewer where ``OMP_NUM_THREADS`` limits them, as Ray does for its actors."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, max(1, int(limit))) if limit.isdecimal() else cores


class OnnxRuntimeLoader:
    """ONNX Runtime."""

    batch = BATCH

    def load(self, content: bytes) -> Session:
        session = open_session(content, threads())
        names = [output.name for output in session.get_outputs()]
        feed = session.get_inputs()[0].name

        def run(images: np.ndarray) -> dict[str, np.ndarray]:
            results = session.run(names, {feed: images})
            return {name: np.asarray(result) for name, result in zip(names, results, strict=True)}

        return run

    def load_part(self, content: bytes, outputs: Sequence[str]) -> Session | None:
        import onnx
        from onnx.utils import Extractor

        model = onnx.load_from_string(content)
        part = Extractor(model).extract_model([each.name for each in model.graph.input], list(outputs))
        operators, needed = ([node.op_type for node in each.graph.node] for each in (model, part))
        return self.load(part.SerializeToString()) if _worthwhile(needed, operators) else None


class OpenVinoLoader:
    """OpenVINO. What it compiled is kept between runs: to compile takes several times as long as to read it back."""

    @property
    def batch(self) -> int:
        return max(BATCH, 2 * _streams())

    def load(self, content: bytes) -> Session:
        loaded = self._load(content, ())
        assert loaded is not None
        return loaded

    def load_part(self, content: bytes, outputs: Sequence[str]) -> Session | None:
        return self._load(content, outputs)

    @staticmethod
    def _load(content: bytes, outputs: Sequence[str]) -> Session | None:
        """The whole network, or a part of it that is worthwhile."""
        import openvino

        core = openvino.Core()
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",  # its default is bfloat16 where the CPU has it: results by machine
            "INFERENCE_NUM_THREADS": threads(),
            "NUM_STREAMS": _streams(),
            "ENABLE_CPU_PINNING": False,  # a core may be busy with something else
        }
        key = _compilation_key(core, settings, content, outputs)
        compiled = _recalled(core, settings, key)
        if compiled is None:
            network = core.read_model(content)
            if outputs:
                whole = network
                ends = [whole.output(name) for name in outputs]
                network = openvino.Model(ends, whole.get_parameters())  # type: ignore[misc]  # its stub names its base
                if not _worthwhile(_operators(network), _operators(whole)):
                    return None
            compiled = core.compile_model(network, "CPU", settings)
            exported = io.BytesIO()
            compiled.export_model(exported)
            keep("networks", key, exported.getvalue(), _KEPT_NETWORKS)
        return _openvino_session(compiled)


LOADERS: dict[str, Loader] = {"onnxruntime": OnnxRuntimeLoader(), "openvino": OpenVinoLoader()}


def _worthwhile(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether a part of a network saves enough, by the operators of both."""
    convolutions, all_convolutions = (sum("Conv" in operator for operator in each) for each in (part, whole))
    return convolutions <= _MOST_OF_CONVOLUTIONS * all_convolutions


def _operators(network: openvino.Model) -> list[str]:
    return [operator.get_type_name() for operator in network.get_ops()]


def _compilation_key(core: openvino.Core, settings: dict[str, Any], content: bytes, outputs: Sequence[str]) -> str:
    """A name for what OpenVINO makes of a network: by this version, on this CPU, with these settings."""
    import openvino

    cpu = [str(core.get_property("CPU", name)) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    text = json.dumps([openvino.__version__, cpu, limit, settings, list(outputs)])
    return hashlib.sha256(text.encode() + content).hexdigest()


def _recalled(core: openvino.Core, settings: dict[str, Any], key: str) -> openvino.CompiledModel | None:
    kept = recall("networks", key)
    if kept is None:
        return None
    try:
        return core.import_model(io.BytesIO(kept), "CPU", settings)
    except RuntimeError:  # made by a build of OpenVINO that calls itself by the same version
        return None


def _openvino_session(compiled: openvino.CompiledModel) -> Session:
    """A session that predicts as many slices at a time as there are streams, each by itself."""
    import openvino

    requests = openvino.AsyncInferQueue(compiled, _streams())
    names = [output.get_any_name() for output in compiled.outputs]
    one_caller = Lock()

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        predicted: dict[int, list[np.ndarray]] = {}

        def collect(request: openvino.InferRequest, index: int) -> None:
            predicted[index] = [np.array(request.get_output_tensor(place).data) for place in range(len(names))]

        with one_caller:
            requests.set_callback(collect)
            for index in range(len(images)):
                requests.start_async([images[index : index + 1]], index)
            requests.wait_all()
        outputs = zip(*(predicted[index] for index in range(len(images))), strict=True)
        return {name: np.concatenate(values) for name, values in zip(names, outputs, strict=True)}

    return run


def _streams() -> int:
    """How many slices OpenVINO predicts at a time: two of one thread are faster than one of two, and need less memory than
    batches; a slice's result does not depend on their number.
    """
    return min(threads(), _MOST_STREAMS)
