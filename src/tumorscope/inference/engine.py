"""Running a bundle's network: ONNX Runtime by default, OpenVINO where it is installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from tumorscope.core.errors import BadBundle, TumorscopeError
from tumorscope.core.extras import install_command
from tumorscope.inference.bundles import Bundle
from tumorscope.inference.runtimes import open_session, runtime_reason
from tumorscope.inference.tumor_type import TypeFinding, type_finding
from tumorscope.inference.type_check import TypeCheck, load_type_check, mask_geometry
from tumorscope.preprocessing import stack_adjacent_slices
from tumorscope.preprocessing.sampling import SliceSampling

if TYPE_CHECKING:
    from tumorscope.measurement.radiomics_classifier import RadiomicsClassifier

EngineName = Literal["auto", "onnxruntime", "openvino"]
PrecisionName = Literal["auto", "float", "int8"]
BATCH = 4
"""Slices run at a time: larger batches gain nothing on a CPU and cost memory."""


class Session(Protocol):
    """A loaded network."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Logits by output name, for float32 images ``(n, channels, size, size)``."""
        ...


@dataclass(frozen=True, eq=False)
class Predictions:
    """A network's outputs for each slice.

    Attributes:
        presence: logits ``(slice,)``, or None where the bundle has no such output.
        mask: probabilities float32 ``(slice, size, size)``, of several compartments those of the whole tumor; or None.
        compartments: of the compartments inside the whole tumor, ``(slice, compartment, size, size)``; None without.
        classes: logits ``(slice, class)``, or None.
        presence_map, class_map: activation maps ``(slice, r, c)`` and ``(slice, class, r, c)``,
            coarse, whose means over each slice are the logits but for a bias; None where the network has none.
        type_features: what the types are read from, ``(slice, feature)``; None where the network does not output them.
    """

    presence: np.ndarray | None = None
    mask: np.ndarray | None = None
    classes: np.ndarray | None = None
    presence_map: np.ndarray | None = None
    class_map: np.ndarray | None = None
    type_features: np.ndarray | None = None
    compartments: np.ndarray | None = None

    def spread(self, sampling: SliceSampling) -> Predictions:
        """Predictions for all slices from those for the sampled ones."""
        outputs = {field.name: getattr(self, field.name) for field in fields(self)}
        return Predictions(**{name: None if one is None else sampling.spread(one) for name, one in outputs.items()})

    def __len__(self) -> int:
        known = next(values for values in (self.presence, self.mask, self.classes) if values is not None)
        return len(known)


@dataclass(frozen=True, eq=False)
class Engine:
    """A loaded bundle.

    Attributes:
        bundle: what is run.
        runtime: ``onnxruntime`` or ``openvino``.
        precision: ``float`` or ``int8``.
        session: the loaded network.
        radiomics_classifier: predicts the type from radiomic features; None where the bundle has none.
        type_check: tells tumors of other types; None where the bundle has none.
    """

    bundle: Bundle
    runtime: str
    precision: str
    session: Session
    radiomics_classifier: RadiomicsClassifier | None = None
    type_check: TypeCheck | None = None

    def check_type(self, finding: TypeFinding, predictions: Predictions, weights: np.ndarray) -> TypeFinding:
        """The type without a name where the tumor is unlike those that the type was learned from.

        Args:
            finding: the type of the whole scan.
            predictions: of the network, for every analyzed slice.
            weights: of the slices, by which ``finding`` was averaged.
        """
        features, mask = predictions.type_features, predictions.mask
        if self.type_check is None or features is None or mask is None:
            return finding
        mean = weights @ features / weights.sum()
        geometry = mask_geometry(mask[int(weights.argmax())], self.bundle.card.operating_point.mask)
        unlike = self.type_check.is_unlike(finding.likeliest, mean[None], geometry[None])[0]
        return finding.doubted("other_or_unsure") if unlike else finding

    def classify_by_radiomics(self, voxels: np.ndarray, mask: np.ndarray) -> TypeFinding | None:
        """The type by the radiomics classifier, from the slice with the largest segmented area.

        Args:
            voxels: ``(slice, row, column, sequence)``; the first is what the network receives first.
            mask: boolean ``(slice, row, column)``.

        Returns:
            None where nothing is segmented or the bundle has no such classifier.
        """
        if self.radiomics_classifier is None or not mask.any():
            return None
        largest = int(mask.sum(axis=(1, 2)).argmax())
        probabilities = self.radiomics_classifier.classify(voxels[largest, ..., 0], mask[largest])
        return type_finding(probabilities, self.bundle.card.operating_point.type_confidence)

    def run(
        self,
        images: np.ndarray,
        on_slices: Callable[[int], None] = lambda done: None,
        *,
        step: int = 1,
        flips: bool = False,
    ) -> Predictions:
        """Predict for every slice.

        Args:
            images: float32 ``(slice, sequence, size, size)`` from ``prepare``.
            on_slices: called with the number of slices just done.
            step: from a slice to its adjacent slice in the network's input.
            flips: average each slice's logits and maps with those of its left-right mirror image, as a card may ask
                for by itself. Up-down flips and reversed slices are not averaged: a scan that knows its orientation
                is shown upright and from inferior to superior, and each would double the time again.
        """
        card = self.bundle.card
        found: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(images), BATCH):
            indices = np.arange(start, min(start + BATCH, len(images)))
            batch = stack_adjacent_slices(images, indices, card.preparation.adjacent_slices, step)
            prediction = self.session(batch)
            if flips or card.tta_flip:
                mirrored = self.session(np.ascontiguousarray(batch[..., ::-1]))
                prediction = {name: (values + _mirror(mirrored[name])) / 2 for name, values in prediction.items()}
            for name, values in prediction.items():
                found.setdefault(name, []).append(_sigmoid(values) if name == "mask" else values)
            on_slices(len(indices))
        joined = {name: np.concatenate(values) for name, values in found.items()}
        if joined.get("mask") is not None and joined["mask"].ndim == 4:
            joined["mask"], joined["compartments"] = joined["mask"][:, 0], joined["mask"][:, 1:]
        return Predictions(**{_FIELDS[name]: values for name, values in joined.items() if name in _FIELDS})


