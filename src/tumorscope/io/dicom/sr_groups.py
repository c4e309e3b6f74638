"""The measurement groups of a structured report: one for each segment, and one for each lesion's diameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import TUMOR
from tumorscope.io.dicom.codes import code, label_code
from tumorscope.io.dicom.finding_sites import finding_site
from tumorscope.io.dicom.object_identity import MANUFACTURER, algorithm, label_uid, tracking_uid
from tumorscope.io.dicom.seg_writer import segmented_labels
from tumorscope.io.dicom.source_images import image_items, reference
from tumorscope.measurement.diameters import Diameter
from tumorscope.measurement.lesions import Lesion

if TYPE_CHECKING:
    from highdicom.sr import AlgorithmIdentification, Measurement
    from pydicom import Dataset
    from pydicom.sr.coding import Code

_DIGITS = 2


@dataclass(frozen=True, eq=False)
class Group:
    """A measurement group whose images are added last.

    highdicom copies and searches the content of a document several times, which takes longer than all else where it
    lists every image.

    Attributes:
        content: highdicom's, of which the last item is the first of the images.
        concept: what the images are.
        images: items that refer to them; one at least where there is a concept.
        comments: at the end of the group.
    """

    content: Any
    concept: Code | None = None
    images: Sequence[Dataset] = ()
    comments: Sequence[str] = ()

    def complete(self) -> Dataset:
        """The content item with all images and comments."""
        item = self.content[0]
        content = [
            *item.ContentSequence,
            *_image_contents(self.concept, self.images[1:]),
            *map(_comment, self.comments),
        ]
        item["ContentSequence"].value = content
        return item


def _image_contents(concept: Code | None, images: Sequence[Dataset]) -> list[Dataset]:
    """Content items for images, which share what they have in common."""
    import highdicom as hd
    from pydicom import Dataset

    if concept is None or not images:
        return []
    common = hd.sr.ContentItem(
        hd.sr.ValueTypeValues.IMAGE, concept, relationship_type=hd.sr.RelationshipTypeValues.CONTAINS
    )
    contents = []
    for image in images:
        content = Dataset(dict(common.items()))
        content.ReferencedSOPSequence = [image]
        contents.append(content)
    return contents


def _comment(sentence: str) -> Dataset:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.sr.TextContentItem(codes.DCM.Comment, sentence, hd.sr.RelationshipTypeValues.CONTAINS)


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
    analysis: Analysis, segmentation_uid: str | None, algorithm_id: AlgorithmIdentification
) -> list[Group]:
    """For each lesion, which is a segment, its measurements and its diameters."""
    groups = []
    for number, lesion in enumerate(analysis.lesions, 1):
        about = _about(analysis, number, lesion, algorithm_id)
        if segmentation_uid is not None:
            measurements = [*_sizes(analysis, lesion), *_axes(analysis, lesion, end_points=False)]
            slices = lesion.first[0], lesion.last[0]
            of_segment = segmentation_uid, number
            groups.append(_segment_group(analysis, about, measurements, slices, of_segment, _comments(lesion)))
        if segmentation_uid is None or lesion.diameters is not None:
            groups.append(Group(_diameters(analysis, about, lesion, alone=segmentation_uid is None)))
    return groups


def label_groups(analysis: Analysis, segmentation_uid: str | None) -> list[Group]:
    """For each label, which is a segment, its volume; for each of its lesions, measurements and diameters."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    groups = []
    for segment, label in enumerate(segmented_labels(analysis), 1):
        algorithm_id = algorithm_id_of(label)
        if segmentation_uid is not None:
            about = {
                "tracking_identifier": hd.sr.TrackingIdentifier(label_uid(label), label.label.capitalize()),
                "finding_type": label_code(label.label),
                "finding_sites": [hd.sr.FindingSite(codes.SCT.Brain)],
                "algorithm_id": algorithm_id,
            }
            shown = np.flatnonzero(label.mask.any(axis=(1, 2)))
            slices, of_segment = (int(shown[0]), int(shown[-1])), (segmentation_uid, segment)
            groups.append(_segment_group(label, about, _volume(label.volume_mm3), slices, of_segment))
        for number, lesion in enumerate(label.lesions, 1):
            diameters = _diameters(label, _about(label, number, lesion, algorithm_id), lesion, alone=True)
            groups.append(Group(diameters, comments=_comments(lesion)))
    return groups


def _comments(lesion: Lesion) -> list[str]:
    reason = lesion.nonmeasurable_reason
    return [] if reason is None else [f"Not measurable by RANO: {reason}."]


