"""DICOM RT Structure Set (PS3.3 A.19.3): the contours of each lesion on the images that they were found in.

Every contour is in the plane of its source image and names it, so that no program has to guess which slice is meant.
How contours run, and why holes are keyholes: :mod:`tumorscope.io.dicom.contours`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.inference.analysis import Analysis
from tumorscope.io.dicom.contours import trace_contours
from tumorscope.io.dicom.items import make_item
from tumorscope.io.dicom.object_identity import (
    MANUFACTURER,
    encode_object,
    equipment,
    in_zone_of,
    object_uid,
    series_uid,
)
from tumorscope.io.dicom.seg_writer import LESION_COLORS, segmented_content, segmented_labels
from tumorscope.io.dicom.source_images import SourcePlanes, image_items, source_planes
from tumorscope.io.dicom.structure_set import STRUCTURE_SET
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.measurement.lesions import Lesion

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

SERIES_NUMBER = 9805
_STUDY = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management: the class by which RT objects refer to a study (PS3.3 C.8.8.5)."""

_LABEL = "RESEARCH ONLY"
"""At most 16 characters; planning systems list structure sets by it."""

_DIGITS = 4
"""Of coordinates, in mm: a thousandth of the smallest pixel or finer."""


@dataclass(frozen=True, eq=False)
class _Region:
    """A region to be contoured.

    Attributes:
        name: at most 64 characters.
        mask: boolean ``(slice, row, column)``, a box of the scan's grid.
        color: red, green and blue, 0 to 255.
        corner: the mask's first voxel in the scan's grid, ``(slice, row, column)``.
    """

    name: str
    mask: np.ndarray
    color: tuple[int, int, int]
    corner: tuple[int, int, int] = (0, 0, 0)


@quiet_libraries()
def encode_structure_set(analysis: Analysis, made_at: datetime | None = None) -> bytes:
    """An RT Structure Set with one ROI per lesion in the order of ``analysis.lesions``, as a file's content.

    Where the analysis has several labels each of them is one ROI instead.

    Args:
        analysis: of a scan that was read from DICOM.
        made_at: the time written into the object; now, unless given.

    Raises:
        TumorscopeError: the scan is not from DICOM or its images do not state their position; nothing is segmented.
    """
    if not analysis.mask.any():
        raise TumorscopeError(f"{analysis.scan.case}: nothing is segmented, so there are no contours to write")
    planes = source_planes(analysis.scan)
    images = image_items(analysis.scan.source_images)
    rois = _regions(analysis)
    header = analysis.scan.source_images[0].header
    made_at = in_zone_of(header, made_at or datetime.now())
    dataset = _structure_set(analysis, planes.frame_of_reference, images, made_at)
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    for number, roi in enumerate(rois, start=1):
        dataset.StructureSetROISequence.append(_definition(roi, number, planes.frame_of_reference, analysis))
        dataset.ROIContourSequence.append(_contours(roi, number, planes, images))
        dataset.RTROIObservationsSequence.append(_observation(number))
    return encode_object(dataset, header, made_at)


def _regions(analysis: Analysis) -> list[_Region]:
    """The labels where there are several, as in the segmentation; else the lesions."""
    labels = segmented_labels(analysis)
    if labels:
        return [_Region(label.label.capitalize(), label.mask, analysis.colors[label.label]) for label in labels]
    return [
        _Region(
            f"Lesion {number}",
            analysis.lesion_labels[_box(lesion)] == number,
            LESION_COLORS[(number - 1) % len(LESION_COLORS)],
            lesion.first,
        )
        for number, lesion in enumerate(analysis.lesions, start=1)
    ]


def _box(lesion: Lesion) -> tuple[slice, ...]:
    return tuple(slice(first, last + 1) for first, last in zip(lesion.first, lesion.last, strict=True))


