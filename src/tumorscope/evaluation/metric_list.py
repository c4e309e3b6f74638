"""The metrics of a summary as a list, each with its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SPREADS = {
    "patient_dice": "Dice of the whole patient",
    "tumor_slice_dice": "Dice on slices with tumor",
    "hd95_px": "HD95, pixels",
    "hd95_mm": "HD95, mm",
}
PRESENCE = {
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
}
CLASSES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
}
OF_CLASS = {"precision": "precision", "recall": "recall", "f1": "F1", "auroc": "AUROC"}
_LOWER_IS_BETTER = {"hd95_px", "hd95_mm", "ece", "brier", "empty_slice_false_positive_rate"}


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: its path in the summary, such as ``classes.of_class.glioma.f1``.
        title: for tables and plots.
        value: between zero and one, except for HD95.
        ci95: its 95 % interval, if there is one.
        lower_is_better: true for errors and distances.
    """

    name: str
    title: str
    value: float
    ci95: tuple[float, float] | None
    lower_is_better: bool


def list_metrics(summary: Mapping[str, Any], *, of_class: Sequence[str] = ("f1",)) -> list[Metric]:
    """The defined metrics of segmentation, classes, presence and activation maps.

    Args:
        summary: from :func:`tumorscope.evaluation.summarize`, or an ``evaluation.json``.
        of_class: the metrics to list for each class, from :data:`OF_CLASS`.
    """
    listed = [_metric(name, f"{title}, mean", summary.get(name), "mean") for name, title in SPREADS.items()]
    listed += [
        _metric(f"compartments.{compartment}.{name}", f"{compartment}, {title}, mean", metrics.get(name), "mean")
        for compartment, metrics in (summary.get("compartments") or {}).items()
        for name, title in SPREADS.items()
    ]
    rate = summary.get("empty_slice_false_positive_rate")
    listed.append(_metric("empty_slice_false_positive_rate", "empty slices with a mask", rate))
    classes = summary.get("classes") or {}
    listed += [_metric(f"classes.{name}", f"class, {title}", classes.get(name)) for name, title in CLASSES.items()]
    listed += [
        _metric(f"classes.of_class.{label}.{name}", f"{OF_CLASS[name]} of {label}", metrics.get(name))
        for name in of_class
        for label, metrics in classes.get("of_class", {}).items()
    ]
    presence = summary.get("presence") or {}
    listed += [
        _metric(f"presence.{name}", f"presence, {PRESENCE[name]}", presence[name])
        for name in informative_presence(presence)
    ]
    inside = (summary.get("activation") or {}).get("inside")
    listed.append(_metric("activation.inside", "activation map inside the true mask", inside, "mean"))
    return [metric for metric in listed if metric is not None]


def informative_presence(presence: Mapping[str, Any]) -> list[str]:
    """The informative metrics of presence: with slices of one kind only, sensitivity or specificity.

    There are none for a bundle that assumes a tumor, on slices that all show one.
    """
    if not presence:
        return []
    without, with_tumor = np.array(presence["confusion"]).sum(axis=1)
    if without and with_tumor:
        return [name for name in PRESENCE if presence[name]["value"] is not None]
    if presence["brier"]["value"] == 0:
        return []
    return ["sensitivity" if with_tumor else "specificity"]


def number(value: float | None) -> str:
    """Three decimals, or one for numbers from ten on; a dash for None."""
    return "–" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def interval(pair: Sequence[float | None] | None) -> str:
    """``0.812 to 0.871``, or a dash."""
    return "–" if pair is None else " to ".join(number(value) for value in pair)


def _metric(name: str, title: str, content: Mapping[str, Any] | None, key: str = "value") -> Metric | None:
    if not content or content.get(key) is None:
        return None
    pair = content.get("ci95")
    known = None if pair is None or None in pair else (float(pair[0]), float(pair[1]))
    return Metric(name, title, float(content[key]), known, name.rsplit(".", 1)[-1] in _LOWER_IS_BETTER)


def metric_rows(metrics: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The title of each defined metric, with its value and interval."""
    classes, informative = metrics.get("classes") or {}, informative_presence(metrics["presence"])
    wanted = {
        "whole-patient Dice, mean": (metrics.get("patient_dice"), "mean"),
        "whole-patient Dice, median": (metrics.get("patient_dice"), "median"),
        "Dice on slices with tumor, mean": (metrics.get("tumor_slice_dice"), "mean"),
        "Dice on slices with tumor, median": (metrics.get("tumor_slice_dice"), "median"),
        **{
            f"{name}, whole-patient Dice, mean": (own.get("patient_dice"), "mean")
            for name, own in (metrics.get("compartments") or {}).items()
        },
        "false-positive rate on slices without": (metrics.get("empty_slice_false_positive_rate"), "value"),
        **{
            f"presence, {title}": (metrics["presence"].get(name), "value")
            for name, title in (("auroc", "AUROC"), ("accuracy", "accuracy"), ("sensitivity", "sensitivity"))
            if name in informative
        },
        "class, accuracy": (classes.get("accuracy"), "value"),
        "class, balanced accuracy": (classes.get("balanced_accuracy"), "value"),
        "class, macro-F1": (classes.get("macro_f1"), "value"),
        "class, calibration error": (classes.get("ece"), "value"),
    }
    rows = {}
    for name, (metric, key) in wanted.items():
        if metric and metric.get(key) is not None:
            interval = metric.get("ci95") if key != "median" else None
            rows[name] = (f"{metric[key]:.4f}", f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "")
    return rows
