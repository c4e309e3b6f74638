"""A bundle's main metrics from its model card, in three lines that need no dictionary."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line: what was measured, and the result with its data."""

    name: str
    value: str


def main_metrics(metrics: Mapping[str, Any], precision: str) -> tuple[Row, ...]:
    """Finding slices, overlap of the mask, and naming the type, each on the first data set that tells it.

    Those of the test patients, or of the validation patients where the card has no others; nothing where a card has
    none of these.

    Args:
        metrics: of the bundle's card.
        precision: of the model that ran; a card may have metrics for each.

    >>> main_metrics({"test": {"patients": 9, "patient_dice": {"mean": 0.81, "ci95": [0.7, 0.9]}}}, "float")[0].value
    'Dice 0.81 on average (95 % interval 0.70 to 0.90); 9 test patients'
    """
    part = next((key for key in ("test", "validation") if metrics.get(key)), None)
    chosen = _mapping(metrics if part is None else metrics[part])
    chosen = _mapping(chosen.get(precision)) or chosen
    sets = [("", chosen), *((str(name), _mapping(own)) for name, own in chosen.items())]
    rows = []
    for name, measure in (("Slices", _slices), ("Segmentation", _overlap), ("Type", _type)):
        told = next(((text, where, own) for where, own in sets if (text := measure(own))), None)
        if told is not None:
            text, where, own = told
            rows.append(Row(name, "; ".join((text, *_data(own, where, part)))))
    return tuple(rows)


def missed_share(metrics: Mapping[str, Any], precision: str) -> str:
    """The share of slices with a tumor that were missed, such as ``10 %``; empty where the card does not tell it."""
    part = _mapping(metrics.get("test")) or _mapping(metrics.get("validation"))
    chosen = _mapping(part.get(precision)) or part
    for own in (chosen, *map(_mapping, chosen.values())):
        sensitivity = _value(_mapping(own.get("presence")).get("sensitivity"))
        if sensitivity is not None:
            return f"{100 * (1 - sensitivity):.0f} %"
    return ""


def _slices(own: Mapping[str, Any]) -> str:
    presence = _mapping(own.get("presence"))
    found, spared = _value(presence.get("sensitivity")), _value(presence.get("specificity"))
    if found is None or spared is None:
        return ""
    return f"{100 * found:.0f} % of those with a tumor found, {100 * spared:.0f} % of those without one left alone"


def _overlap(own: Mapping[str, Any]) -> str:
    for key, of in (("patient_dice", ""), ("tumor_slice_dice", " per slice")):
        dice = _mapping(own.get(key))
        mean = _value(dice)
        if mean is not None:
            return f"Dice {mean:.2f} on average{of}{_interval(dice)}"
    return ""


def _type(own: Mapping[str, Any]) -> str:
    accuracy = _value(_mapping(own.get("classes")).get("accuracy"))
    return "" if accuracy is None else f"{100 * accuracy:.0f} % named right"


def _data(own: Mapping[str, Any], where: str, part: str | None) -> Iterator[str]:
    """On how many patients of which data set."""
    patients = own.get("patients")
    if isinstance(patients, int):
        yield f"{patients:,} {part or ''} patients{f' of the data set {where}' if where else ''}".replace("  ", " ")
    elif where:
        yield f"data set {where}"


def _value(statistic: Any) -> float | None:
    """The mean or value of a statistic; None where it has none."""
    found = statistic
    if isinstance(statistic, Mapping):
        found = statistic.get("mean") if statistic.get("mean") is not None else statistic.get("value")
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if math.isfinite(found) else None


def _interval(statistic: Mapping[str, Any]) -> str:
    ends = statistic.get("ci95")
    if not isinstance(ends, list | tuple) or len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
        return ""
    return f" (95 % interval {ends[0]:.2f} to {ends[1]:.2f})"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
