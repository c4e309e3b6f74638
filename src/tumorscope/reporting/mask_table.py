"""Many masks in one table: a row for each label of each mask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tumorscope.core.scan import Scan
from tumorscope.reporting.csv_text import csv_text
from tumorscope.reporting.measurements import Measured, measurement_notes, sum_of_products

COLUMNS = (
    "case", "label", "lesions", "measurable_lesions", "voxels", "volume_mm3", "volume_ml", "longest_mm",
    "perpendicular_mm", "product_mm2", "longest_px", "perpendicular_px", "sum_of_products_mm2", "notes", "failure",
)  # fmt: skip
"""Diameters are those of the lesion with the largest product; ``notes`` are codes; unknown values are empty."""


def mask_rows(measured: Sequence[Measured], scan: Scan) -> list[dict[str, Any]]:
    """The rows of one mask.

    Args:
        measured: its labels.
        scan: gives the case, and sizes in mm where they are known.
    """
    notes = " ".join(dict.fromkeys(note.code for note in measurement_notes(measured, scan)))
    return [{"case": scan.case, "label": part.name, **_values(part, scan), "notes": notes} for part in measured]


def failed_row(case: str, failure: str) -> dict[str, Any]:
    """The row of a mask that cannot be measured."""
    return {"case": case, "failure": failure}


def encode_mask_table(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as the content of a CSV file, UTF-8."""
    return csv_text(COLUMNS, ([row.get(name) for name in COLUMNS] for row in rows)).encode()


def _values(part: Measured, scan: Scan) -> dict[str, Any]:
    known = scan.affine is not None
    volume = part.volume_mm3(scan)
    values: dict[str, Any] = {
        "lesions": len(part.lesions),
        "voxels": part.voxels,
        "volume_mm3": volume,
        "volume_ml": None if volume is None else round(volume / 1000, 5),
    }
    if known:
        values["measurable_lesions"] = sum(bool(lesion.measurable) for lesion in part.lesions)
        values["sum_of_products_mm2"] = round(sum_of_products(part.lesions), 2)
    found = max((one.diameters for one in part.lesions if one.diameters), key=lambda one: one.product, default=None)
    if found is not None:
        unit = "mm" if known else "px"
        values |= {f"longest_{unit}": found.longest.length, f"perpendicular_{unit}": found.perpendicular.length}
        values["product_mm2"] = round(found.product, 2) if known else None
    return values