def _segment_group(
    analysis: Analysis,
    about: dict[str, Any],
    measurements: list[Measurement],
    slices: tuple[int, int],
    segment: tuple[str, int],
    comments: Sequence[str] = (),
) -> Group:
    """The measurements of a segment, with the images that show it.

    Args:
        analysis: gives the images.
        about: from :func:`_about`.
        measurements: of the segment.
        slices: the first and the last that show it.
        segment: UID of the segmentation, and the segment's number.
        comments: on it.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes
    from pydicom.uid import SegmentationStorage

    uid, number = segment
    sources = analysis.scan.source_images[slices[0] : slices[1] + 1]
    content = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        **about,
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        referenced_segment=hd.sr.ReferencedSegment(
            sop_class_uid=SegmentationStorage,
            sop_instance_uid=uid,
            segment_number=number,
            source_images=[_source_of_segment(*reference(sources[0]))],
        ),
        measurements=measurements,
    )
    return Group(content, codes.DCM.SourceImageForSegmentation, image_items(sources), comments)


def _source_of_segment(kind: str, uid: str, frame: int | None) -> Any:
    """An image under a segment; highdicom (0.28) spells the concept in another case than the standard."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    item = hd.sr.SourceImageForSegmentation(kind, uid, None if frame is None else [frame])
    item.ConceptNameCodeSequence[0].CodeMeaning = codes.DCM.SourceImageForSegmentation.meaning
    return item


def _diameters(analysis: Analysis, about: dict[str, Any], lesion: Lesion, *, alone: bool) -> Any:
    """The two lines of a bidimensional measurement where they were drawn; ``alone``, all measurements."""
    import highdicom as hd

    sizes = _sizes(analysis, lesion) if alone else []
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        **about, measurements=[*sizes, *_axes(analysis, lesion, end_points=True)]
    )


def _about(analysis: Analysis, number: int, lesion: Lesion, algorithm_id: AlgorithmIdentification) -> dict[str, Any]:
    """Which lesion a group is about, where it is, and which algorithm found it."""
    import highdicom as hd

    site, side = finding_site(lesion)
    name = f"Lesion {number}" if analysis.label == TUMOR else f"{analysis.label.capitalize()}, lesion {number}"
    return {
        "tracking_identifier": hd.sr.TrackingIdentifier(tracking_uid(analysis, number), name),
        "finding_type": label_code(analysis.label),
        "finding_sites": [hd.sr.FindingSite(site, laterality=side)],
        "algorithm_id": algorithm_id,
    }


def _volume(volume_mm3: float | None) -> list[Measurement]:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return [] if volume_mm3 is None else [hd.sr.Measurement(codes.SCT.Volume, volume_mm3, codes.UCUM.CubicMillimeter)]


def _sizes(analysis: Analysis, lesion: Lesion) -> list[Measurement]:
    """Volume, and the product of the diameters."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    sizes = _volume(lesion.volume_mm3)
    if lesion.diameters is not None:
        unit = code("square_pixels") if analysis.scan.affine is None else codes.UCUM.SquareMillimeter
        product = round(lesion.diameters.product, _DIGITS)
        sizes.append(hd.sr.Measurement(code("product"), product, unit, method=code("rano")))
    return sizes


def _axes(analysis: Analysis, lesion: Lesion, *, end_points: bool) -> list[Measurement]:
    """The longest in-plane diameter and the one at a right angle to it."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    if lesion.diameters is None:
        return []
    unit = code("pixels") if analysis.scan.affine is None else codes.UCUM.Millimeter
    lines = ((codes.SCT.LongAxis, lesion.diameters.longest), (codes.SCT.ShortAxis, lesion.diameters.perpendicular))
    return [
        hd.sr.Measurement(
            name,
            round(line.length, _DIGITS),
            unit,
            method=code("rano"),
            referenced_coordinates=[_drawn(analysis, lesion.diameters.slice, line)] if end_points else None,
        )
        for name, line in lines
    ]


def _drawn(analysis: Analysis, plane: int, line: Diameter) -> Any:
    """A line on its image. DICOM counts columns and rows from the corner of the first pixel, not its center."""
    import highdicom as hd

    kind, uid, frame = reference(analysis.scan.source_images[plane])
    _, rows, columns = analysis.scan.shape
    points = np.array([line.start[::-1], line.end[::-1]]) + 0.5
    return hd.sr.CoordinatesForMeasurement(
        graphic_type=hd.sr.GraphicTypeValues.POLYLINE,
        graphic_data=np.clip(points, 0, (columns, rows)),
        source_image=hd.sr.SourceImageForRegion(kind, uid, None if frame is None else [frame]),
    )
