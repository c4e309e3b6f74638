"""One table for all cases of a folder of results: ``cases.csv``, and the same as Parquet.

Rows come from each case's ``analysis.json``, so that the table can be made at any time from the results alone. A
batch adds a row as soon as a case is done; a batch that is killed leaves a whole table of what was done.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import install_command
from tumorscope.core.files import save_whole, writing_reason
from tumorscope.reporting.analysis_document import AnalysisDocument, LesionEntry
from tumorscope.reporting.csv_text import csv_line, csv_text
from tumorscope.reporting.document import load_document
from tumorscope.reporting.outputs import DOCUMENT_FILE

TABLE_FILE, PARQUET_FILE = "cases.csv", "cases.parquet"


@dataclass(frozen=True)
class TableColumn:
    """One column.

    Attributes:
        name: its heading.
        kind: the type of its values.
        description: what it holds, in words.
        value: from a case's document; None is an empty cell.
    """

    name: str
    kind: type
    description: str
    value: Callable[[AnalysisDocument], Any]


def _largest(document: AnalysisDocument) -> LesionEntry | None:
    """The lesion with the largest product of diameters in mm."""
    measured = [one for one in document.lesions if one.diameters is not None and one.diameters.unit == "mm"]
    return max(measured, key=lambda one: one.diameters.product, default=None)  # type: ignore[union-attr]


def _diameter(which: str) -> Callable[[AnalysisDocument], float | None]:
    def length(document: AnalysisDocument) -> float | None:
        lesion = _largest(document)
        return None if lesion is None or lesion.diameters is None else getattr(lesion.diameters, which).length

    return length


def _product(document: AnalysisDocument) -> float | None:
    lesion = _largest(document)
    return None if lesion is None or lesion.diameters is None else lesion.diameters.product


def _slice(document: AnalysisDocument) -> int | None:
    lesion = _largest(document)
    return None if lesion is None or lesion.diameters is None else document.slices[lesion.diameters.slice].number


def _sum_of_products(document: AnalysisDocument) -> float | None:
    if document.geometry.affine is None:
        return None
    products = [one.diameters.product for one in document.lesions if one.measurable and one.diameters is not None]
    return round(sum(products), 2)


def _region(document: AnalysisDocument) -> str | None:
    found = document.lesions[0].location if document.lesions else None
    return None if found is None else found.region + ("" if found.region_certain else " (?)")


def _ml(volume_mm3: float | None) -> float | None:
    return None if volume_mm3 is None else round(volume_mm3 / 1000, 5)


def _label_volumes(document: AnalysisDocument) -> str | None:
    known = [f"{label.name} {_ml(label.volume_mm3)}" for label in document.labels if label.volume_mm3 is not None]
    return "; ".join(known) or None


def _type(document: AnalysisDocument) -> str | None:
    return None if document.tumor_type is None else document.tumor_type.name or "uncertain"


def _input_check(document: AnalysisDocument) -> str:
    if document.input_rejected is not None:
        return document.input_rejected.code
    doubtful = any(warning.code == "doubtful_input" for warning in document.warnings)
    return "doubtful_input" if doubtful else "passed"


def _codes(document: AnalysisDocument) -> str:
    return " ".join(dict.fromkeys(warning.code for warning in document.warnings))


def _seconds(document: AnalysisDocument) -> float:
    return round(sum(spent or 0.0 for spent in document.timing_ms.values()) / 1000, 3)


COLUMNS = (
    TableColumn("case", str, "the folder of results", lambda one: one.case),
    TableColumn("patient_key", str, "distinguishes patients without naming them", lambda one: one.patient_key),
    TableColumn("study_date", str, "`YYYY-MM-DD`", lambda one: one.study_date),
    TableColumn("sequences", str, "what the network received", lambda one: " ".join(one.sequences)),
    TableColumn("bundle", str, "name", lambda one: one.bundle.name),
    TableColumn("bundle_version", str, "its version", lambda one: one.bundle.version),
    TableColumn("input_check", str, "`passed`, `doubtful_input` or the reason's code", _input_check),
    TableColumn("tumor_present", bool, "yes or no; empty where the scan was rejected", lambda one: one.tumor_present),
    TableColumn("tumor_probability", float, "the largest of any slice", lambda one: one.tumor_probability),
    TableColumn("tumor_type", str, "or `uncertain`; empty where none is predicted", _type),
    TableColumn(
        "type_probability", float, "of the likeliest type", lambda one: one.tumor_type and one.tumor_type.probability
    ),
    TableColumn("lesions", int, "number of lesions, counted with 26 neighbors", lambda one: len(one.lesions)),
    TableColumn(
        "measurable_lesions", int, "by RANO", lambda one: sum(bool(lesion.measurable) for lesion in one.lesions)
    ),
    TableColumn("volume_ml", float, "of all lesions", lambda one: _ml(one.volume_mm3)),
    TableColumn(
        "largest_volume_ml",
        float,
        "of the lesion with most voxels",
        lambda one: _ml(one.lesions[0].volume_mm3) if one.lesions else None,
    ),
    TableColumn("label_volumes_ml", str, "of each label, where there are several", _label_volumes),
    TableColumn("longest_mm", float, "diameter of the lesion with the largest product", _diameter("longest")),
    TableColumn("perpendicular_mm", float, "its longest perpendicular diameter", _diameter("perpendicular")),
    TableColumn("product_mm2", float, "of the two", _product),
    TableColumn(
        "slice", int, "in which the diameters were measured, as people count ([below](#slice-numbers))", _slice
    ),
    TableColumn("sum_of_products_mm2", float, "over measurable lesions", _sum_of_products),
    TableColumn(
        "region",
        str,
        "where the lesion with most voxels is, by an atlas, with `--location`; (?) where it is not certain",
        _region,
    ),
    TableColumn(
        "hemisphere",
        str,
        "of that lesion: `left`, `right` or `both`",
        lambda one: one.lesions[0].location and one.lesions[0].location.hemisphere if one.lesions else None,
    ),
    TableColumn(
        "midline_gap_mm",
        float,
        "from that lesion's nearest voxel to the atlas's midline, 0 where it crosses it",
        lambda one: one.lesions[0].location and one.lesions[0].location.midline_gap_mm if one.lesions else None,
    ),
    TableColumn("dice", float, "overlap with the true mask, where one is known", lambda one: one.truth_dice),
    TableColumn("warnings", str, "codes, by spaces", _codes),
    TableColumn("seconds", float, "from reading to the last report", _seconds),
    TableColumn("failure", str, "why a case has no results, in one line", lambda one: None),
)
NAMES = tuple(column.name for column in COLUMNS)


def case_row(document: AnalysisDocument) -> dict[str, Any]:
    """The values of a case by column."""
    return {column.name: column.value(document) for column in COLUMNS}


def rows_of(out: Path) -> list[dict[str, Any]]:
    """A row for each case in a folder of results, or for the one whose folder it is, by name.

    Raises:
        TumorscopeError: there is none, or one is damaged or of another version.
    """
    folders = [out] if (out / DOCUMENT_FILE).is_file() else sorted(out.iterdir()) if out.is_dir() else []
    documents = [folder / DOCUMENT_FILE for folder in folders if (folder / DOCUMENT_FILE).is_file()]
    if not documents:
        raise TumorscopeError(f"{out}: holds no results; name a folder that `tumorscope analyze` wrote")
    return [case_row(load_document(path)) for path in documents]


def encode_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as the content of a CSV file, UTF-8."""
    return csv_text(NAMES, ([row.get(name) for name in NAMES] for row in rows)).encode()


