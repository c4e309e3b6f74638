"""``analysis.json``: everything that was found, for programs to read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.measurement.rle import decode, encode
from tumorscope.reporting.measurements import lesion_values, slice_positions_values
from tumorscope.reporting.wording import types_agree

SCHEMA = "tumorscope.analysis/3"
_PROBABILITY_DIGITS = 6
_ONE_A_LINE = ("slices", "lesions", "mask_rle")
"""Lists that are written one item a line, so that people can read the file too."""


def to_document(analysis: Analysis) -> dict[str, Any]:
    """An analysis as plain values that JSON can hold.

    Indices count from zero and positions are ``[slice, row, column]`` on the scan's grid;
    millimeters are RAS+. A size that is not known is None. ``slice_positions`` is None unless slices are
    unevenly spaced; the affine then maps these positions, not slice indices. ``mask_rle`` holds one run-length
    encoding a slice, as COCO writes it, empty slices included.
    """
    scan, bundle, point = analysis.scan, analysis.bundle, analysis.bundle.card.operating_point
    return {
        "schema": SCHEMA,
        "case": _text(scan.case),
        "patient_key": None if scan.study is None else scan.study.patient_key,
        "study_date": None if scan.study is None else scan.study.date,
        "sequences": list(analysis.sequences),
        "bundle": {
            "name": bundle.name,
            "version": bundle.card.version,
            "sha256": bundle.sha256,
            "reason": analysis.bundle_reason,
        },
        "engine": {"runtime": analysis.runtime, "precision": analysis.precision},
        "operating_point": {"presence": point.presence, "mask": point.mask},
        "assessed": analysis.assessed,
        "corrected": analysis.corrected,
        "incomplete": analysis.incomplete,
        "tumor_present": bool(analysis.tumor_present) if analysis.assessed else None,
        "tumor_probability": _probability(analysis.tumor_probability),
        "tumor_type": None if analysis.tumor_type is None else _type(analysis.tumor_type),
        "radiomics_classifier": None if analysis.radiomics_classifier is None else _type(analysis.radiomics_classifier),
        "types_agree": types_agree(analysis),
        "volume_mm3": _number(analysis.volume_mm3, 2),
        "voxels": int(np.count_nonzero(analysis.mask)),
        "slices": [
            {
                "index": finding.index,
                "name": None if finding.name is None else _text(finding.name),
                "tumor_probability": _probability(finding.tumor_probability),
                "mask_probability": _probability(finding.mask_probability),
                "area_px": int(finding.area_px),
                "area_mm2": _number(finding.area_mm2, 2),
                **_types(finding.type_probabilities),
            }
            for finding in analysis.slices
        ],
        "lesions": [
            {
                "bounding_box": {"first": list(lesion.first), "last": list(lesion.last)},
                "voxels": int(lesion.voxels),
                "volume_mm3": _number(lesion.volume_mm3, 2),
                "center": [_number(value, 2) for value in lesion.center],
                "center_mm": None if lesion.center_mm is None else [_number(value, 2) for value in lesion.center_mm],
                "largest_slice": int(lesion.largest_slice),
                "tumor_probability": _probability(lesion.tumor_probability),
                **lesion_values(lesion, scan.geometry),
            }
            for lesion in analysis.lesions
        ],
        "geometry": {
            "shape": list(scan.shape),
            "spacing_mm": None if scan.spacing_mm is None else [_number(value, 6) for value in scan.spacing_mm],
            "affine": None if scan.affine is None else [[_number(value, 9) for value in row] for row in scan.affine],
            "slice_positions": slice_positions_values(scan),
            "sequences": list(scan.sequences),
            "kind": scan.kind,
        },
        "warnings": [_text(warning) for warning in analysis.warnings],
        "notice": analysis.notice,
        "timing_ms": {stage: _number(spent, 2) for stage, spent in analysis.timing_ms.items()},
        "mask_rle": [encode(part) for part in analysis.mask.astype(bool, copy=False)],
    }


def to_json(document: dict[str, Any]) -> str:
    """A document as strict JSON: one key a line, long lists one item a line."""
    return "{\n" + ",\n".join(f"{_dumps(key)}: {_value(key, value)}" for key, value in document.items()) + "\n}\n"


def load_document(path: Path) -> dict[str, Any]:
    """Read an ``analysis.json`` again.

    Raises:
        TumorscopeError: it is missing, damaged or of another schema.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise TumorscopeError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # not JSON, or not UTF-8
        raise TumorscopeError(f"{path}: damaged or not JSON; analyze the scan again") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise TumorscopeError(f"{path}: not {SCHEMA}; analyze the scan again with this version")
    return document


def mask_from_document(document: dict[str, Any]) -> np.ndarray:
    """The mask of a document, boolean ``(slice, row, column)``.

    Raises:
        TumorscopeError: the runs do not fill the grid that the document gives.
    """
    try:
        shape = tuple(int(length) for length in document["geometry"]["shape"])
        runs = document["mask_rle"]
        # Checked before decoding: a damaged count could ask for all of the memory.
        whole = all(part["size"] == list(shape[1:]) and sum(part["counts"]) == math.prod(shape[1:]) for part in runs)
        if not whole or len(shape) != 3 or len(runs) != shape[0]:
            raise ValueError("runs do not fill the grid")
        return np.stack([decode(part) for part in runs])
    except (KeyError, TypeError, ValueError) as error:
        raise TumorscopeError("the document's mask is damaged; analyze the scan again") from error


def _type(finding: TypeFinding) -> dict[str, Any]:
    """``name`` is null where the type is uncertain."""
    return {
        "name": finding.name,
        "likeliest": finding.likeliest,
        "probability": _probability(finding.probability),
        "confidence_needed": finding.confidence_needed,
        **_types(finding.probabilities),
    }


def _types(probabilities: dict[str, float] | None) -> dict[str, Any]:
    if probabilities is None:
        return {}
    return {"type_probabilities": {name: _probability(value) for name, value in probabilities.items()}}


def _value(key: str, value: Any) -> str:
    if key in _ONE_A_LINE and value:
        return "[\n  " + ",\n  ".join(_dumps(item) for item in value) + "\n]"
    return _dumps(value)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _probability(value: float | None) -> float | None:
    return _number(value, _PROBABILITY_DIGITS)


def _number(value: float | None, digits: int) -> float | None:
    """JSON knows no NaN; a number that is none is null."""
    return None if value is None or not math.isfinite(value) else round(float(value), digits)


def _text(text: str) -> str:
    """File names may hold bytes that are no text; JSON may not."""
    return text.encode("utf-8", "replace").decode()
