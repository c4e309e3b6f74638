"""Running a bundle's network: ONNX Runtime by default, OpenVINO where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tumorscope.core.errors import BadBundle, TumorscopeError
from tumorscope.core.extras import install_command
from tumorscope.inference.bundles import Bundle
from tumorscope.inference.logits import sigmoid
from tumorscope.inference.runtimes import runtime_reason
from tumorscope.inference.sessions import BATCH, LOADERS, Session
from tumorscope.inference.tumor_type import TypeFinding, type_finding
from tumorscope.inference.type_check import TypeCheck, load_type_check, mask_geometry
from tumorscope.preprocessing import stack_adjacent_slices
from tumorscope.preprocessing.sampling import SliceSampling

if TYPE_CHECKING:
    from tumorscope.measurement.radiomics_classifier import RadiomicsClassifier

EngineName = Literal["auto", "onnxruntime", "openvino"]
PrecisionName = Literal["auto", "float", "int8"]
MIN_STAGED = 8
"""Scans of fewer slices are detected and localized at once."""


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
        localized: 1 for slices whose mask was computed, 0 for those whose empty mask presence decides; None: all were.
    """

    presence: np.ndarray | None = None
    mask: np.ndarray | None = None
    classes: np.ndarray | None = None
    presence_map: np.ndarray | None = None
    class_map: np.ndarray | None = None
    type_features: np.ndarray | None = None
    compartments: np.ndarray | None = None
    localized: np.ndarray | None = None

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
        detector: loads the part of the network that detects without localizing; None where there is none.
        batch: slices that ``session`` is given at a time.
    """

    bundle: Bundle
    runtime: str
    precision: str
    session: Session
    radiomics_classifier: RadiomicsClassifier | None = None
    type_check: TypeCheck | None = None
    detector: Callable[[], Session | None] = lambda: None
    batch: int = BATCH

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
        needed: Callable[[Predictions], np.ndarray] | None = None,
    ) -> Predictions:
        """Predict for every slice.

        Args:
            images: float32 ``(slice, sequence, size, size)`` from ``prepare``.
            on_slices: called with the number of slices just done.
            step: from a slice to its adjacent slice in the network's input.
            flips: average each slice's logits and maps with those of its left-right mirror image, as a card may ask
                for by itself. Up-down flips and reversed slices are not averaged: a scan that knows its orientation
                is shown upright and from inferior to superior, and each would double the time again.
            needed: from what is detected, which slices need a mask, boolean ``(slice,)``. The masks of others are
                empty, and not computed where the network allows it. None: all need one.
        """

        def predict(session: Session, chosen: np.ndarray, report: Callable[[int], None]) -> Predictions:
            batches = [chosen[start : start + self.batch] for start in range(0, len(chosen), self.batch)]
            return self._predict(session, images, batches, report, step, flips or self.bundle.card.tta_flip)

        everything = np.arange(len(images))
        detect = self.detector() if needed is not None and len(images) >= MIN_STAGED else None
        if detect is None or needed is None:
            return predict(self.session, everything, on_slices)
        detected = predict(detect, everything, lambda done: None)
        chosen = np.flatnonzero(needed(detected))
        on_slices(len(images) - len(chosen))
        count, size, inside = len(images), images.shape[2:], max(len(self.bundle.card.compartments) - 1, 0)
        localized, mask = np.zeros(count, np.float32), np.zeros((count, *size), np.float32)
        compartments = np.zeros((count, inside, *size), np.float32) if inside else None
        if len(chosen):
            found = predict(self.session, chosen, on_slices)
            localized[chosen], mask[chosen] = 1, found.mask
            if compartments is not None:
                compartments[chosen] = found.compartments
        return replace(detected, mask=mask, compartments=compartments, localized=localized)

    def _predict(
        self,
        session: Session,
        images: np.ndarray,
        batches: list[np.ndarray],
        on_slices: Callable[[int], None],
        step: int,
        flips: bool,
    ) -> Predictions:
        found: dict[str, list[np.ndarray]] = {}
        for indices in batches:
            batch = stack_adjacent_slices(images, indices, self.bundle.card.preparation.adjacent_slices, step)
            prediction = session(batch)
            if flips:
                mirrored = session(np.ascontiguousarray(batch[..., ::-1]))
                prediction = {name: (values + _mirror(mirrored[name])) / 2 for name, values in prediction.items()}
            for name, values in prediction.items():
                found.setdefault(name, []).append(sigmoid(values) if name == "mask" else values)
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

    ``auto`` selects OpenVINO where it is installed, and int8 where :func:`int8_is_exact`.

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
        chosen = "int8" if bundle.card.model("int8") and int8_is_exact(runtime) else "float"
    assert chosen in ("float", "int8")
    model = bundle.card.model(chosen)
    if model is None:
        raise BadBundle(f"bundle {bundle.name} has no {chosen} model")
    content = bundle.read_model(model)
    loader = LOADERS[runtime]
    try:
        session = loader.load(content)
    except Exception as error:  # each runtime raises its own kinds
        reason = runtime_reason(error)
        raise BadBundle(f"bundle {bundle.name}: {runtime} cannot load {model.file} ({reason})") from error
    type_check = load_type_check(bundle.folder) if bundle.has_type_check else None
    loaded = Engine(bundle, runtime, chosen, session, _radiomics_classifier(bundle), type_check, batch=loader.batch)
    # Types are read inside the mask, so that each slice with a type needs one.
    if set(bundle.card.outputs) != {"presence", "mask"}:
        return loaded
    return replace(loaded, detector=cache(lambda: loader.load_part(content, ("presence", *bundle.card.maps))))


def _radiomics_classifier(bundle: Bundle) -> RadiomicsClassifier | None:
    if not bundle.has_radiomics_classifier:
        return None
    # Texture features take half a second to import; bundles without a radiomics classifier do not need them.
    from tumorscope.measurement.radiomics_classifier import load_radiomics_classifier

    return load_radiomics_classifier(bundle.folder)


def openvino_available() -> bool:
    """Whether the ``fast`` extra is installed."""
    return importlib.util.find_spec("openvino") is not None


def int8_is_exact(runtime: str) -> bool:
    """Whether a runtime adds int8 products without saturation on this CPU.

    ONNX Runtime does with AVX-512/AVX VNNI, AMX or Arm's dot product; OpenVINO, too, and as far as measured with AVX2
    alone (``docs/performance.md``).
    """
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    exact = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm", *(["avx2"] if runtime == "openvino" else []))
    return any(flag in flags for flag in exact)


def _mirror(values: np.ndarray) -> np.ndarray:
    """Maps flipped back; values of a whole slice have no left and right."""
    return values[..., ::-1] if values.ndim > 2 else values
