"""Recalibration of a bundle's probabilities on other patients, without training."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.evaluation.calibration import Calibration, calibrate_presence, class_report, predicted_classes
from tumorscope.evaluation.drawing import new_figure, png, prepare_unit_square
from tumorscope.evaluation.metrics import CALIBRATION_BINS, calibration_bin
from tumorscope.evaluation.validation import validation_cases
from tumorscope.inference.bundle import save_card
from tumorscope.inference.bundles import Bundle, load_bundle
from tumorscope.inference.engine import Engine

PLOT_FILE = "calibration.png"


@dataclass(frozen=True)
class Recalibration:
    """Fitted temperatures, for a model card.

    Attributes:
        presence: of the presence output; None without it, or without slices of both kinds.
        classes: of the class output, with its coverage curve; None without.
        type_temperature, type_confidence: of the class output.
        slices: number of slices.
        plot: reliability before and after, a PNG.
    """

    presence: Calibration | None
    classes: dict[str, Any] | None
    type_temperature: float
    type_confidence: float
    slices: int
    plot: bytes


def recalibrate(
    engine: Engine, cases: Sequence[LabeledCase], on_case: Callable[[], object] = lambda: None
) -> Recalibration:
    """Fit temperatures, and the confidence above which a class is named, on validation cases.

    Args:
        engine: a loaded bundle.
        cases: of patients in neither the training nor the test set.
        on_case: called after each case, for a progress bar.

    Raises:
        TumorscopeError: there are no suitable slices.
    """
    outputs = []
    for case in validation_cases(engine, cases):
        outputs.append(case)
        on_case()
    present = np.concatenate([case.shows_tumor for case in outputs]) if outputs else np.zeros(0, bool)
    curves: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    presence, logits = None, [case.presence_logits for case in outputs if case.presence_logits is not None]
    if logits and present.any() and not present.all():
        joined = np.concatenate(logits).astype(np.float64)
        presence = calibrate_presence(joined, present)
        curves["presence"] = [(present, expit(joined / value)) for value in (1.0, presence.temperature)]
    classes, temperature, confidence = None, 1.0, 0.0
    known = [case for case in outputs if case.class_logits is not None and case.true_class is not None]
    if known:
        scores = np.concatenate([case.class_logits for case in known if case.class_logits is not None])
        truth = np.concatenate([np.full(len(case.shows_tumor), case.true_class) for case in known])
        calibration, confidence, classes = class_report(scores, truth)
        temperature = calibration.temperature
        curves["class"] = [predicted_classes(scores, truth, value) for value in (1.0, temperature)]
    if presence is None and classes is None:
        raise TumorscopeError("nothing to calibrate: no slices with and without tumor, and no slices of known class")
    return Recalibration(presence, classes, temperature, confidence, len(present), _draw(curves, classes))


def write_recalibrated(bundle: Bundle, fitted: Recalibration, folder: Path) -> Bundle:
    """Write a copy of a bundle with other temperatures and the same models and thresholds.

    Raises:
        TumorscopeError: the folder exists.
    """
    if folder.exists():
        raise TumorscopeError(f"{folder}: exists; name another folder with -o")
    point = bundle.card.operating_point.model_copy(
        update={
            **({"temperature": fitted.presence.temperature} if fitted.presence else {}),
            **(
                {"type_temperature": fitted.type_temperature, "type_confidence": fitted.type_confidence}
                if fitted.classes
                else {}
            ),
        }
    )
    calibration = {
        "presence": None if fitted.presence is None else fitted.presence.as_dict(),
        "classes": fitted.classes,
        "slices": fitted.slices,
    }
    card = bundle.card.model_copy(update={"operating_point": point, "calibration": calibration})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True
    ) as staging:
        work = Path(staging) / "bundle"
        shutil.copytree(bundle.folder, work, ignore=shutil.ignore_patterns("__pycache__"))
        save_card(card, work)
        (work / PLOT_FILE).write_bytes(fitted.plot)
        work.rename(folder)
    return load_bundle(folder)


def _draw(curves: dict[str, list[tuple[np.ndarray, np.ndarray]]], classes: dict[str, Any] | None) -> bytes:
    """Reliability before and after for each output, and accuracy against coverage of the class."""
    figure = new_figure(4.2 * (len(curves) + (classes is not None)), 4)
    panels = list(np.atleast_1d(figure.subplots(1, len(curves) + (classes is not None))))
    for axes, (name, pairs) in zip(panels, curves.items(), strict=False):
        prepare_unit_square(axes, f"probability, {name}", "observed frequency")
        for (right, probability), label, color in zip(pairs, ("before", "after"), ("#d1242f", "#1f6feb"), strict=True):
            bin_of = calibration_bin(probability)
            counts = np.bincount(bin_of, minlength=CALIBRATION_BINS)
            filled = counts > 0
            predicted = np.bincount(bin_of, probability, CALIBRATION_BINS)[filled] / counts[filled]
            observed = np.bincount(bin_of, right, CALIBRATION_BINS)[filled] / counts[filled]
            axes.plot(predicted, observed, "o-", color=color, markersize=4, label=label)
        axes.legend(fontsize=8)
    if classes is not None:
        curve = classes["curve"]
        panels[-1].plot(
            [point["coverage"] for point in curve], [point["accuracy"] for point in curve], "o-", color="#1f6feb"
        )
        panels[-1].axvline(classes["coverage"], color="#d1242f", linewidth=1, linestyle="--", label="named")
        panels[-1].set(xlabel="fraction of slices whose class is named", ylabel="accuracy", xlim=(0, 1.02))
        panels[-1].legend(fontsize=8)
    return png(figure)
