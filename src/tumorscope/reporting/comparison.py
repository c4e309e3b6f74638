"""Two studies compared, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tumorscope.core.notice import NOTICE
from tumorscope.measurement.response import CATEGORY_NAMES, NOT_ASSESSED, Change, Response, Timepoint
from tumorscope.reporting.measurements import lesion_values, to_json

SCHEMA = "tumorscope.comparison/1"

__all__ = ["SCHEMA", "comparison_document", "to_json"]


def comparison_document(before: Timepoint, after: Timepoint, response: Response) -> dict[str, Any]:
    """How two studies compare, as plain values that JSON can hold.

    Lesions are numbered by their index in each study's list, from zero; ``matches`` is null where
    the grids do not allow matching them.
    """
    category = response.category
    return {
        "schema": SCHEMA,
        "before": _study(before),
        "after": _study(after),
        "volume_mm3": _change(response.volume_mm3),
        "sum_of_products_mm2": _change(response.products_mm2),
        "category": category,
        "category_name": None if category is None else CATEGORY_NAMES[category],
        "rule": response.rule,
        "targets": list(response.targets),
        "matches": None
        if response.matches is None
        else [{"before": list(match.before), "after": list(match.after)} for match in response.matches],
        "new": list(response.new),
        "notes": [asdict(note) for note in response.notes],
        "not_assessed": list(NOT_ASSESSED),
        "notice": NOTICE,
    }


def _study(study: Timepoint) -> dict[str, Any]:
    origin = study.origin
    return {
        "case": study.name,
        "patient_key": origin.patient_key,
        "study_date": origin.study_date,
        "bundle": origin.bundle,
        "sequences": list(origin.sequences) or None,
        "lesions": [
            {"voxels": lesion.voxels, "volume_mm3": lesion.volume_mm3, **lesion_values(lesion, study.geometry)}
            for lesion in study.lesions
        ],
    }


def _change(change: Change | None) -> dict[str, float | None] | None:
    if change is None:
        return None
    relative = change.relative
    return {
        "before": round(change.before, 2),
        "after": round(change.after, 2),
        "relative": None if relative is None else round(relative, 4),
    }
