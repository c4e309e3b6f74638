"""The content of a DICOM RT Structure Set: its regions, the contours of each, and what they refer to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import LPS_TO_RAS
from tumorscope.core.note import Note
from tumorscope.io.checks import printable
from tumorscope.io.dicom.deflated import refuse_deflated_bomb
from tumorscope.io.dicom.file_reader import damage_told
from tumorscope.io.dicom.image_attributes import items_of
from tumorscope.io.dicom.privacy import contains_patient_name

if TYPE_CHECKING:
    from pydicom import Dataset

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
"""RT Structure Set Storage."""

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
"""Contours that enclose something; others are points and lines."""

_BODY = "EXTERNAL"
"""The interpreted type of the patient's outer contour."""

_MOST_POINTS = 20_000_000


@dataclass(frozen=True, eq=False)
class Roi:
    """One region.

    Attributes:
        name: unique within its structure set.
        number: as the file has it.
        contours: closed polygons in the patient, each ``(point, 3)``, RAS+ mm.
    """

    name: str
    number: int
    contours: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class StructureSet:
    """The regions of a structure set.

    Attributes:
        rois: in the file's order; those without a contour are empty.
        series: SeriesInstanceUID of the images that are named.
        frames: FrameOfReferenceUID of the regions.
        notes: what was left out.
        writer: ManufacturerModelName of the program that wrote it.
    """

    rois: tuple[Roi, ...]
    series: frozenset[str]
    frames: frozenset[str]
    notes: tuple[Note, ...]
    writer: str


def read_content(path: Path, name: str, words: frozenset[str]) -> StructureSet:
    """Read the regions of a structure set.

    Args:
        path: the file.
        name: for errors.
        words: the patient's name, kept out of the regions' names.

    Raises:
        UnreadableScan: damaged, or too large.
    """
    from pydicom import dcmread

    refuse_deflated_bomb(path)
    with damage_told(f"{name}: damaged or truncated structure set; export it again"):
        dataset = dcmread(path, force=True)
        contours, others = _contours(dataset)
        body = _body(dataset)
        numbers = {int(item.ROINumber): _name(item, words) for item in items_of(dataset.get("StructureSetROISequence"))}
        series, frames = _references(dataset)
    if sum(len(points) for several in contours.values() for points in several) > _MOST_POINTS:
        raise UnreadableScan(f"{name}: more than {_MOST_POINTS:,} points; export fewer regions")
    counts = Counter(numbers.values())
    names = {number: f"{own} ({number})" if counts[own] > 1 else own for number, own in numbers.items()}
    rois = [Roi(names[number], number, tuple(contours.get(number, ()))) for number in numbers if number not in body]
    notes = _notes(others, [names[number] for number in body if number in names])
    return StructureSet(tuple(rois), series, frames, notes, str(dataset.get("ManufacturerModelName") or ""))


def _contours(dataset: Dataset) -> tuple[dict[int, list[np.ndarray]], Counter[str]]:
    """The closed contours by the region's number, and how many there are of other kinds."""
    found: dict[int, list[np.ndarray]] = {}
    others: Counter[str] = Counter()
    for item in items_of(dataset.get("ROIContourSequence")):
        own = found.setdefault(int(item.ReferencedROINumber), [])
        for contour in items_of(item.get("ContourSequence")):
            kind = str(contour.get("ContourGeometricType") or _CLOSED[0]).strip().upper()
            if kind in _CLOSED:
                own.append(_points(contour))
            else:
                others[printable(kind)[:16]] += 1
    return found, others


def _points(contour: Dataset) -> np.ndarray:
    """The points of a contour, RAS+ mm ``(point, 3)``.

    Their text is parsed at once: pydicom's decimal strings would be a hundred times as slow.

    Raises:
        ValueError: they are not finite, or not three numbers each.
    """
    element = contour.get_item("ContourData")
    value = None if element is None else element.value
    texts = value.decode("ascii").rstrip(" \0").split("\\") if isinstance(value, bytes) else (value or ())
    points = np.array(texts, float).reshape(-1, 3)
    if not len(points) or not np.isfinite(points).all():
        raise ValueError("a contour without points, or with points that are not numbers")
    return points @ LPS_TO_RAS[:3, :3]


def _body(dataset: Dataset) -> tuple[int, ...]:
    """The numbers of regions that are the patient's outer contour."""
    return tuple(
        int(item.ReferencedROINumber)
        for item in items_of(dataset.get("RTROIObservationsSequence"))
        if str(item.get("RTROIInterpretedType") or "").strip().upper() == _BODY
    )


def _name(item: Dataset, words: frozenset[str]) -> str:
    name = printable(str(item.get("ROIName") or "").strip())[:60]
    return f"ROI {item.ROINumber}" if not name or contains_patient_name(name, words) else name


def _references(dataset: Dataset) -> tuple[frozenset[str], frozenset[str]]:
    """SeriesInstanceUIDs of the images and FrameOfReferenceUIDs of the regions."""
    frames = [
        str(item.get("FrameOfReferenceUID") or "")
        for item in items_of(dataset.get("ReferencedFrameOfReferenceSequence"))
    ]
    frames += [
        str(item.get("ReferencedFrameOfReferenceUID") or "")
        for item in items_of(dataset.get("StructureSetROISequence"))
    ]
    series = [
        str(each.get("SeriesInstanceUID") or "")
        for frame in items_of(dataset.get("ReferencedFrameOfReferenceSequence"))
        for study in items_of(frame.get("RTReferencedStudySequence"))
        for each in items_of(study.get("RTReferencedSeriesSequence"))
    ]
    return frozenset(filter(None, series)), frozenset(filter(None, frames))


def _notes(others: Counter[str], body: list[str]) -> tuple[Note, ...]:
    notes = []
    for kind, count in others.most_common():
        what = f"{count} contour{'s' if count > 1 else ''} of type {kind} left out: they enclose nothing"
        notes.append(Note("contours_left_out", what))
    if body:
        notes.append(Note("contours_left_out", f"{', '.join(body)} left out: the outer contour of the body"))
    return tuple(notes)
