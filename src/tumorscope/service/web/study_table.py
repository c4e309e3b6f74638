"""The list of studies as CSV, one row per study."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from tumorscope.service.catalog_records import Study

COLUMNS = (
    "study", "name", "state", "failure", "added", "patient_key", "study_date", "sequences", "slices", "bundle",
    "input_rejected", "tumor_present", "tumor_probability", "tumor_type", "lesions", "volume_mm3", "revision",
)  # fmt: skip
"""Unknown values are empty."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(studies: Iterable[Study]) -> Iterator[str]:
    """The table's lines, beginning with the columns' names.

    Names come from strangers: a text that a spreadsheet would compute as a formula is preceded by an apostrophe.
    """
    yield _line(COLUMNS)
    for study in studies:
        yield _line(_row(study))


def _row(study: Study) -> Iterator[object]:
    summary = study.summary or {}
    rejection = summary.get("input_rejected") or {}
    yield study.id
    yield _plain(study.name)
    yield study.state
    yield _plain(study.failure or "")
    yield study.created.isoformat(timespec="seconds")
    yield summary.get("patient_key")
    yield summary.get("study_date")
    yield _plain(" ".join(summary.get("sequences") or ()))
    yield summary.get("slices")
    yield study.bundle if "/" not in study.bundle else study.bundle.rpartition("/")[2]
    yield rejection.get("code")
    for name in ("tumor_present", "tumor_probability", "tumor_type", "lesions", "volume_mm3"):
        value = summary.get(name)
        yield str(value).lower() if isinstance(value, bool) else value
    yield study.revision or None


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
