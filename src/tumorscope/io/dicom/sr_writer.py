"""DICOM SR, TID 1500: the finding, and for each lesion its measurements, segment and end points."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.notice import NOTICE
from tumorscope.inference.analysis import Analysis
from tumorscope.io.dicom.codes import PRIVATE_SCHEME, code, type_code
from tumorscope.io.dicom.object_identity import (
    CHARACTER_SET,
    MANUFACTURER,
    algorithm,
    encode_object,
    equipment,
    object_uid,
    series_uid,
    tracking_uid,
    unique_identifier,
)
from tumorscope.io.dicom.source_images import evidence, reference, require_sources
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.measurement.diameters import Diameter
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.wording import finding_sentence, radiomics_sentence, type_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from highdicom.sr import AlgorithmIdentification, Measurement, ObservationContext
    from pydicom import Dataset
    from pydicom.sr.coding import Code

SERIES_NUMBER = 9803
_DIGITS = 2
_SITES = {
    "frontal": "FrontalLobe",
    "parietal": "ParietalLobe",
    "temporal": "TemporalLobe",
    "occipital": "OccipitalLobe",
    "insula": "Insula",
    "cerebellum": "Cerebellum",
    "brainstem": "BrainStem",
    "ventricles": "BrainVentricle",
}
"""Names in context group 7153, CNS Segmentation Types, of what an atlas's region is a structure of."""
_LONGEST_LO = 64


