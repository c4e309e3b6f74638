"""Reading and writing of an evaluation's rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.rows import CaseRow, Overlap, SliceRow

_Row = TypeVar("_Row", CaseRow, SliceRow)
_COMPARTMENTS, _OVERLAP, _OF = "compartments", tuple(field.name for field in fields(Overlap)), " of "
_PROBABILITIES = "class_probabilities"
_OF_CLASS = "probability_"
"""Prefix of the columns with class probabilities."""


def cases_csv(rows: Sequence[CaseRow]) -> bytes:
    """One line per case; empty cells for None. Dice and HD95 of each compartment have columns of their own."""
    names = [field.name for field in fields(CaseRow) if field.name != _COMPARTMENTS]
    found = dict.fromkeys(f"{metric}{_OF}{name}" for row in rows for name in row.compartments for metric in _OVERLAP)
    lines = []
    for row in rows:
        line = asdict(row)
        parts = line.pop(_COMPARTMENTS)
        lines.append(line | {f"{metric}{_OF}{name}": part[metric] for name, part in parts.items() for metric in part})
    return _csv([*names, *found], lines)


def slices_csv(rows: Sequence[SliceRow], classes: Sequence[str]) -> bytes:
    """One line per slice, with a column for the probability of each class."""
    names = [field.name for field in fields(SliceRow) if field.name != _PROBABILITIES]
    lines = []
    for row in rows:
        line = asdict(row)
        probabilities = line.pop(_PROBABILITIES)
        lines.append(line | {_OF_CLASS + name: value for name, value in zip(classes, probabilities, strict=False)})
    return _csv([*names, *(_OF_CLASS + name for name in classes)], lines)


def read_slices(path: Path, classes: Sequence[str]) -> tuple[SliceRow, ...]:
    """Read what :func:`slices_csv` wrote, to six digits.

    Raises:
        TumorscopeError: the file is missing, or it is not such a file.
    """
    return _read(path, "slices", lambda line: _slice_row(line, classes))


def read_cases(path: Path) -> tuple[CaseRow, ...]:
    """Read what :func:`cases_csv` wrote, to six digits.

    Raises:
        TumorscopeError: the file is missing, or it is not such a file.
    """
    return _read(path, "cases", _case_row)


def _read(path: Path, what: str, row_of: Callable[[dict[str, str]], _Row]) -> tuple[_Row, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = tuple(row_of(line) for line in csv.DictReader(file))
    except OSError as error:
        raise TumorscopeError(f"{path}: cannot be read ({(error.strerror or '').lower()}); evaluate again") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise TumorscopeError(f"{path}: damaged, or of another version; evaluate again") from error
    if not rows:
        raise TumorscopeError(f"{path}: contains no {what}; evaluate again")
    return rows


def _case_row(line: dict[str, str]) -> CaseRow:
    return CaseRow(
        case=line["case"],
        patient=line["patient"],
        slices=int(line["slices"]),
        tumor_slices=int(line["tumor_slices"]),
        dice=_float(line["dice"]),
        tumor_slice_dice=_float(line["tumor_slice_dice"]),
        hd95=_float(line["hd95"]),
        true_px=_int(line["true_px"]),
        predicted_px=_int(line["predicted_px"]),
        false_positive_slices=_int(line["false_positive_slices"]),
        hd95_unit=line.get("hd95_unit") or "px",  # files of earlier versions have pixels only
        compartments={
            name: Overlap(_float(line[f"dice{_OF}{name}"]), _float(line[f"hd95{_OF}{name}"]))
            for name in (column.removeprefix(f"dice{_OF}") for column in line if column.startswith(f"dice{_OF}"))
        },
    )


def _slice_row(line: dict[str, str], classes: Sequence[str]) -> SliceRow:
    probabilities = [_float(line[_OF_CLASS + name]) for name in classes]
    return SliceRow(
        case=line["case"],
        patient=line["patient"],
        slice=int(line["slice"]),
        present=bool(int(line["present"])),
        positive=bool(int(line["positive"])),
        tumor_probability=float(line["tumor_probability"]),
        mask_probability=_float(line["mask_probability"]),
        true_px=_int(line["true_px"]),
        predicted_px=_int(line["predicted_px"]),
        dice=_float(line["dice"]),
        true_class=line["true_class"] or None,
        predicted_class=line["predicted_class"] or None,
        class_probabilities=tuple(value for value in probabilities if value is not None),
        saliency_inside_mask=_float(line["saliency_inside_mask"]),
        mask_share=_float(line["mask_share"]),
    )


def _float(cell: str) -> float | None:
    return float(cell) if cell else None


def _int(cell: str) -> int | None:
    return int(cell) if cell else None


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
