"""A bundle's metrics from its model card as a few rows, whatever their structure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_ITEMS = 12
_LONGEST_TEXT = 200
_WORDS = {
    "dice": "Dice",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "ece": "ECE",
    "hd95": "HD95",
    "px": "pixels",
    "iqr": "quartiles",
    "ci": "95 % interval",
    "ci95": "95 % interval",
    "sha256": "SHA-256",
    "f1": "F1",
    "brier": "Brier score",
    "tumor": "tumor",
}
_INTERVALS = frozenset({"ci", "ci95", "iqr"})
_MOST_HEADLINES = 24
_NOT_HEADLINES = frozenset(
    {"policy", "definitions", "failed", "confusion", "q1", "q3", "split_hash", "reliability", "per_class"}
)
"""Details that stay in the model card."""


@dataclass(frozen=True)
class Row:
    """One row of the table: a metric and its value as text."""

    name: str
    value: str


@dataclass(frozen=True)
class Group:
    """The rows of one part of the metrics, such as those of the test patients."""

    name: str
    rows: tuple[Row, ...]


def performance(metrics: Mapping[str, Any], precision: str) -> Group | None:
    """The metrics on a bundle's test patients, or on others where the card has none of these.

    A dict of plain values becomes one row; nested dicts become rows with longer names.

    Args:
        metrics: of the bundle's card.
        precision: of the model that ran; a card may have metrics for each.

    >>> performance({"test": {"int8": {"patients": 9}, "float": {"patients": 16}}, "validation": {}}, "float")
    Group(name='test', rows=(Row(name='patients', value='16'),))
    """
    part = next((key for key in ("test", "validation") if isinstance(metrics.get(key), Mapping)), None)
    chosen: Mapping[str, Any] = metrics if part is None else metrics[part]
    if isinstance(chosen.get(precision), Mapping):
        chosen = chosen[precision]
    rows = list(_headlines("", _pruned(chosen)))
    if len(rows) > _MOST_HEADLINES:
        rows = [*rows[:_MOST_HEADLINES], Row("…", f"{len(rows) - _MOST_HEADLINES} more in the bundle's card")]
    return Group(part or "overall", tuple(rows)) if rows else None


def _headlines(prefix: str, values: Mapping[str, Any]) -> Iterator[Row]:
    """Rows with each statistic before its interval, whatever their order in the card."""
    for key, value in values.items():
        name = f"{prefix}{label(str(key))}"
        if isinstance(value, Mapping) and ("value" in value or "mean" in value):
            yield Row(name, _statistic(value))
        elif isinstance(value, Mapping) and any(isinstance(part, Mapping) for part in value.values()):
            yield from _headlines(f"{name}: ", value)
        else:
            yield from _rows(prefix, {key: value})


def _statistic(value: Mapping[str, Any]) -> str:
    """A statistic, its interval and its count.

    >>> _statistic({"n": 16, "mean": 0.79, "median": 0.875, "ci95": [0.749, 0.887]})
    'mean 0.790 (95 % interval 0.749 to 0.887), median 0.875, n 16'
    """
    parts = []
    for key in ("value", "mean", "median", "n", *value):
        if key in value and key != "ci95" and not any(key == other for other, _ in parts):
            parts.append((key, _measure(key, value[key])))
    low_high = value.get("ci95")
    if isinstance(low_high, list | tuple) and len(low_high) == 2 and parts:
        parts[0] = (parts[0][0], f"{parts[0][1]} (95 % interval {_rounded(low_high[0])} to {_rounded(low_high[1])})")
    return ", ".join(words for _, words in parts)


def _measure(key: str, value: Any) -> str:
    return _rounded(value) if key == "value" else f"{label(key)} {_rounded(value)}"


def _rounded(value: Any) -> str:
    """Three decimals below one, three digits above."""
    return f"{value:.3f}" if isinstance(value, float) and abs(value) < 1 else _text("", value)


def _pruned(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _pruned(value) if isinstance(value, Mapping) else value
        for key, value in metrics.items()
        if str(key) not in _NOT_HEADLINES
    }


def label(key: str) -> str:
    """A key as words.

    >>> label("patient_dice"), label("hd95_mm")
    ('patient Dice', 'HD95 mm')
    """
    return " ".join(_WORDS.get(word.lower(), word) for word in key.replace("_", " ").split())


def _rows(prefix: str, values: Mapping[str, Any]) -> Iterator[Row]:
    for key, value in values.items():
        name = f"{prefix}{label(str(key))}"
        if isinstance(value, Mapping):
            if any(isinstance(part, Mapping) or _is_deep(part) for part in value.values()):
                yield from _rows(f"{name} › ", value)
            elif value:
                yield Row(name, ", ".join(_named(str(part), inner) for part, inner in value.items()))
        elif _is_deep(value):
            yield from _rows(f"{name} › ", {str(number): part for number, part in enumerate(value, start=1)})
        else:
            yield Row(name, _text(key, value))


def _named(key: str, value: Any) -> str:
    """A value with its name; the key ``value`` is not a name."""
    return _text(key, value) if key == "value" else f"{label(key)} {_text(key, value)}"


def _is_deep(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(part, Mapping | list | tuple) for part in value)


def _text(key: object, value: Any) -> str:
    if isinstance(value, list | tuple):
        if len(value) == 2 and str(key).lower() in _INTERVALS:
            return f"{_text('', value[0])} to {_text('', value[1])}"
        shown = [_text("", part) for part in value[:_MOST_ITEMS]]
        return ", ".join(shown + ["…"] * (len(value) > _MOST_ITEMS)) or "–"
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else "–"
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