@quiet_libraries()
def encode_structured_report(
    analysis: Analysis,
    segmentation: bytes | None,
    made_at: datetime | None = None,
    earlier: Sequence[Dataset] = (),
) -> bytes:
    """A Comprehensive SR document after template 1500, as a file's content.

    A group for the whole scan holds the presence of a tumor, its type, the probability of both, and
    what else a reader should know, the notice last. Each lesion has a group with its measurements and
    its segment (TID 1411), and one with the two diameters' end points on their image (TID 1501);
    both carry the tracking identifier that the segment carries. A scan that was not assessed, or shows
    no tumor, has the first group only.

    Args:
        analysis: of a scan that was read from DICOM.
        segmentation: from :func:`encode_segmentation`, of the same analysis, binary; None where
            nothing is segmented.
        made_at: the time written into the object; now, unless given.
        earlier: headers of reports of the same study that this one replaces; they become its
            predecessor documents (PS3.3 C.17.2.1).

    Raises:
        TumorscopeError: the scan is not from DICOM, or its images cannot be referred to.
    """
    import highdicom as hd
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from pydicom import dcmread
    from pydicom.sr.codedict import codes

    header = require_sources(analysis.scan)[0].header
    seg = None if segmentation is None else dcmread(io.BytesIO(segmentation), stop_before_pixels=True)
    if seg is not None and (seg.SegmentationType != "BINARY" or len(seg.SegmentSequence) != len(analysis.lesions)):
        raise ValueError("not the binary segmentation of this analysis")
    made_by = algorithm(analysis)
    algorithm_id = hd.sr.AlgorithmIdentification(
        name=made_by["name"],
        version=made_by["version"],
        parameters=[made_by["parameters"]],
        family=codes.cid7162.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
    )
    groups = [_whole_scan(analysis, algorithm_id)]
    for number, lesion in enumerate(analysis.lesions, 1):
        if seg is not None:
            groups.append(_segment_group(analysis, number, lesion, str(seg.SOPInstanceUID), algorithm_id))
        if seg is None or lesion.diameters is not None:
            groups.append(_diameter_group(analysis, number, lesion, algorithm_id, alone=seg is None))
    content = hd.sr.MeasurementReport(
        observation_context=_observer(analysis),
        procedure_reported=codes.LN.MRIUnspecifiedBodyRegion,  # context group 100 has no MRI of the brain
        imaging_measurements=groups,
    )
    private = CodingSchemeIdentificationItem(
        PRIVATE_SCHEME, name="Tumorscope's own concepts", responsible_organization=MANUFACTURER
    )
    text = json.dumps(content[0].to_json_dict(), sort_keys=True)
    instance = object_uid(analysis, "report", text.encode())
    dataset = hd.sr.ComprehensiveSR(
        evidence=[*evidence(analysis.scan), *([] if seg is None else [seg])],
        content=content,
        series_instance_uid=series_uid(analysis, "report"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=instance,
        instance_number=1,
        is_complete=analysis.incomplete is None,
        # The same report sent again is not its own predecessor.
        previous_versions=[report for report in earlier if report.SOPInstanceUID != instance] or None,
        series_description="Tumorscope measurements (research)",
        content_qualification="RESEARCH",
        coding_schemes=[private],
        specific_character_set=CHARACTER_SET,
        **equipment(analysis),
    )
    if analysis.incomplete is not None:
        dataset.CompletionFlagDescription = analysis.incomplete[:_LONGEST_LO]
    return encode_object(dataset, header, made_at or datetime.now())


def _whole_scan(analysis: Analysis, algorithm_id: AlgorithmIdentification) -> Any:
    """The finding, with its qualifiers."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    measurements = []
    evaluations = [hd.sr.QualitativeEvaluation(codes.SCT.Neoplasm, _presence(analysis))]
    if analysis.tumor_probability is not None:
        measurements.append(_percent(codes.DCM.CertaintyOfFinding, analysis.tumor_probability))
        measurements.append(hd.sr.Measurement(code("lesions"), len(analysis.lesions), code("count")))
        if analysis.volume_mm3 is not None and analysis.lesions:
            measurements.append(hd.sr.Measurement(codes.SCT.Volume, analysis.volume_mm3, codes.UCUM.CubicMillimeter))
    opinion = analysis.tumor_type
    if opinion is not None:
        impression = codes.SCT.Indeterminate if opinion.name is None else type_code(opinion.name)
        evaluations.append(hd.sr.QualitativeEvaluation(codes.DCM.DifferentialDiagnosisImpression, impression))
        if opinion.name is not None:
            measurements.append(_percent(codes.DCM.CertaintyOfImpression, opinion.probability))
    instances = {uid: kind for kind, uid, _ in map(reference, analysis.scan.source_images)}
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(tracking_uid(analysis, 0), "Whole scan"),
        finding_type=codes.SCT.Neoplasm,
        finding_sites=[hd.sr.FindingSite(codes.SCT.Brain)],
        algorithm_id=algorithm_id,
        measurements=measurements,
        qualitative_evaluations=evaluations,
        source_images=[hd.sr.SourceImageForMeasurementGroup(kind, uid) for uid, kind in instances.items()],
    )
    for sentence in _sentences(analysis):
        _say(group, sentence)
    return group


def _segment_group(
    analysis: Analysis, number: int, lesion: Lesion, segmentation_uid: str, algorithm_id: AlgorithmIdentification
) -> Any:
    """A lesion's measurements, with its segment and the images that show it."""
    import highdicom as hd
    from pydicom.sr.codedict import codes
    from pydicom.uid import SegmentationStorage

    shown = map(reference, analysis.scan.source_images[lesion.first[0] : lesion.last[0] + 1])
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        **_about(analysis, number, lesion, algorithm_id),
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        referenced_segment=hd.sr.ReferencedSegment(
            sop_class_uid=SegmentationStorage,
            sop_instance_uid=segmentation_uid,
            segment_number=number,
            source_images=[_source_of_segment(*image) for image in shown],
        ),
        measurements=[*_sizes(analysis, lesion), *_axes(analysis, lesion, end_points=False)],
    )
    if lesion.nonmeasurable_reason is not None:
        _say(group, f"Not measurable by RANO: {lesion.nonmeasurable_reason}.")
    return group


