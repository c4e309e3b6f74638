"""Measurements of a mask as JSON and CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.measurement.diameters import Diameter
from tumorscope.measurement.lesions import Lesion, find_lesions, total_volume_mm3, unknown_volumes
from tumorscope.reporting.csv_text import csv_text
from tumorscope.reporting.slice_names import slice_number, slice_range

SCHEMA = "tumorscope.measurements/2"

_INNERMOST = re.compile(r"\[[-\d.,\s]*\]")
"""A list of numbers as ``json`` indents it."""

CSV_COLUMNS = (
    "case", "label", "lesion", "voxels", "volume_mm3", "volume_ml", "longest_mm", "perpendicular_mm", "product_mm2",
    "longest_px", "perpendicular_px", "slice", "measurable", "first_slice", "last_slice", "extent_slice_mm",
    "extent_row_mm", "extent_column_mm", "center_x_mm", "center_y_mm", "center_z_mm", "laterality",
    "midline_distance_mm",
)  # fmt: skip
"""One row per lesion. Slices count as people do (:mod:`tumorscope.reporting.slice_names`); x, y and z are RAS+; unknown
values are empty."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One label of a mask and its lesions, the largest first; small ones are kept."""

    name: str
    mask: np.ndarray
    lesions: tuple[Lesion, ...]

    @property
    def voxels(self) -> int:
        """Of all lesions."""
        return sum(lesion.voxels for lesion in self.lesions)

    def volume_mm3(self, scan: Scan) -> float | None:
        """Of all lesions, on the scan's grid; None where it is not known."""
        return total_volume_mm3(self.lesions, self.mask, scan)


def measure_labels(labels: Segmentation, scan: Scan) -> tuple[Measured, ...]:
    """The lesions of each label.

    Args:
        labels: on the scan's grid.
        scan: gives sizes in mm, and shows the midline where it shows a head.
    """
    unknown = np.zeros(scan.shape[0])
    return tuple(Measured(name, part, find_lesions(part, scan, unknown)) for name, part in labels.masks())


def lesion_values(lesion: Lesion, geometry: Geometry | None) -> dict[str, Any]:
    """The measurements of a lesion, as plain values for JSON.

    Lengths are in mm where the geometry is known, else in pixels; points are ``[row, column]`` on
    the slice, and in RAS+ mm or None.
    """
    found = lesion.diameters
    unit = "px" if geometry is None else "mm"
    values: dict[str, Any] = {
        "extent_mm": None if lesion.extent_mm is None else list(lesion.extent_mm),
        "laterality": lesion.laterality,
        "midline_distance_mm": lesion.midline_distance_mm,
        "measurable": lesion.measurable,
        "nonmeasurable_reason": lesion.nonmeasurable_reason,
        "diameters": None,
    }
    if found is not None:
        values["diameters"] = {
            "unit": unit,
            "slice": found.slice,
            "longest": _diameter(found.longest, found.slice, geometry),
            "perpendicular": _diameter(found.perpendicular, found.slice, geometry),
            "product": round(found.product, 2),
            "inside": not found.crosses_gap,
        }
    return values


def measurement_document(measured: Sequence[Measured], scan: Scan) -> dict[str, Any]:
    """All measurements, as plain values that JSON can hold.

    Indices count from zero and positions are ``[slice, row, column]``; millimeters are RAS+.
    """
    return {
        "schema": SCHEMA,
        "case": scan.case,
        "geometry": {
            "shape": list(scan.shape),
            "spacing_mm": None if scan.spacing_mm is None else [round(value, 6) for value in scan.spacing_mm],
            "affine": None if scan.affine is None else np.round(scan.affine, 9).tolist(),
            "slice_positions": slice_positions_values(scan),
        },
        "labels": [_label(part, scan) for part in measured],
        "notes": [asdict(note) for note in measurement_notes(measured, scan)],
        "notice": NOTICE,
    }


def measurement_notes(measured: Sequence[Measured], scan: Scan) -> list[Note]:
    """What a reader of the measurements should know."""
    notes = list(scan.notes)
    for part in measured:
        unknown = unknown_volumes(part.lesions)
        notes += [note.about(part.name) for note in unknown] if len(measured) > 1 else unknown
    return notes


