"""CSV that spreadsheets open without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Spreadsheets take a cell that begins so for a formula, quoted or not."""


def csv_line(cells: Iterable[Any]) -> str:
    """One line of CSV with its end.

    Texts that a spreadsheet would run begin with an apostrophe; numbers stay numbers. None is empty, booleans are
    ``yes`` and ``no``.

    >>> print(csv_line(["=1+1", -2.5, None, True, "a,b"]), end="")
    '=1+1,-2.5,,yes,"a,b"
    """
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerow([_cell(value) for value in cells])
    return file.getvalue()


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """A heading and a line per row."""
    return "".join((csv_line(columns), *map(csv_line, rows)))


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return value
    line = " ".join(value.splitlines())  # csv does not quote a carriage return by itself
    return f"'{line}" if value.startswith(_FORMULA_STARTS) else line