def _source_of_segment(kind: str, uid: str, frame: int | None) -> Any:
    """An image under a segment; highdicom (0.28) spells the concept in another case than the standard."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    item = hd.sr.SourceImageForSegmentation(kind, uid, None if frame is None else [frame])
    item.ConceptNameCodeSequence[0].CodeMeaning = codes.DCM.SourceImageForSegmentation.meaning
    return item


def _diameter_group(
    analysis: Analysis, number: int, lesion: Lesion, algorithm_id: AlgorithmIdentification, *, alone: bool
) -> Any:
    """The two lines of a bidimensional measurement where they were drawn; ``alone``, all measurements."""
    import highdicom as hd

    sizes = _sizes(analysis, lesion) if alone else []
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        **_about(analysis, number, lesion, algorithm_id),
        measurements=[*sizes, *_axes(analysis, lesion, end_points=True)],
    )


def _about(analysis: Analysis, number: int, lesion: Lesion, algorithm_id: AlgorithmIdentification) -> dict[str, Any]:
    """Which lesion a group is about, where it is, and which algorithm found it."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    site, side = _site(lesion)
    return {
        "tracking_identifier": hd.sr.TrackingIdentifier(tracking_uid(analysis, number), f"Lesion {number}"),
        "finding_type": codes.SCT.Neoplasm,
        "finding_sites": [hd.sr.FindingSite(site, laterality=side)],
        "algorithm_id": algorithm_id,
    }


def _site(lesion: Lesion) -> tuple[Code, Code | None]:
    """A lesion's region (context group 7153) and side: the brain's where no atlas names a region for certain."""
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    found = lesion.location
    sides = {"left": codes.SCT.Left, "right": codes.SCT.Right, "both": Code("51440002", "SCT", "Right and left")}
    if found is None or not found.region_certain or found.region in ("deep", "outside"):
        return codes.SCT.Brain, sides.get(lesion.laterality or "")
    site = getattr(codes.cid7153, _SITES[found.region])
    paired = found.region not in ("brainstem", "ventricles")
    return site, sides.get(found.hemisphere or "") if paired else None


def _sizes(analysis: Analysis, lesion: Lesion) -> list[Measurement]:
    """Volume, and the product of the diameters."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    sizes = []
    if lesion.volume_mm3 is not None:
        sizes.append(hd.sr.Measurement(codes.SCT.Volume, lesion.volume_mm3, codes.UCUM.CubicMillimeter))
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


def _say(group: Any, sentence: str) -> None:
    """Add a comment to a group."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    comment = hd.sr.TextContentItem(codes.DCM.Comment, sentence, hd.sr.RelationshipTypeValues.CONTAINS)
    group[0].ContentSequence.append(comment)


def _presence(analysis: Analysis) -> Code:
    from pydicom.sr.codedict import codes

    if not analysis.assessed:
        return code("not_done")
    return codes.SCT.Present if analysis.tumor_present else codes.SCT.Absent


def _percent(name: Code, probability: float) -> Measurement:
    """A probability that is never rounded to certainty."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.sr.Measurement(name, min(max(round(100 * probability, 1), 0.1), 99.9), codes.UCUM.Percent)


def _sentences(analysis: Analysis) -> list[str]:
    """The findings in words, the notice last."""
    opinion = analysis.tumor_type
    sentences = [finding_sentence(analysis)]
    if opinion is not None:
        sentences.append(type_sentence(opinion))
    second = radiomics_sentence(analysis)
    return [*sentences, *([second] if second else []), *(f"Note: {warning}" for warning in analysis.warnings), NOTICE]


def _observer(analysis: Analysis) -> ObservationContext:
    """The software is the observer; no person has looked."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    made_by = equipment(analysis)
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=unique_identifier("device", analysis.bundle.sha256),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=made_by["manufacturer_model_name"],
        serial_number=made_by["device_serial_number"],
    )
    return hd.sr.ObservationContext(observer_device_context=hd.sr.ObserverContext(codes.DCM.Device, device))
