"""The rows of an evaluation as CSV, and back."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tumorscope.errors import TumorscopeError
from tumorscope.evaluation.rows import CaseRow, SliceRow

_PROBABILITIES = "class_probabilities"
_OF_CLASS = "probability_"
"""Begins the name of the column that holds a class's probability."""


def cases_csv(rows: Sequence[CaseRow]) -> bytes:
    """A line a case; empty where there is no value."""
    return _csv([field.name for field in fields(CaseRow)], [asdict(row) for row in rows])


def slices_csv(rows: Sequence[SliceRow], classes: Sequence[str]) -> bytes:
    """A line a slice, with a column for the probability of each class."""
    names = [field.name for field in fields(SliceRow) if field.name != _PROBABILITIES]
    lines = []
    for row in rows:
        line = asdict(row)
        probabilities = line.pop(_PROBABILITIES)
        lines.append(line | {_OF_CLASS + name: value for name, value in zip(classes, probabilities, strict=False)})
    return _csv([*names, *(_OF_CLASS + name for name in classes)], lines)


def read_slices(path: Path, classes: Sequence[str]) -> tuple[SliceRow, ...]:
    """What :func:`slices_csv` wrote, to its six digits.

    Raises:
        TumorscopeError: the file is missing, or it is not such a file.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = tuple(_slice_row(line, classes) for line in csv.DictReader(file))
    except OSError as error:
        raise TumorscopeError(f"{path}: cannot be read ({(error.strerror or '').lower()}); evaluate anew") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise TumorscopeError(f"{path}: damaged, or of another version; evaluate anew") from error
    if not rows:
        raise TumorscopeError(f"{path}: holds no slices; evaluate anew")
    return rows


def _slice_row(line: dict[str, str], classes: Sequence[str]) -> SliceRow:
    def optional(name: str) -> float | None:
        return float(line[name]) if line[name] else None

    def pixels(name: str) -> int | None:
        return int(line[name]) if line[name] else None

    probabilities = [optional(_OF_CLASS + name) for name in classes]
    return SliceRow(
        case=line["case"],
        patient=line["patient"],
        slice=int(line["slice"]),
        present=bool(int(line["present"])),
        called=bool(int(line["called"])),
        tumor_probability=float(line["tumor_probability"]),
        mask_probability=optional("mask_probability"),
        true_px=pixels("true_px"),
        predicted_px=pixels("predicted_px"),
        dice=optional("dice"),
        true_class=line["true_class"] or None,
        said_class=line["said_class"] or None,
        class_probabilities=tuple(value for value in probabilities if value is not None),
        map_inside=optional("map_inside"),
        mask_share=optional("mask_share"),
    )


def _csv(names: list[str], lines: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in line.items()} for line in lines)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return round(value, 6) if isinstance(value, float) else value
