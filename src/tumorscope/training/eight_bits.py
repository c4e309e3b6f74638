"""The int8 copy of a bundle's network that finds what the float network finds, chosen on validation cases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.combined import CombinedDataset, by_dataset
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset
from tumorscope.datasets.training_view import known_presence, training_view
from tumorscope.evaluation import evaluate, summarize
from tumorscope.inference.bundle import save_card
from tumorscope.inference.bundles import Bundle, Card, Model
from tumorscope.inference.channels import arrange_channels
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.preprocessing import prepare, stack_adjacent_slices
from tumorscope.training.onnx_files import CALIBRATIONS, quantize

FLOAT_FILE, INT8_FILE = "model.onnx", "model.int8.onnx"
LARGEST_LOSS = 0.002
"""Largest loss of :func:`main_metric` by the int8 model on the validation patients."""
LARGEST_SENSITIVITY_LOSS = 0.01
"""Largest loss of sensitivity in any data set: masks and types may stay while faint tumors are no longer found."""

_CALIBRATION_SLICES = 128


@dataclass(frozen=True)
class EightBits:
    """A bundle with an int8 model, what it reaches on the validation cases, and how it was made, in words."""

    bundle: Bundle
    metrics: dict[str, Any]
    method: str


def with_eight_bits(
    bundle: Bundle,
    dataset: LabeledDataset,
    train: Sequence[LabeledCase],
    validation: Sequence[LabeledCase],
    float_metrics: dict[str, Any],
    log: Callable[[str], None],
) -> EightBits:
    """Add the int8 model that does best on the validation cases.

    Every operator is quantized first, which is fastest. Where that loses too much, only the convolutions are, without
    those next to activations that eight bits represent too coarsely.

    Args:
        bundle: with its float model, in a folder that can be written.
        dataset: the cases are of it.
        train: cases whose slices give the range of each activation.
        validation: cases by which the best is chosen.
        float_metrics: of the float model, from :func:`case_metrics`.
        log: called with a line about each attempt.

    Raises:
        TumorscopeError: every attempt loses more than :data:`LARGEST_LOSS` or :data:`LARGEST_SENSITIVITY_LOSS`.
    """
    images = calibration_images(train, bundle.card)
    best, content = None, b""
    for convolutions_only in (False, True):
        for calibration in CALIBRATIONS:
            attempt = _quantized(bundle, images, calibration, convolutions_only)
            metrics = case_metrics(load_engine(attempt, "onnxruntime", "int8"), dataset, validation)
            lost = losses(float_metrics, metrics)
            method = f"{calibration}, {'convolutions only' if convolutions_only else 'all operators'}"
            log(f"int8 by {method}: validation {main_metric(metrics):.4f}, sensitivity lost {lost.sensitivity:.4f}")
            if best is None or lost.total < losses(float_metrics, best.metrics).total:
                best, content = EightBits(attempt, metrics, method), (attempt.folder / INT8_FILE).read_bytes()
        assert best is not None
        if losses(float_metrics, best.metrics).tolerable:
            (bundle.folder / INT8_FILE).write_bytes(content)
            return EightBits(save_card(best.bundle.card, bundle.folder), best.metrics, best.method)
    raise TumorscopeError(
        f"the int8 model reaches {main_metric(best.metrics):.4f} on validation patients, the float model "
        f"{main_metric(float_metrics):.4f}: more than {LARGEST_LOSS}, or more than {LARGEST_SENSITIVITY_LOSS} of the "
        "sensitivity, is lost; nothing was written (export --float-only omits the int8 model)"
    )


def _quantized(bundle: Bundle, images: np.ndarray, calibration: str, convolutions_only: bool) -> Bundle:
    path = bundle.folder / INT8_FILE
    quantize(bundle.folder / FLOAT_FILE, images, path, calibration, convolutions_only=convolutions_only)
    models = (bundle.card.models[0], model_entry(path, "int8"))
    return save_card(bundle.card.model_copy(update={"models": models}), bundle.folder)


def calibration_images(cases: Sequence[LabeledCase], card: Card) -> np.ndarray:
    """Prepared training slices for int8 calibration, half of them with tumor if there are both kinds."""
    chance = np.random.default_rng(0)
    cases = [cases[index] for index in chance.permutation(len(cases))[:_CALIBRATION_SLICES]]
    each = max(1, _CALIBRATION_SLICES // (2 * len(cases)))
    images = []
    for case in cases:
        scan, truth = case.scan(), case.truth()
        view = training_view(scan, card.preparation.slice_distance_mm)
        voxels = view.forward(arrange_channels(scan, card)[0])
        prepared = prepare(voxels, card.preparation, view.pixel_aspect).images
        present = known_presence(truth, None if truth.mask is None else view.forward(truth.mask))
        present = np.ones(len(prepared), bool) if present is None else present
        for group in (np.flatnonzero(present), np.flatnonzero(~present)):
            chosen = chance.permutation(group)[:each]
            if len(chosen):
                images.append(stack_adjacent_slices(prepared, chosen, card.preparation.adjacent_slices))
    return np.concatenate(images)


@dataclass(frozen=True)
class Losses:
    """What a model loses against another one.

    Attributes:
        metric: of :func:`main_metric`.
        sensitivity: of presence in a slice at the operating point, in the data set that loses most.
    """

    metric: float
    sensitivity: float

    @property
    def total(self) -> float:
        """Both, by which models are compared."""
        return self.metric + self.sensitivity

    @property
    def tolerable(self) -> bool:
        """Whether neither is too large."""
        return self.metric <= LARGEST_LOSS and self.sensitivity <= LARGEST_SENSITIVITY_LOSS


def losses(before: dict[str, Any], after: dict[str, Any]) -> Losses:
    """What is lost from the metrics of one model to those of another; gains are negative."""
    pairs = [(before, after)] if "patients" in before else [(before[name], after[name]) for name in before]
    sensitivity = [_sensitivity(one) - _sensitivity(other) for one, other in pairs]
    return Losses(main_metric(before) - main_metric(after), max(sensitivity))


def _sensitivity(metrics: dict[str, Any]) -> float:
    found = (metrics["presence"].get("sensitivity") or {}).get("value")
    return 0.0 if found is None else float(found)


def main_metric(metrics: dict[str, Any]) -> float:
    """The metric that int8 must preserve: Dice, accuracy of the class, or AUROC of presence.

    For a network with mask and class it is the mean of Dice and accuracy; for several data sets, the
    mean over the data sets; for several compartments, Dice is the mean over them.
    """
    if "patients" not in metrics:
        return float(np.mean([main_metric(own) for own in metrics.values()]))
    dice, classes = metrics.get("patient_dice") or metrics.get("tumor_slice_dice"), metrics.get("classes")
    every = [dice, *(own["patient_dice"] for own in (metrics.get("compartments") or {}).values())]
    means = [float(each["mean"]) for each in every if each and each["mean"] is not None]
    values = [float(np.mean(means))] if means else []
    if classes:
        values.append(float(classes["accuracy"]["value"]))
    return float(np.mean(values)) if values else float(metrics["presence"]["auroc"]["value"])


def main_metric_title(metrics: dict[str, Any]) -> str:
    """What :func:`main_metric` is of these metrics, in words.

    >>> main_metric_title({"patients": 3, "patient_dice": {"mean": 0.8}})
    'mean Dice'
    >>> main_metric_title({"lgg": {"patients": 3, "patient_dice": {"mean": 0.8}}, "kaggle4": {"patients": 9, "classes": {}}})
    'mean Dice and AUROC of presence over 2 data sets'
    """
    if "patients" in metrics:
        return " and ".join(_measures(metrics))
    measures = dict.fromkeys(measure for own in metrics.values() for measure in _measures(own))
    return f"{' and '.join(measures)} over {len(metrics)} data sets"


def _measures(metrics: dict[str, Any]) -> list[str]:
    dice = any((metrics.get(name) or {}).get("mean") is not None for name in ("patient_dice", "tumor_slice_dice"))
    measures = [*(["mean Dice"] if dice else []), *(["accuracy of the class"] if metrics.get("classes") else [])]
    return measures or ["AUROC of presence"]


def case_metrics(engine: Engine, dataset: LabeledDataset, cases: Sequence[LabeledCase]) -> dict[str, Any]:
    """The metrics of an evaluation; of several data sets those of each, by name."""
    found = {name: summarize(evaluate(*own, engine)) for name, own in by_dataset(dataset, cases).items()}
    return found if isinstance(dataset, CombinedDataset) else found[dataset.name]


def model_entry(path: Path, precision: Literal["float", "int8"]) -> Model:
    """A model's line in its bundle's card."""
    return Model(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), precision=precision)
