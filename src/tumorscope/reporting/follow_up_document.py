"""A follow-up as JSON and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tumorscope.core.notice import NOTICE
from tumorscope.measurement.follow_up import NOT_FOLLOWED, Assessment, FollowUp, Visit
from tumorscope.measurement.growth import Growth
from tumorscope.measurement.response import CATEGORY_NAMES
from tumorscope.reporting.csv_text import csv_text
from tumorscope.reporting.measurements import lesion_values, to_json

SCHEMA = "tumorscope.follow_up/1"

CSV_COLUMNS = (
    "visit", "case", "patient_key", "study_date", "days", "bundle", "lesions", "measurable_lesions", "new_lesions",
    "vanished_lesions", "volume_mm3", "volume_ml", "sum_of_products_mm2", "longest_mm", "perpendicular_mm",
    "rano_diameters", "diameters_from_baseline", "diameters_from_nadir", "diameters_rule", "rano_volume",
    "volume_from_baseline", "volume_from_nadir", "volume_rule",
)  # fmt: skip
"""One row per visit. Changes are relative, 0.25 for 25 % more; ``days`` count from the baseline."""

__all__ = ["SCHEMA", "follow_up_csv", "follow_up_document", "to_json"]


def follow_up_document(found: FollowUp, alignment: Sequence[str]) -> dict[str, Any]:
    """A follow-up as plain values that JSON can hold.

    Lesions and visits are numbered from zero; ``tracks`` is null where positions cannot be compared.

    Args:
        found: the studies.
        alignment: for each study how it came into the baseline's frame, in words.
    """
    return {
        "schema": SCHEMA,
        "visits": [_visit(visit, how) for visit, how in zip(found.visits, alignment, strict=True)],
        "targets": list(found.targets),
        "tracks": None if found.tracks is None else [[list(own) for own in track] for track in found.tracks],
        "growth": _growth(found.growth),
        "growth_since_nadir": None if found.growth_since_nadir is None else _growth(found.growth_since_nadir),
        "notes": [asdict(note) for note in found.notes],
        "not_assessed": list(NOT_FOLLOWED),
        "notice": NOTICE,
    }


def follow_up_csv(found: FollowUp) -> bytes:
    """One row per visit, columns :data:`CSV_COLUMNS`."""
    rows = (_row(number, visit, found.visits[0]) for number, visit in enumerate(found.visits))
    return csv_text(CSV_COLUMNS, ([row.get(name) for name in CSV_COLUMNS] for row in rows)).encode()


def days_since(visit: Visit, baseline: Visit) -> int | None:
    """Days from the baseline to a visit; None where a date is not known."""
    return None if visit.day is None or baseline.day is None else (visit.day - baseline.day).days


def _visit(visit: Visit, alignment: str) -> dict[str, Any]:
    study = visit.study
    return {
        "case": study.name,
        "patient_key": study.origin.patient_key,
        "study_date": study.origin.study_date,
        "bundle": study.origin.bundle,
        "sequences": list(study.origin.sequences) or None,
        "alignment": alignment,
        "volume_mm3": _rounded(visit.volume_mm3),
        "sum_of_products_mm2": _rounded(visit.products_mm2),
        "by_diameters": None if visit.by_diameters is None else _assessment(visit.by_diameters),
        "by_volume": None if visit.by_volume is None else _assessment(visit.by_volume),
        "new": list(visit.new),
        "vanished": visit.vanished,
        "lesions": [
            {
                "voxels": lesion.voxels,
                "volume_mm3": lesion.volume_mm3,
                **lesion_values(lesion, study.geometry),
                "location": None if lesion.location is None else asdict(lesion.location),
            }
            for lesion in study.lesions
        ],
    }


def _assessment(found: Assessment) -> dict[str, Any]:
    return {
        "category": found.category,
        "category_name": None if found.category is None else CATEGORY_NAMES[found.category],
        "rule": found.rule,
        "from_baseline": _rounded(found.from_baseline, 4),
        "from_nadir": _rounded(found.from_nadir, 4),
        "nadir": found.nadir,
        "near_limit": found.near_limit,
    }


def _growth(growth: Growth) -> dict[str, Any]:
    return {
        "first": growth.first,
        "studies": growth.studies,
        "relative_per_year": _rounded(growth.yearly, 4),
        "doubling_days": _rounded(growth.doubling_days, 1),
        "halving_days": _rounded(growth.halving_days, 1),
        "r_squared": _rounded(growth.r_squared, 4),
        "reason": growth.reason or None,
    }


def _row(number: int, visit: Visit, baseline: Visit) -> dict[str, Any]:
    study = visit.study
    row: dict[str, Any] = {
        "visit": number + 1,
        "case": study.name,
        "patient_key": study.origin.patient_key,
        "study_date": study.origin.study_date,
        "days": days_since(visit, baseline),
        "bundle": study.origin.bundle,
        "lesions": len(study.lesions),
        "measurable_lesions": None if study.affine is None else len(study.measurable),
        "new_lesions": len(visit.new),
        "vanished_lesions": visit.vanished,
        "volume_mm3": _rounded(visit.volume_mm3),
        "volume_ml": None if visit.volume_mm3 is None else round(visit.volume_mm3 / 1000, 5),
        "sum_of_products_mm2": _rounded(visit.products_mm2),
    }
    largest = max((one.diameters for one in study.lesions if one.diameters), key=lambda one: one.product, default=None)
    if largest is not None and study.affine is not None:
        row |= {"longest_mm": largest.longest.length, "perpendicular_mm": largest.perpendicular.length}
    for measure, found in (("diameters", visit.by_diameters), ("volume", visit.by_volume)):
        if found is not None:
            row |= {
                f"rano_{measure}": found.category,
                f"{measure}_from_baseline": _rounded(found.from_baseline, 4),
                f"{measure}_from_nadir": _rounded(found.from_nadir, 4),
                f"{measure}_rule": found.rule,
            }
    return row


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)
