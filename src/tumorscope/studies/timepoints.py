"""A study for comparisons: a mask of any origin, or the results of an analysis, with what is known of its origin."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.geometry import Geometry
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.io import open_segmentation
from tumorscope.io.dicom.patient_key import read_identity
from tumorscope.io.recognition import file_format
from tumorscope.io.spacing import Spacing, with_mask_spacing
from tumorscope.measurement.comparability import Origin
from tumorscope.measurement.lesions import Lesion, find_lesions
from tumorscope.measurement.location import LesionLocation, RegionShare
from tumorscope.measurement.response import Timepoint
from tumorscope.reporting.analysis_document import AnalysisDocument, LocationEntry
from tumorscope.reporting.document import load_document, masks_from_document
from tumorscope.reporting.outputs import DOCUMENT_FILE, MASK_FILES


def open_labels(
    path: Path, threshold: float | None = None, scan: Scan | None = None, spacing_mm: Spacing | None = None
) -> Segmentation:
    """Any mask, or the mask that an analysis found.

    Args:
        path, threshold, scan, spacing_mm: see :func:`tumorscope.io.open_segmentation`; the path may also be an
            ``analysis.json`` or the folder that holds one.

    Raises:
        TumorscopeError: no mask, damaged, or an image.
    """
    if path.is_dir() and (path / DOCUMENT_FILE).is_file():
        path /= DOCUMENT_FILE
    if path.suffix.lower() != ".json":
        return open_segmentation(path, threshold, scan, spacing_mm)
    if threshold is not None:
        raise TumorscopeError(f"{path}: a threshold is for images; an analysis has a mask of its own")
    found = _of_analysis(path)
    return found if spacing_mm is None else with_mask_spacing(found, spacing_mm, path.parent.name or str(path))


def open_timepoint(path: Path, label: str | None = None) -> Timepoint:
    """A study by its mask or its results.

    Args:
        path: as for :func:`open_labels`.
        label: only the label of this name; all together if None.

    Raises:
        TumorscopeError: it cannot be read, or has no such label.
    """
    return timepoint_of(path, open_labels(path), label)


def timepoint_of(path: Path, segmentation: Segmentation, label: str | None = None) -> Timepoint:
    """The same for a segmentation that was opened from the path.

    Raises:
        TumorscopeError: it has no such label.
    """
    mask = _chosen(segmentation, label)
    lesions = find_lesions(mask, segmentation.blank_scan(), np.zeros(len(mask)))
    if label is None:
        lesions = _with_stated_locations(path, lesions)
    return Timepoint(
        segmentation.case, mask, lesions, segmentation.affine, _origin(path, label), segmentation.slice_positions
    )


def _with_stated_locations(path: Path, lesions: tuple[Lesion, ...]) -> tuple[Lesion, ...]:
    """The lesions with the regions that their analysis gives them, where it was made with an atlas.

    A lesion is known by its bounding box and voxels; one that a mask on another grid changes gets none.
    """
    document = path / DOCUMENT_FILE if path.is_dir() else path
    if document.suffix.lower() != ".json" or not document.is_file():
        return lesions
    stated = {
        (entry.bounding_box.first, entry.bounding_box.last, entry.voxels): entry.location
        for entry in load_document(document).lesions
        if entry.location is not None
    }
    found = ((lesion, stated.get((lesion.first, lesion.last, lesion.voxels))) for lesion in lesions)
    return tuple(lesion if entry is None else replace(lesion, location=_location(entry)) for lesion, entry in found)


def _location(entry: LocationEntry) -> LesionLocation:
    shares = tuple(RegionShare(each.region, each.hemisphere, each.share) for each in entry.shares)
    return LesionLocation(entry.region, entry.region_certain, entry.hemisphere, shares, entry.midline_gap_mm)


def _of_analysis(path: Path) -> Segmentation:
    document = load_document(path)
    masks = masks_from_document(document)
    geometry = document.geometry
    positions = None if geometry.slice_positions is None else np.array(geometry.slice_positions)
    found = Segmentation.of_masks(
        # A label of several stays even if it is empty: there is no enhancing tumor, which is not the same as no answer.
        masks=[(name, mask) for name, mask in masks if mask.any() or document.labels],
        shape=geometry.shape,
        case=document.case,
        kind=geometry.kind,
        geometry=None if geometry.affine is None else Geometry(geometry.shape, np.array(geometry.affine), positions),
    )
    return replace(found, slice_numbers=tuple(entry.number for entry in document.slices))


def _chosen(labels: Segmentation, label: str | None) -> np.ndarray:
    """One label of a mask, or all of them as one."""
    if label is not None:
        return np.zeros(labels.shape, bool) if labels.is_empty else labels.mask(label)
    return labels.whole


def _origin(path: Path, label: str | None) -> Origin:
    """What is known of a mask: by its analysis, which may be beside it, or by its DICOM header."""
    document = path / DOCUMENT_FILE if path.is_dir() else path
    if document.suffix.lower() == ".json" and document.is_file():
        return _origin_of(load_document(document), label)
    if path.name in MASK_FILES:
        with suppress(TumorscopeError):  # none, or of an older version: then nothing is known
            return _origin_of(load_document(path.with_name(DOCUMENT_FILE)), label)
    if path.is_file() and file_format(path) == "dicom":
        identity = read_identity(path)
        return Origin(patient_key=identity.patient_key, study_date=identity.date)
    return Origin()


def _origin_of(document: AnalysisDocument, label: str | None) -> Origin:
    """A label is comparable with the same label by the same bundle; a whole by two bundles with a whole by both."""
    alone = [entry for entry in document.labels[1:] if label is not None and entry.name == label.casefold()]
    made_by = alone or document.labels or [document]
    return Origin(
        patient_key=document.patient_key,
        study_date=document.study_date,
        bundle=" + ".join(f"{entry.bundle.name} {entry.bundle.version}" for entry in made_by),
        bundle_sha256="+".join(entry.bundle.sha256 for entry in made_by),
        sequences=tuple(sequence for entry in made_by for sequence in entry.sequences),
    )
