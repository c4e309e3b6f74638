"""A card's figures as rows of a table, whatever their shape."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_ROWS = 60
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
}
_INTERVALS = frozenset({"ci", "ci95", "iqr"})


@dataclass(frozen=True)
class Row:
    """One line of the table: what, and its value in words."""

    name: str
    value: str


@dataclass(frozen=True)
class Group:
    """The rows of one top-level entry, such as the test patients'."""

    name: str
    rows: tuple[Row, ...]


def figure_groups(figures: Mapping[str, Any]) -> tuple[Group, ...]:
    """A nested dict as groups of rows.

    Each top-level dict is a group, plain values beside them are one more. Below, a dict of plain values is one row, a deeper
    one goes on with longer names; very long tables are cut, and say so.

    >>> figure_groups({"test": {"patients": 16, "patient_dice": {"mean": 0.861, "ci95": [0.8, 0.9]}}})[0].rows
    (Row(name='patients', value='16'), Row(name='patient Dice', value='mean 0.861, 95 % interval 0.8 to 0.9'))
    """
    plain = {key: value for key, value in figures.items() if not isinstance(value, Mapping)}
    nested = {key: value for key, value in figures.items() if isinstance(value, Mapping)}
    groups = []
    for key, values in [*nested.items(), *([("overall", plain)] if plain else [])]:
        rows = list(_rows("", values))
        if len(rows) > _MOST_ROWS:
            rows = [*rows[:_MOST_ROWS], Row("…", f"{len(rows) - _MOST_ROWS} more in the bundle's card")]
        if rows:
            groups.append(Group(label(str(key)), tuple(rows)))
    return tuple(groups)


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
                yield Row(name, ", ".join(f"{label(str(part))} {_text(part, inner)}" for part, inner in value.items()))
        elif _is_deep(value):
            yield from _rows(f"{name} › ", {str(place): part for place, part in enumerate(value, start=1)})
        else:
            yield Row(name, _text(key, value))


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