_FIELDS = {
    "presence": "presence",
    "mask": "mask",
    "type": "classes",
    "presence_map": "presence_map",
    "type_map": "class_map",
    "type_features": "type_features",
    "compartments": "compartments",
}
"""The field of :class:`Predictions` for each of a network's outputs."""


def load_engine(bundle: Bundle, engine: EngineName = "auto", precision: PrecisionName = "auto") -> Engine:
    """Load a bundle's network.

    ``auto`` selects OpenVINO where it is installed, and int8 on CPUs with VNNI, AMX or dot-product
    support; on older CPUs int8 sums saturate.

    Raises:
        BadBundle: the bundle has no model of that precision, or it is damaged.
        TumorscopeError: OpenVINO was requested and is not installed.
    """
    runtime = engine
    if engine == "auto":
        runtime = "openvino" if openvino_available() else "onnxruntime"
    elif engine == "openvino" and not openvino_available():
        raise TumorscopeError(f"OpenVINO is not installed; run {install_command('fast')} or use --engine onnxruntime")
    chosen = precision
    if precision == "auto":
        chosen = "int8" if bundle.card.model("int8") and supports_vnni_int8() else "float"
    assert chosen in ("float", "int8")
    model = bundle.card.model(chosen)
    if model is None:
        raise BadBundle(f"bundle {bundle.name} has no {chosen} model")
    content = bundle.read_model(model)
    try:
        session = _openvino_session(content) if runtime == "openvino" else onnxruntime_session(content)
    except Exception as error:  # each runtime raises its own kinds
        reason = runtime_reason(error)
        raise BadBundle(f"bundle {bundle.name}: {runtime} cannot load {model.file} ({reason})") from error
    type_check = load_type_check(bundle.folder) if bundle.has_type_check else None
    return Engine(bundle, runtime, chosen, session, _radiomics_classifier(bundle), type_check)


def _radiomics_classifier(bundle: Bundle) -> RadiomicsClassifier | None:
    if not bundle.has_radiomics_classifier:
        return None
    # Texture features take half a second to import; bundles without a radiomics classifier do not need them.
    from tumorscope.measurement.radiomics_classifier import load_radiomics_classifier

    return load_radiomics_classifier(bundle.folder)


def openvino_available() -> bool:
    """Whether the ``fast`` extra is installed."""
    return importlib.util.find_spec("openvino") is not None


def supports_vnni_int8() -> bool:
    """Whether this CPU adds int8 products without saturation (AVX-512/AVX VNNI, AMX, Arm dot product)."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"))


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


def _openvino_session(content: bytes) -> Session:
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


def _mirror(values: np.ndarray) -> np.ndarray:
    """Maps flipped back; values of a whole slice have no left and right."""
    return values[..., ::-1] if values.ndim > 2 else values


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -40, 40)))