def encode_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as the content of a Parquet file, each column of its own type.

    Raises:
        TumorscopeError: pyarrow is not installed.
    """
    require_pyarrow()
    import pyarrow as pa
    from pyarrow import parquet

    types = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(column.name, types[column.kind]) for column in COLUMNS])
    file = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), file)
    return file.getvalue().to_pybytes()


def require_pyarrow() -> None:
    """Check that Parquet can be written.

    Raises:
        TumorscopeError: pyarrow is not installed.
    """
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise TumorscopeError(f"Parquet needs pyarrow; run {install_command('tables')}")


class CaseTable:
    """``cases.csv`` of a folder of results, while a batch fills it.

    It begins with the cases whose results are in the folder. A row is one write at the end of the file; only a case
    that is analyzed again makes the whole file be replaced.

    Args:
        out: the folder of results.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / TABLE_FILE
        known = {line[0]: csv_line(line) for line in _lines(self._path) if line}
        self._lines = {}
        for document in sorted(out.glob(f"*/{DOCUMENT_FILE}")):
            case = document.parent.name
            with suppress(TumorscopeError):  # of another version: it is analyzed again
                self._lines[case] = known[case] if case in known else _line(case_row(load_document(document)))
        self._save()

    def add(self, document: Path) -> None:
        """Add the row of a case by its ``analysis.json``.

        Raises:
            TumorscopeError: the document cannot be read, or the table cannot be written.
        """
        self._add(case_row(load_document(document)))

    def add_failure(self, case: str, failure: str) -> None:
        """Add a case without results."""
        self._add({"case": case, "failure": failure})

    def save_parquet(self) -> None:
        """Write the same rows as Parquet beside it, those of failed cases too.

        Raises:
            TumorscopeError: pyarrow is not installed, or the file cannot be written.
        """
        save_whole(self._path.with_name(PARQUET_FILE), encode_parquet([*map(_typed, _lines(self._path))]))

    def _add(self, row: Mapping[str, Any]) -> None:
        line = _line(row)
        case = str(row["case"])
        replaced = case in self._lines
        self._lines[case] = line
        if replaced:
            self._save()
            return
        try:
            with self._path.open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            raise TumorscopeError(f"{self._path}: {writing_reason(error)}") from error

    def _save(self) -> None:
        save_whole(self._path, "".join((csv_line(NAMES), *self._lines.values())).encode())


def _lines(path: Path) -> list[list[str]]:
    """The rows of a table of these columns; none of another version's, or of what is not a table."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            heading, *lines = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return []
    return [line for line in lines if len(line) == len(NAMES)] if tuple(heading) == NAMES else []


def _typed(line: Sequence[str]) -> dict[str, Any]:
    """A row of the table with the values of its columns' types."""
    of: dict[type, Callable[[str], Any]] = {str: str, bool: lambda text: text == "yes", int: int, float: float}
    return {column.name: of[column.kind](text) if text else None for column, text in zip(COLUMNS, line, strict=True)}


def _line(row: Mapping[str, Any]) -> str:
    return csv_line([row.get(name) for name in NAMES])
