"""DICOM SR, TID 1500: the finding, and for each lesion its measurements, segment and end points."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING

from tumorscope.core.notice import NOTICE
from tumorscope.inference.analysis import Analysis
from tumorscope.io.dicom.codes import PRIVATE_SCHEME, code, type_code
from tumorscope.io.dicom.content_items import image
from tumorscope.io.dicom.items import ItemEncoder, encoded_sequence
from tumorscope.io.dicom.object_identity import (
    CHARACTER_SET,
    MANUFACTURER,
    encode_object,
    equipment,
    object_uid,
    series_uid,
    tracking_uid,
    unique_identifier,
)
from tumorscope.io.dicom.seg_writer import segmented_labels
from tumorscope.io.dicom.source_images import file_items, first_image, image_items, require_sources
from tumorscope.io.dicom.sr_groups import algorithm_id_of, comment, label_groups, lesion_groups
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.reporting.wording import finding_sentence, radiomics_sentence, type_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from highdicom.sr import (
        AlgorithmIdentification,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        ObservationContext,
    )
    from pydicom import Dataset
    from pydicom.sr.coding import Code

SERIES_NUMBER = 9803
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
    both carry the tracking identifier that the segment carries. Where the analysis has several labels, whose segments
    overlap, each label has the group with its segment, and each of its lesions one with measurements and diameters. A
    scan that was not assessed, or shows no tumor, has the first group only.

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
    from pydicom.uid import ExplicitVRLittleEndian

    sources = require_sources(analysis.scan)
    images = image_items(sources)
    files = file_items(images)
    seg = None if segmentation is None else dcmread(io.BytesIO(segmentation), stop_before_pixels=True)
    segments = len(segmented_labels(analysis)) or len(analysis.lesions)
    if seg is not None and (seg.SegmentationType != "BINARY" or len(seg.SegmentSequence) != segments):
        raise ValueError("not the binary segmentation of this analysis")
    algorithm_id = algorithm_id_of(analysis)
    segmentation_uid = None if seg is None else str(seg.SOPInstanceUID)
    whole = _whole_scan(analysis, algorithm_id, files[0])
    if analysis.parts:
        groups = label_groups(analysis, images, segmentation_uid)
    else:
        groups = lesion_groups(analysis, images, segmentation_uid, algorithm_id)
    content = hd.sr.MeasurementReport(
        observation_context=_observer(analysis),
        procedure_reported=codes.LN.MRIUnspecifiedBodyRegion,  # context group 100 has no MRI of the brain
        imaging_measurements=[whole],
    )
    private = CodingSchemeIdentificationItem(
        PRIVATE_SCHEME, name="Tumorscope's own concepts", responsible_organization=MANUFACTURER
    )
    encoder = ItemEncoder(CHARACTER_SET)
    encoded = encoder.items([_completed(whole[0], files, _sentences(analysis)), *groups])
    instance = object_uid(analysis, "report", encoder.items(content) + encoded)
    dataset = hd.sr.ComprehensiveSR(
        evidence=[first_image(analysis.scan), *([] if seg is None else [seg])],
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
        transfer_syntax_uid=ExplicitVRLittleEndian,  # as of the encoded groups
        specific_character_set=CHARACTER_SET,
        **equipment(analysis),
    )
    # What highdicom need not copy and search.
    dataset.ContentSequence[-1]["ContentSequence"] = encoded_sequence("ContentSequence", encoded)
    study = dataset.CurrentRequestedProcedureEvidenceSequence[0]
    study.ReferencedSeriesSequence[0].ReferencedSOPSequence = files
    if analysis.incomplete is not None:
        dataset.CompletionFlagDescription = analysis.incomplete[:_LONGEST_LO]
    return encode_object(dataset, sources[0].header, made_at or datetime.now())


def _whole_scan(
    analysis: Analysis, algorithm_id: AlgorithmIdentification, first: Dataset
) -> MeasurementsAndQualitativeEvaluations:
    """The finding, with its qualifiers and the first of the images."""
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
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(tracking_uid(analysis, 0), "Whole scan"),
        finding_type=codes.SCT.Neoplasm,
        finding_sites=[hd.sr.FindingSite(codes.SCT.Brain)],
        algorithm_id=algorithm_id,
        measurements=measurements,
        qualitative_evaluations=evaluations,
        source_images=[
            hd.sr.SourceImageForMeasurementGroup(first.ReferencedSOPClassUID, first.ReferencedSOPInstanceUID)
        ],
    )


def _completed(group: Dataset, files: Sequence[Dataset], sentences: Sequence[str]) -> Dataset:
    """The group of the whole scan with the other images, and with sentences."""
    from pydicom import Dataset
    from pydicom.sr.codedict import codes

    completed = Dataset(dict(group.items()))
    del completed.ContentSequence  # not the one in highdicom's own group
    completed.ContentSequence = [
        *group.ContentSequence,
        *(image(codes.DCM.SourceOfMeasurement, file) for file in files[1:]),
        *map(comment, sentences),
    ]
    return completed


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
