"""``analysis.json``: all findings, written for programs and read back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import Analysis, SliceFinding
from tumorscope.inference.labels import TUMOR
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.measurement.lesions import Lesion
from tumorscope.measurement.rle import decode, encode
from tumorscope.measurement.rulers import Ruler
from tumorscope.reporting.analysis_document import (
    SCHEMA,
    AnalysisDocument,
    BoxEntry,
    BundleEntry,
    EngineEntry,
    GeometryEntry,
    LabelEntry,
    LesionEntry,
    LocationEntry,
    OperatingPointEntry,
    RulerEntry,
    RunLengths,
    SliceEntry,
    TypeEntry,
)
from tumorscope.reporting.mask_files import label_values
from tumorscope.reporting.measurements import lesion_values, slice_positions_values
from tumorscope.reporting.slice_names import slice_number
from tumorscope.reporting.wording import positive_slices, types_agree

_PROBABILITY_DIGITS = 6
_ITEM_PER_LINE = ("slices", "lesions", "labels", "rulers", "warnings", "mask_rle")
"""Lists that are written one item per line, so that people can read the file too."""


def to_document(analysis: Analysis, truth_dice: float | None = None) -> AnalysisDocument:
    """An analysis as the content of its ``analysis.json``; numbers are rounded, and those not known are None.

    Args:
        analysis: the findings.
        truth_dice: the mask's Dice with the true mask, where there is one.
    """
    scan = analysis.scan
    return AnalysisDocument(
        case=_text(scan.case),
        patient_key=None if scan.study is None else scan.study.patient_key,
        study_date=None if scan.study is None else scan.study.date,
        input_rejected=None if analysis.rejection is None else _note(analysis.rejection),
        corrected=analysis.corrected,
        incomplete=analysis.incomplete,
        tumor_type=_type(analysis.tumor_type),
        radiomics_classifier=_type(analysis.radiomics_classifier),
        types_agree=types_agree(analysis),
        labels=_labels(analysis) if analysis.parts else [],
        rulers=[_ruler(ruler, analysis) for ruler in analysis.rulers],
        geometry=_geometry(analysis),
        truth_dice=_number(truth_dice, 6),
        warnings=[_note(warning) for warning in analysis.warnings],
        notice=analysis.notice,
        timing_ms={stage: _number(spent, 2) for stage, spent in analysis.timing_ms.items()},
        **_measured(analysis),
    )


def _labels(analysis: Analysis) -> list[LabelEntry]:
    detected = analysis.by_bundle
    return [
        LabelEntry(
            name=label.label, values=list(values), **{**_measured(label), **_detection(label, label not in detected)}
        )
        for label, values in zip(analysis.labels, label_values(analysis), strict=True)
    ]


def _detection(label: Analysis, compartment: bool) -> dict[str, Any]:
    """What a label's own network detected; of the whole scan a tumor is present where either network finds one.

    Of a compartment inside the whole by the same network, what is segmented counts: detection is of the whole.
    """
    return {
        "tumor_present": bool(label.lesions) if compartment else positive_slices(label) > 0,
        "tumor_probability": _probability(max(finding.tumor_probability or 0.0 for finding in label.slices)),
    }


def _measured(analysis: Analysis) -> dict[str, Any]:
    """What is said of a whole analysis and of each of its labels: by which bundle, and what it found."""
    bundle, point = analysis.bundle, analysis.bundle.card.operating_point
    return {
        "sequences": list(analysis.sequences),
        "bundle": BundleEntry(
            name=bundle.name, version=bundle.card.version, sha256=bundle.sha256, reason=analysis.bundle_reason
        ),
        "engine": EngineEntry(runtime=analysis.runtime, precision=analysis.precision, flips=analysis.flips),
        "operating_point": OperatingPointEntry(presence=point.presence, mask=point.mask),
        "tumor_present": None if analysis.tumor_present is None else bool(analysis.tumor_present),
        "tumor_probability": _probability(analysis.tumor_probability),
        "volume_mm3": _number(analysis.volume_mm3, 2),
        "voxels": int(np.count_nonzero(analysis.mask)),
        "slices": [_slice(finding, analysis.scan) for finding in analysis.slices],
        "lesions": [_lesion(lesion, analysis) for lesion in analysis.lesions],
        "mask_rle": [_runs(part) for part in analysis.mask.astype(bool, copy=False)],
    }


def to_json(document: AnalysisDocument) -> str:
    """A document as strict JSON: one key per line, long lists one item per line."""
    values = document.model_dump(mode="json", by_alias=True)
    return "{\n" + ",\n".join(f"{_dumps(key)}: {_value(key, value)}" for key, value in values.items()) + "\n}\n"


def load_document(path: Path) -> AnalysisDocument:
    """Read an ``analysis.json``.

    Raises:
        TumorscopeError: it is missing, damaged or of another schema.
    """
    try:
        return AnalysisDocument.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TumorscopeError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise TumorscopeError(f"{path}: {_fault(error)}") from error


def mask_from_document(document: AnalysisDocument) -> np.ndarray:
    """The mask of a document, boolean ``(slice, row, column)``.

    Raises:
        TumorscopeError: the runs do not fill the grid that the document gives.
    """
    return _decoded(document.mask_rle, document.geometry.shape)


def masks_from_document(document: AnalysisDocument) -> list[tuple[str, np.ndarray]]:
    """Name and mask of each label, as :func:`mask_from_document`; the one label of one bundle is ``tumor``.

    Raises:
        TumorscopeError: the runs do not fill the grid that the document gives.
    """
    if not document.labels:
        return [(TUMOR, mask_from_document(document))]
    return [(label.name, _decoded(label.mask_rle, document.geometry.shape)) for label in document.labels]


def _decoded(runs: Sequence[RunLengths], shape: tuple[int, int, int]) -> np.ndarray:
    # Checked before decoding: a damaged count could ask for all of the memory.
    filled = all(
        part.size == shape[1:] and min(part.counts, default=0) >= 0 and sum(part.counts) == math.prod(shape[1:])
        for part in runs
    )
    if not filled or len(runs) != shape[0] or not runs:
        raise TumorscopeError("the document's mask is damaged; analyze the scan again")
    return np.stack([decode({"size": list(part.size), "counts": part.counts}) for part in runs])


def _slice(finding: SliceFinding, scan: Scan) -> SliceEntry:
    return SliceEntry(
        index=finding.index,
        number=slice_number(scan, finding.index),
        name=None if finding.name is None else _text(finding.name),
        tumor_probability=_probability(finding.tumor_probability),
        mask_probability=_probability(finding.mask_probability),
        area_px=int(finding.area_px),
        area_mm2=_number(finding.area_mm2, 2),
        type_probabilities=None if finding.type_probabilities is None else _probabilities(finding.type_probabilities),
    )


def _lesion(lesion: Lesion, analysis: Analysis) -> LesionEntry:
    return LesionEntry(
        bounding_box=BoxEntry(first=lesion.first, last=lesion.last),
        voxels=int(lesion.voxels),
        volume_mm3=_number(lesion.volume_mm3, 2),
        center=_rounded(lesion.center, 2),
        center_mm=None if lesion.center_mm is None else _rounded(lesion.center_mm, 2),
        largest_slice=int(lesion.largest_slice),
        tumor_probability=_probability(lesion.tumor_probability),
        location=None if lesion.location is None else LocationEntry(**asdict(lesion.location)),
        **lesion_values(lesion, analysis.scan.geometry),
    )


def _ruler(ruler: Ruler, analysis: Analysis) -> RulerEntry:
    geometry = analysis.scan.geometry
    return RulerEntry(
        axis=ruler.axis,
        start=_rounded(ruler.start, 2),
        end=_rounded(ruler.end, 2),
        length=round(ruler.length(geometry), 2),
        unit="px" if geometry is None else "mm",
    )


def _geometry(analysis: Analysis) -> GeometryEntry:
    scan = analysis.scan
    return GeometryEntry(
        shape=scan.shape,
        spacing_mm=None if scan.spacing_mm is None else _rounded(scan.spacing_mm, 6),
        affine=None if scan.affine is None else np.round(scan.affine, 9).tolist(),
        slice_positions=slice_positions_values(scan),
        sequences=list(scan.sequences),
        kind=scan.kind,
    )


def _runs(part: np.ndarray) -> RunLengths:
    rows, columns = part.shape
    return RunLengths(size=(rows, columns), counts=encode(part)["counts"])


def _type(finding: TypeFinding | None) -> TypeEntry | None:
    if finding is None:
        return None
    return TypeEntry(
        name=finding.name,
        likeliest=finding.likeliest,
        probability=_probability(finding.probability),
        confidence_needed=finding.confidence_needed,
        doubt=finding.doubt,
        type_probabilities=_probabilities(finding.probabilities),
    )


def _note(note: Note) -> Note:
    return Note(note.code, _text(note.text))


def _fault(error: ValidationError) -> str:
    """Why a file is not a document of this version, and what to do."""
    fault = error.errors(include_url=False, include_context=False)[0]
    if fault["type"] == "json_invalid":
        return "damaged or not JSON; analyze the scan again"
    schemas = [each for each in error.errors() if each["loc"] in (("schema",), ())]
    if schemas:
        return f"not {SCHEMA}; analyze the scan again with this version"
    return f"damaged ({'.'.join(map(str, fault['loc']))}: {fault['msg']}); analyze the scan again"


def _value(key: str, value: Any) -> str:
    if key in _ITEM_PER_LINE and value:
        return "[\n  " + ",\n  ".join(_dumps(item) for item in value) + "\n]"
    return _dumps(value)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _probabilities(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _probability(value) for name, value in values.items()}


def _probability(value: float | None) -> float | None:
    return _number(value, _PROBABILITY_DIGITS)


def _number(value: float | None, digits: int) -> float | None:
    """A rounded number; None where it is not finite, as JSON has no NaN."""
    return None if value is None or not math.isfinite(value) else round(float(value), digits)


def _rounded(values: tuple[float, float, float], digits: int) -> tuple[float, float, float]:
    first, second, third = (round(float(value), digits) for value in values)
    return first, second, third


def _text(text: str) -> str:
    """Text as valid UTF-8: file names may hold bytes that are not."""
    return text.encode("utf-8", "replace").decode()
