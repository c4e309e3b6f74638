"""The measurement groups of a structured report: one for each segment, and one for each lesion's diameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import TUMOR
from tumorscope.io.dicom.codes import code, label_code
from tumorscope.io.dicom.content_items import (
    CONTEXT,
    MODIFIES,
    SELECTED,
    coded,
    container,
    identifier,
    image,
    measurement,
    polyline,
    text,
)
from tumorscope.io.dicom.finding_sites import finding_site
from tumorscope.io.dicom.items import make_item
from tumorscope.io.dicom.object_identity import MANUFACTURER, algorithm, label_uid, tracking_uid
from tumorscope.io.dicom.seg_writer import segmented_labels
from tumorscope.measurement.diameters import Diameter
from tumorscope.measurement.lesions import Lesion

if TYPE_CHECKING:
    from highdicom.sr import AlgorithmIdentification
    from pydicom import Dataset
    from pydicom.sr.coding import Code

_DIGITS = 2


@dataclass(frozen=True, eq=False)
class _Subject:
    """What groups are about.

    Attributes:
        tracking: the identifiers by which it is known in every object.
        finding: what it is, where it is, and which algorithm found it.
    """

    tracking: Sequence[Dataset]
    finding: Sequence[Dataset]


def algorithm_id_of(analysis: Analysis) -> AlgorithmIdentification:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    made_by = algorithm(analysis)
    return hd.sr.AlgorithmIdentification(
        name=made_by["name"],
        version=made_by["version"],
        parameters=[made_by["parameters"]],
        family=codes.cid7162.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
    )


def lesion_groups(
    analysis: Analysis,
    images: Sequence[Dataset],
    segmentation_uid: str | None,
    algorithm_id: Sequence[Dataset],
) -> list[Dataset]:
    """For each lesion, which is a segment, its measurements and its diameters.

    Args:
        analysis: of a scan that was read from DICOM.
        images: for every slice the item that refers to its image.
        segmentation_uid: of the segmentation; None without one.
        algorithm_id: the content items on the algorithm.
    """
    groups = []
    for number, lesion in enumerate(analysis.lesions, 1):
        subject = _lesion(analysis, number, lesion, algorithm_id)
        if segmentation_uid is not None:
            measurements = [*_sizes(analysis, lesion), *_axes(analysis, lesion)]
            shown = images[lesion.first[0] : lesion.last[0] + 1]
            groups.append(_segment(subject, measurements, shown, (segmentation_uid, number), _comments(lesion)))
        if segmentation_uid is None or lesion.diameters is not None:
            sizes = _sizes(analysis, lesion) if segmentation_uid is None else []
            groups.append(_diameters(subject, [*sizes, *_axes(analysis, lesion, images)]))
    return groups


def label_groups(analysis: Analysis, images: Sequence[Dataset], segmentation_uid: str | None) -> list[Dataset]:
    """For each label, which is a segment, its volume; for each of its lesions, measurements and diameters.

    Args:
        analysis, images, segmentation_uid: as for :func:`lesion_groups`.
    """
    groups = []
    for segment, label in enumerate(segmented_labels(analysis), 1):
        algorithm_id = algorithm_id_of(label)
        if segmentation_uid is not None:
            subject = _label(label, algorithm_id)
            slices = np.flatnonzero(label.mask.any(axis=(1, 2)))
            shown = images[slices[0] : slices[-1] + 1]
            groups.append(_segment(subject, _volume(label.volume_mm3), shown, (segmentation_uid, segment)))
        for number, lesion in enumerate(label.lesions, 1):
            measurements = [*_sizes(label, lesion), *_axes(label, lesion, images)]
            groups.append(_diameters(_lesion(label, number, lesion, algorithm_id), measurements, _comments(lesion)))
    return groups


def comment(sentence: str) -> Dataset:
    """A sentence at the end of a group."""
    from pydicom.sr.codedict import codes

    return text(codes.DCM.Comment, sentence)


def _comments(lesion: Lesion) -> list[Dataset]:
    reason = lesion.nonmeasurable_reason
    return [] if reason is None else [comment(f"Not measurable by RANO: {reason}.")]


def _lesion(analysis: Analysis, number: int, lesion: Lesion, algorithm_id: Sequence[Dataset]) -> _Subject:
    name = f"Lesion {number}" if analysis.label == TUMOR else f"{analysis.label.capitalize()}, lesion {number}"
    return _subject(
        tracking_uid(analysis, number), name, label_code(analysis.label), finding_site(lesion), algorithm_id
    )


def _label(label: Analysis, algorithm_id: Sequence[Dataset]) -> _Subject:
    from pydicom.sr.codedict import codes

    site = codes.SCT.Brain, None
    return _subject(label_uid(label), label.label.capitalize(), label_code(label.label), site, algorithm_id)


def _subject(
    uid: str, name: str, finding: Code, site_and_side: tuple[Code, Code | None], algorithm_id: Sequence[Dataset]
) -> _Subject:
    from pydicom.sr.codedict import codes

    site, side = site_and_side
    laterality = [] if side is None else [coded(codes.SCT.Laterality, side, MODIFIES)]
    return _Subject(
        tracking=[
            text(codes.DCM.TrackingIdentifier, name, CONTEXT),
            identifier(codes.DCM.TrackingUniqueIdentifier, uid),
        ],
        finding=[
            coded(codes.DCM.Finding, finding),
            coded(codes.SCT.FindingSite, site, MODIFIES, laterality),
            *algorithm_id,
        ],
    )


def _segment(
    subject: _Subject,
    measurements: Sequence[Dataset],
    shown: Sequence[Dataset],
    segment: tuple[str, int],
    comments: Sequence[Dataset] = (),
) -> Dataset:
    """The measurements of a segment, with the images that show it (TID 1411).

    Args:
        subject: what the segment is.
        measurements: of the segment.
        shown: items that refer to the images.
        segment: UID of the segmentation, and the segment's number.
        comments: on it.
    """
    from pydicom.sr.codedict import codes
    from pydicom.uid import SegmentationStorage

    uid, number = segment
    reference = make_item(
        ReferencedSOPClassUID=SegmentationStorage, ReferencedSOPInstanceUID=uid, ReferencedSegmentNumber=number
    )
    content = [
        *subject.tracking,
        coded(code("finding_category"), codes.SCT.MorphologicallyAbnormalStructure),
        *subject.finding,
        *measurements,
        image(codes.DCM.ReferencedSegment, reference),
        *(image(codes.DCM.SourceImageForSegmentation, item) for item in shown),
        *comments,
    ]
    return container(codes.DCM.MeasurementGroup, "1411", content)


def _diameters(subject: _Subject, measurements: Sequence[Dataset], comments: Sequence[Dataset] = ()) -> Dataset:
    """Measurements with the two lines of a bidimensional measurement where they were drawn (TID 1501)."""
    from pydicom.sr.codedict import codes

    content = [*subject.tracking, *subject.finding, *measurements, *comments]
    return container(codes.DCM.MeasurementGroup, "1501", content)


def _volume(volume_mm3: float | None) -> list[Dataset]:
    from pydicom.sr.codedict import codes

    return [] if volume_mm3 is None else [measurement(codes.SCT.Volume, volume_mm3, codes.UCUM.CubicMillimeter)]


def _sizes(analysis: Analysis, lesion: Lesion) -> list[Dataset]:
    """Volume, and the product of the diameters."""
    from pydicom.sr.codedict import codes

    sizes = _volume(lesion.volume_mm3)
    if lesion.diameters is not None:
        unit = code("square_pixels") if analysis.scan.affine is None else codes.UCUM.SquareMillimeter
        sizes.append(measurement(code("product"), round(lesion.diameters.product, _DIGITS), unit, [_by_rano()]))
    return sizes


def _axes(analysis: Analysis, lesion: Lesion, images: Sequence[Dataset] | None = None) -> list[Dataset]:
    """The longest in-plane diameter and the one at a right angle to it, with their end points where images are given."""
    from pydicom.sr.codedict import codes

    if lesion.diameters is None:
        return []
    unit = code("pixels") if analysis.scan.affine is None else codes.UCUM.Millimeter
    lines = ((codes.SCT.LongAxis, lesion.diameters.longest), (codes.SCT.ShortAxis, lesion.diameters.perpendicular))
    axes = []
    for name, line in lines:
        drawn = [] if images is None else [_drawn(analysis, images[lesion.diameters.slice], line)]
        axes.append(measurement(name, round(line.length, _DIGITS), unit, [_by_rano(), *drawn]))
    return axes


def _by_rano() -> Dataset:
    from pydicom.sr.codedict import codes

    return coded(codes.SCT.MeasurementMethod, code("rano"), MODIFIES)


def _drawn(analysis: Analysis, reference: Dataset, line: Diameter) -> Dataset:
    """A line on its image. DICOM counts columns and rows from the corner of the first pixel, not its center."""
    _, rows, columns = analysis.scan.shape
    points = np.clip(np.array([line.start[::-1], line.end[::-1]]) + 0.5, 0, (columns, rows))
    source = code("source")
    return polyline(source, points.ravel().tolist(), image(source, reference, SELECTED))