def slice_positions_values(scan: Scan) -> list[float] | None:
    """The slices' positions, in steps of the affine's third axis; None where they are evenly spaced."""
    return None if scan.slice_positions is None else np.round(scan.slice_positions, 6).tolist()


def sum_of_products(lesions: Sequence[Lesion]) -> float:
    """RANO's sum of the products of the diameters, over measurable lesions, mm²."""
    return sum(lesion.diameters.product for lesion in lesions if lesion.measurable and lesion.diameters)


def to_json(document: dict[str, Any]) -> bytes:
    """A document as strict, indented JSON; innermost lists are on one line."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    return (_INNERMOST.sub(lambda found: " ".join(found.group().split()), text) + "\n").encode()


def to_csv(measured: Sequence[Measured], scan: Scan) -> bytes:
    """One row per lesion, columns :data:`CSV_COLUMNS`."""
    rows = (
        {"case": scan.case, "label": part.name, "lesion": number, **_row(lesion, scan)}
        for part in measured
        for number, lesion in enumerate(part.lesions, start=1)
    )
    return csv_text(CSV_COLUMNS, ([row.get(column) for column in CSV_COLUMNS] for row in rows)).encode()


def _row(lesion: Lesion, scan: Scan) -> dict[str, Any]:
    first, last = slice_range(scan, lesion.first[0], lesion.last[0])
    row: dict[str, Any] = {
        "voxels": lesion.voxels,
        "volume_mm3": lesion.volume_mm3,
        "volume_ml": None if lesion.volume_mm3 is None else round(lesion.volume_mm3 / 1000, 5),
        "first_slice": first,
        "last_slice": last,
        "measurable": None if lesion.measurable is None else "yes" if lesion.measurable else "no",
        "laterality": lesion.laterality,
        "midline_distance_mm": lesion.midline_distance_mm,
    }
    found = lesion.diameters
    if found is not None:
        unit = "px" if lesion.extent_mm is None else "mm"
        row |= {"slice": slice_number(scan, found.slice), f"longest_{unit}": found.longest.length}
        row |= {f"perpendicular_{unit}": found.perpendicular.length}
        if unit == "mm":
            row["product_mm2"] = round(found.product, 2)
    for name, values in (("extent_{}_mm", lesion.extent_mm), ("center_{}_mm", lesion.center_mm)):
        axes = ("slice", "row", "column") if name.startswith("extent") else ("x", "y", "z")
        row |= {name.format(axis): value for axis, value in zip(axes, values or (), strict=False)}
    return row


def _label(part: Measured, scan: Scan) -> dict[str, Any]:
    volume, known = part.volume_mm3(scan), scan.affine is not None
    return {
        "name": part.name,
        "voxels": part.voxels,
        "volume_mm3": volume,
        "volume_ml": None if volume is None else round(volume / 1000, 5),
        "lesion_count": len(part.lesions),
        "measurable_count": sum(bool(lesion.measurable) for lesion in part.lesions) if known else None,
        "sum_of_products_mm2": round(sum_of_products(part.lesions), 2) if known else None,
        "lesions": [_lesion(lesion, scan) for lesion in part.lesions],
    }


def _lesion(lesion: Lesion, scan: Scan) -> dict[str, Any]:
    return {
        "voxels": lesion.voxels,
        "volume_mm3": lesion.volume_mm3,
        "volume_ml": None if lesion.volume_mm3 is None else round(lesion.volume_mm3 / 1000, 5),
        "bounding_box": {"first": list(lesion.first), "last": list(lesion.last)},
        "center": list(lesion.center),
        "center_mm": None if lesion.center_mm is None else list(lesion.center_mm),
        "largest_slice": lesion.largest_slice,
        **lesion_values(lesion, scan.geometry),
    }


def _diameter(diameter: Diameter, slice_: int, geometry: Geometry | None) -> dict[str, Any]:
    values: dict[str, Any] = {"length": diameter.length, "start": list(diameter.start), "end": list(diameter.end)}
    for name, point in (("start_mm", diameter.start), ("end_mm", diameter.end)):
        mm = None if geometry is None else np.round(geometry.to_mm(np.array([slice_, *point])), 2).tolist()
        values[name] = mm
    return values
