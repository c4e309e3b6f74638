"""Fitting a bundle's probabilities to other patients, without training."""

from __future__ import annotations

import json
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
from tumorscope.inference.bundle import CARD_FILE
from tumorscope.inference.bundles import Bundle, load_bundle
from tumorscope.inference.engine import Engine

PLOT_FILE = "calibration.png"


@dataclass(frozen=True)
class Recalibration:
    """What was found, ready for a card.

    Attributes:
        presence: of the presence output; None without it, or without slices of both kinds.
        classes: of the class output, with its coverage curve; None without.
        type_temperature, type_confidence: of the class output.
        slices: on how many slices.
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
    """Find temperatures, and the confidence from which a class is named, on validation cases.

    Args:
        engine: a loaded bundle.
        cases: patients that it was neither trained on nor will be evaluated on.
        on_case: called after each case, for a progress bar.

    Raises:
        TumorscopeError: the cases hold nothing to calibrate with.
    """
    found = []
    for case in validation_cases(engine, cases):
        found.append(case)
        on_case()
    present = np.concatenate([case.shows_tumor for case in found]) if found else np.zeros(0, bool)
    curves: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    presence, logits = None, [case.presence_logits for case in found if case.presence_logits is not None]
    if logits and present.any() and not present.all():
        joined = np.concatenate(logits).astype(np.float64)
        presence = calibrate_presence(joined, present)
        curves["presence"] = [(present, expit(joined / value)) for value in (1.0, presence.temperature)]
    classes, temperature, confidence = None, 1.0, 0.0
    known = [case for case in found if case.class_logits is not None and case.true_class is not None]
    if known:
        scores = np.concatenate([case.class_logits for case in known if case.class_logits is not None])
        truth = np.concatenate([np.full(len(case.shows_tumor), case.true_class) for case in known])
        calibration, confidence, classes = class_report(scores, truth)
        temperature = calibration.temperature
        curves["class"] = [predicted_classes(scores, truth, value) for value in (1.0, temperature)]
    if presence is None and classes is None:
        raise TumorscopeError("nothing to calibrate: no slices with and without tumor, and no slices of known class")
    return Recalibration(presence, classes, temperature, confidence, len(present), _draw(curves, classes))


def write_recalibrated(bundle: Bundle, found: Recalibration, folder: Path) -> Bundle:
    """A copy of a bundle with other temperatures; its models and thresholds stay.

    Raises:
        TumorscopeError: the folder is there already.
    """
    if folder.exists():
        raise TumorscopeError(f"{folder}: is there already; name another folder with -o")
    point = bundle.card.operating_point.model_copy(
        update={
            **({"temperature": found.presence.temperature} if found.presence else {}),
            **(
                {"type_temperature": found.type_temperature, "type_confidence": found.type_confidence}
                if found.classes
                else {}
            ),
        }
    )
    calibration = {
        "presence": None if found.presence is None else found.presence.as_dict(),
        "classes": found.classes,
        "slices": found.slices,
    }
    card = bundle.card.model_copy(update={"operating_point": point, "calibration": calibration})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True) as place:
        work = Path(place) / "bundle"
        shutil.copytree(bundle.folder, work, ignore=shutil.ignore_patterns("__pycache__"))
        (work / CARD_FILE).write_text(json.dumps(card.model_dump(mode="json", by_alias=True), indent=1) + "\n")
        (work / PLOT_FILE).write_bytes(found.plot)
        work.rename(folder)
    return load_bundle(folder)


def _draw(curves: dict[str, list[tuple[np.ndarray, np.ndarray]]], classes: dict[str, Any] | None) -> bytes:
    """Reliability before and after for each output, and coverage against accuracy of the class."""
    figure = new_figure(4.2 * (len(curves) + (classes is not None)), 4)
    panels = list(np.atleast_1d(figure.subplots(1, len(curves) + (classes is not None))))
    for axes, (name, pairs) in zip(panels, curves.items(), strict=False):
        prepare_unit_square(axes, f"probability, {name}", "how often right")
        for (right, probability), label, color in zip(pairs, ("before", "after"), ("#d1242f", "#1f6feb"), strict=True):
            held = calibration_bin(probability)
            counts = np.bincount(held, minlength=CALIBRATION_BINS)
            filled = counts > 0
            said = np.bincount(held, probability, CALIBRATION_BINS)[filled] / counts[filled]
            true = np.bincount(held, right, CALIBRATION_BINS)[filled] / counts[filled]
            axes.plot(said, true, "o-", color=color, markersize=4, label=label)
        axes.legend(fontsize=8)
    if classes is not None:
        curve = classes["curve"]
        panels[-1].plot([one["coverage"] for one in curve], [one["accuracy"] for one in curve], "o-", color="#1f6feb")
        panels[-1].axvline(classes["coverage"], color="#d1242f", linewidth=1, linestyle="--", label="named")
        panels[-1].set(xlabel="share of slices whose class is named", ylabel="how often rightly", xlim=(0, 1.02))
        panels[-1].legend(fontsize=8)
    return png(figure)