def _structure_set(analysis: Analysis, frame_of_reference: str, images: list[Dataset], made_at: datetime) -> Dataset:
    """All but the regions, the patient and the study."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ImplicitVRLittleEndian

    dataset = Dataset()
    dataset.SOPClassUID = STRUCTURE_SET
    dataset.SOPInstanceUID = object_uid(analysis, "structure set", segmented_content(analysis))
    dataset.file_meta = FileMetaDataset()
    # Explicit VR has 16 bits for the length of a decimal string, too few for the contour of a large ragged lesion.
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = series_uid(analysis, "structure set")
    dataset.SeriesNumber, dataset.InstanceNumber = SERIES_NUMBER, 1
    dataset.SeriesDescription = "Tumorscope contours (research)"
    dataset.OperatorsName = None
    for keyword, value in _equipment(analysis).items():
        setattr(dataset, keyword, value)
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = frame_of_reference, None
    dataset.StructureSetLabel, dataset.StructureSetName = _LABEL, "Tumorscope contours"
    dataset.StructureSetDescription = NOTICE
    dataset.StructureSetDate, dataset.StructureSetTime = made_at.strftime("%Y%m%d %H%M%S").split()
    dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(analysis, frame_of_reference, images)]
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _equipment(analysis: Analysis) -> dict[str, Any]:
    names = {
        "manufacturer": "Manufacturer",
        "manufacturer_model_name": "ManufacturerModelName",
        "software_versions": "SoftwareVersions",
        "device_serial_number": "DeviceSerialNumber",
    }
    return {
        names[key]: list(value) if isinstance(value, tuple) else value for key, value in equipment(analysis).items()
    }


def _frame_of_reference(analysis: Analysis, uid: str, images: list[Dataset]) -> Dataset:
    """The images of the scan, within their series, study and frame of reference."""
    header = analysis.scan.source_images[0].header
    series = make_item(SeriesInstanceUID=str(header.SeriesInstanceUID), ContourImageSequence=images)
    study = make_item(
        ReferencedSOPClassUID=_STUDY,
        ReferencedSOPInstanceUID=str(header.StudyInstanceUID),
        RTReferencedSeriesSequence=[series],
    )
    return make_item(FrameOfReferenceUID=uid, RTReferencedStudySequence=[study])


def _definition(roi: _Region, number: int, frame_of_reference: str, analysis: Analysis) -> Dataset:
    return make_item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=str(frame_of_reference),
        ROIName=roi.name,
        ROIDescription=NOTICE,
        ROIGenerationAlgorithm="SEMIAUTOMATIC" if analysis.corrected else "AUTOMATIC",
        ROIGenerationDescription=f"{MANUFACTURER} {analysis.bundle.card.name} {analysis.bundle.card.version}"[:64],
    )


def _contours(roi: _Region, number: int, planes: SourcePlanes, images: Sequence[Dataset]) -> Dataset:
    contours = []
    first, *corner = roi.corner
    for index, mask in enumerate(roi.mask, start=first):
        for points in trace_contours(mask):
            contour = make_item(
                ContourImageSequence=[images[index]],
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=len(points),
            )
            contour.add(_contour_data(_in_patient(points + corner, planes, index)))
            contours.append(contour)
    return make_item(ReferencedROINumber=number, ROIDisplayColor=list(roi.color), ContourSequence=contours)


def _observation(number: int) -> Dataset:
    from pydicom.sr.codedict import codes

    neoplasm = codes.SCT.Neoplasm
    return make_item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        ROIObservationDescription=NOTICE,
        RTROIIdentificationCodeSequence=[
            make_item(
                CodeValue=neoplasm.value,
                CodingSchemeDesignator=neoplasm.scheme_designator,
                CodeMeaning=neoplasm.meaning,
            )
        ],
        RTROIInterpretedType="GTV",
        ROIInterpreter=None,
    )


def _in_patient(points: np.ndarray, planes: SourcePlanes, index: int) -> np.ndarray:
    """Points ``(row, column)`` of an image in LPS mm, after PS3.3 C.7.6.2.1.1."""
    along_row = planes.orientation[:3] * planes.spacing_mm[1]
    along_column = planes.orientation[3:] * planes.spacing_mm[0]
    return planes.positions_mm[index] + points[:, 1:] * along_row + points[:, :1] * along_column


def _contour_data(points_mm: np.ndarray) -> DataElement:
    """Coordinates as text: pydicom takes ten times as long to make and check a number object for each."""
    from pydicom import DataElement

    text = "\\".join(f"{value:.{_DIGITS}f}" for value in (points_mm + 0.0).ravel().tolist())
    return DataElement("ContourData", "DS", text, already_converted=True)
