import io
from dataclasses import replace

import highdicom as hd
import numpy as np
import pydicom
import pytest
from dicom_making import oblique
from dicom_peers import iod_errors, needs
from pydicom.sr.codedict import codes
from reporting.dicom.studies import NOW, SMALL, study_of
from reporting.rejected import rejected

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.io.dicom.writers import encode_segmentation, encode_structured_report
from tumorscope.measurement.location import LesionLocation, RegionShare

GLIOMA = TypeFinding("glioma", "glioma", 0.934, {"glioma": 0.934, "meningioma": 0.066}, 0.6)
UNCERTAIN = TypeFinding(None, "glioma", 0.51, {"glioma": 0.51, "meningioma": 0.49}, 0.6)


def read(content: bytes):
    """The document, as highdicom reads it."""
    return hd.sr.srread(io.BytesIO(content))


def report_of(analysis, **options):
    """The document on an analysis with its segmentation, where it has one."""
    segmentation = encode_segmentation(analysis) if analysis.mask.any() else None
    return read(encode_structured_report(analysis, segmentation, **options))


def value(group, name) -> float:
    """The one measurement of this name in a group."""
    (measurement,) = group.get_measurements(name)
    return measurement.value


def prediction(group, name) -> str:
    """The one evaluation of this name in a group, in words."""
    (evaluation,) = group.get_qualitative_evaluations(name)
    return evaluation.value.meaning


def comments(document) -> list[str]:
    """What the document says in sentences."""
    items = hd.sr.utils.find_content_items(document, name=codes.DCM.Comment, recursive=True)
    return [item.TextValue for item in items]


def whole_scan(document):
    """The group about the whole scan."""
    return document.content.get_image_measurement_groups()[0]


@pytest.fixture
def nothing_found(analysis):
    return replace(
        analysis,
        mask=np.zeros_like(analysis.mask),
        lesions=(),
        tumor_present=False,
        tumor_probability=0.02,
        volume_mm3=0.0,
    )


def test_each_lesion_has_its_measurements_in_millimeters(analysis):
    groups = report_of(analysis).content.get_volumetric_roi_measurement_groups()
    assert len(groups) == len(analysis.lesions) == 2
    for group, lesion in zip(groups, analysis.lesions, strict=True):
        assert value(group, codes.SCT.Volume) == lesion.volume_mm3
        assert value(group, codes.SCT.LongAxis) == pytest.approx(lesion.diameters.longest.length, abs=0.005)
        assert value(group, codes.SCT.ShortAxis) == pytest.approx(lesion.diameters.perpendicular.length, abs=0.005)
        units = {item.name.meaning: item.unit.value for item in group.get_measurements()}
        assert units == {
            "Volume": "mm3",
            "Long axis": "mm",
            "Short axis": "mm",
            "Product of long and short axis": "mm2",
        }
        (product,) = (item for item in group.get_measurements() if item.unit.value == "mm2")
        assert product.value == pytest.approx(lesion.diameters.product, abs=0.005)
        assert {item.method.meaning for item in group.get_measurements() if item.unit.value != "mm3"} == {"RANO"}
        (site,) = group.finding_sites
        assert (site.value.meaning, site.laterality.meaning) == ("Brain", "Left")


@pytest.mark.parametrize(
    ("region", "certain", "hemisphere", "site", "side"),
    [
        ("temporal", True, "left", codes.cid7153.TemporalLobe, "Left"),
        ("frontal", True, "both", codes.cid7153.FrontalLobe, "Right and left"),
        ("brainstem", True, "both", codes.cid7153.BrainStem, None),
        ("temporal", False, "left", codes.SCT.Brain, "Left"),
        ("deep", True, "left", codes.SCT.Brain, "Left"),
    ],
)
def test_a_certain_region_is_the_finding_site(analysis, region, certain, hemisphere, site, side):
    """SNOMED CT: 78277001 is the temporal lobe, 83251001 the frontal lobe, 119238007 the brainstem."""
    place = LesionLocation(region, certain, hemisphere, (RegionShare(region, None, 1.0),), 3.0)
    located = replace(analysis, lesions=tuple(replace(lesion, location=place) for lesion in analysis.lesions))
    for group in report_of(located).content.get_volumetric_roi_measurement_groups():
        (found,) = group.finding_sites
        assert found.value == site
        assert (found.laterality and found.laterality.meaning) == side


@needs("dciodvfy")
def test_a_report_with_regions_is_a_valid_object(analysis):
    place = LesionLocation("temporal", True, "both", (RegionShare("temporal", None, 1.0),), 0.0)
    located = replace(analysis, lesions=tuple(replace(lesion, location=place) for lesion in analysis.lesions))
    assert iod_errors(encode_structured_report(located, encode_segmentation(located))) == []


def test_lesions_name_their_segments_by_number_and_by_tracking_identifier(analysis):
    content = encode_segmentation(analysis)
    segmentation = pydicom.dcmread(io.BytesIO(content))
    document = read(encode_structured_report(analysis, content))
    for number, group in enumerate(document.content.get_volumetric_roi_measurement_groups(), 1):
        segment = group.referenced_segment[0]
        assert segment.referenced_sop_instance_uid == segmentation.SOPInstanceUID
        assert segment.referenced_segment_numbers == [number]
        described = segmentation.SegmentSequence[number - 1]
        assert (group.tracking_uid, group.tracking_identifier) == (described.TrackingUID, described.TrackingID)


def test_lesions_name_the_images_that_show_them(analysis, study):
    heights = {image.SOPInstanceUID: image.ImagePositionPatient[2] for image in map(pydicom.dcmread, study.files)}
    groups = report_of(analysis).content.get_volumetric_roi_measurement_groups()
    for group, lesion in zip(groups, analysis.lesions, strict=True):
        named = {item.referenced_sop_instance_uid for item in group.referenced_segment[1:]}
        slices = range(lesion.first[0], lesion.last[0] + 1)
        expected = {(analysis.scan.affine @ (0, 0, index, 1))[2] for index in slices}
        assert sorted(heights[uid] for uid in named) == pytest.approx(sorted(expected))


@pytest.mark.parametrize("enhanced", [False, True], ids=["single-frame", "enhanced"])
def test_the_end_points_of_the_diameters_are_where_they_were_measured(analyzed, tmp_path, enhanced):
    grid = replace(SMALL, orientation=oblique(20, -15, 40))
    study = study_of(tmp_path / "series", grid, order="shuffled", enhanced=enhanced)
    found = analyzed(study.scan, study.mask)
    to_lps = np.diag([-1.0, -1, 1, 1]) @ found.scan.affine
    images = {image.SOPInstanceUID: image for image in map(pydicom.dcmread, study.files)}
    _, *groups = report_of(found).content.get_image_measurement_groups()
    assert len(groups) == 2
    for group, lesion in zip(groups, found.lesions, strict=True):
        for name, line in (
            (codes.SCT.LongAxis, lesion.diameters.longest),
            (codes.SCT.ShortAxis, lesion.diameters.perpendicular),
        ):
            (measurement,) = group.get_measurements(name)
            (drawn,) = measurement.referenced_coordinates
            reference = drawn.ContentSequence[0].ReferencedSOPSequence[0]
            image = images[reference.ReferencedSOPInstanceUID]
            frame = {"frame_number": int(reference.ReferencedFrameNumber)} if enhanced else {}
            points = hd.spatial.ImageToReferenceTransformer.for_image(image, **frame)(drawn.value)
            expected = [
                (to_lps @ (column, row, lesion.diameters.slice, 1))[:3] for row, column in (line.start, line.end)
            ]
            np.testing.assert_allclose(points, expected, atol=1e-3)
            assert np.linalg.norm(points[0] - points[1]) == pytest.approx(measurement.value, abs=0.01)


def test_the_finding_has_its_certainty(analysis):
    document = report_of(replace(analysis, tumor_type=GLIOMA, tumor_probability=0.97))
    group = whole_scan(document)
    assert prediction(group, codes.SCT.Neoplasm) == "Present"
    assert value(group, codes.DCM.CertaintyOfFinding) == 97.0
    assert prediction(group, codes.DCM.DifferentialDiagnosisImpression) == "Glioma"
    assert value(group, codes.DCM.CertaintyOfImpression) == 93.4
    assert value(group, codes.SCT.NumberOfLesions) == 2
    assert value(group, codes.SCT.Volume) == analysis.volume_mm3
    assert any("Likeliest type: glioma" in sentence for sentence in comments(document))


def test_an_uncertain_type_is_indeterminate(analysis):
    document = report_of(replace(analysis, tumor_type=UNCERTAIN))
    assert prediction(whole_scan(document), codes.DCM.DifferentialDiagnosisImpression) == "Indeterminate"
    assert not whole_scan(document).get_measurements(codes.DCM.CertaintyOfImpression)
    assert any("Type uncertain" in sentence for sentence in comments(document))


def test_a_type_without_a_code_keeps_its_name(analysis):
    other = TypeFinding("choroid plexus papilloma", "choroid plexus papilloma", 0.8, {}, 0.6)
    group = whole_scan(report_of(replace(analysis, tumor_type=other)))
    assert prediction(group, codes.DCM.DifferentialDiagnosisImpression) == "choroid plexus papilloma"


def test_certainty_is_never_rounded_to_all_or_nothing(analysis):
    assert (
        value(whole_scan(report_of(replace(analysis, tumor_probability=0.99999))), codes.DCM.CertaintyOfFinding) < 100
    )
    assert value(whole_scan(report_of(replace(analysis, tumor_probability=1e-9))), codes.DCM.CertaintyOfFinding) > 0


def test_warnings_and_the_notice_are_in_it_and_the_notice_comes_last(analysis):
    said = comments(
        whole_scan(report_of(replace(analysis, warnings=(Note("uneven_slices", "gaps – between slices vary"),))))[0]
    )
    assert "Note: gaps – between slices vary" in said
    assert said[-1] == NOTICE


def test_a_lesion_that_is_not_measurable_by_rano_has_the_reason(analysis):
    assert all(lesion.nonmeasurable_reason for lesion in analysis.lesions)
    said = [sentence for sentence in comments(report_of(analysis)) if sentence.startswith("Not measurable by RANO: ")]
    assert len(said) == 2
    assert analysis.lesions[0].nonmeasurable_reason in said[0]


def test_a_segmentation_of_other_findings_is_not_taken(analysis):
    with pytest.raises(ValueError, match="not the binary segmentation"):
        encode_structured_report(replace(analysis, lesions=analysis.lesions[:1]), encode_segmentation(analysis))


def test_without_a_tumor_the_report_states_its_absence(nothing_found):
    document = report_of(nothing_found)
    assert prediction(whole_scan(document), codes.SCT.Neoplasm) == "Absent"
    assert value(whole_scan(document), codes.DCM.CertaintyOfFinding) == 2.0
    assert len(document.content.get_image_measurement_groups()) == 1
    assert not document.content.get_volumetric_roi_measurement_groups()
    assert comments(document)[0].startswith("No tumor found")


def test_a_scan_that_was_not_assessed_gets_no_finding(nothing_found):
    document = report_of(rejected(nothing_found))
    group = whole_scan(document)
    assert prediction(group, codes.SCT.Neoplasm) == "Test not done"
    assert not group.get_measurements()
    assert comments(document)[0].startswith("Not assessed")


def test_lesions_without_a_segmentation_have_their_measurements_all_the_same(analysis):
    document = read(encode_structured_report(analysis, None))
    assert not document.content.get_volumetric_roi_measurement_groups()
    _, *groups = document.content.get_image_measurement_groups()
    assert [value(group, codes.SCT.Volume) for group in groups] == [lesion.volume_mm3 for lesion in analysis.lesions]


def test_pixels_are_not_reported_as_millimeters(analyzed, tmp_path):
    study = study_of(tmp_path / "series", PixelSpacing=None)
    assert study.scan.affine is None
    found = analyzed(study.scan, study.mask)
    _, *groups = read(encode_structured_report(found, None)).content.get_image_measurement_groups()
    units = {item.unit.value for group in groups for item in group.get_measurements()}
    assert units == {"{pixels}", "{pixels}2"}


def test_the_document_names_algorithm_observer_and_evidence(analysis, study):
    content = encode_segmentation(analysis)
    document = read(encode_structured_report(analysis, content))
    (observer,) = document.content.get_observer_contexts()
    assert observer.observer_identifying_attributes.name == "Tumorscope"
    made_by = {
        item.name.meaning: item
        for item in document.content.get_volumetric_roi_measurement_groups()[0][0].ContentSequence
    }
    assert made_by["Algorithm Name"].value == "Tumorscope made-up"
    assert made_by["Algorithm Version"].value == "1.2.3"
    assert analysis.bundle.sha256 in made_by["Algorithm Parameters"].value
    named = {
        item.ReferencedSOPInstanceUID
        for series in document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    images = {pydicom.dcmread(path).SOPInstanceUID for path in study.files}
    assert named == images | {pydicom.dcmread(io.BytesIO(content)).SOPInstanceUID}
    assert (document.CompletionFlag, document.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert document.ContentQualification == "RESEARCH"


@pytest.mark.parametrize("enhanced", [False, True])
def test_every_object_in_the_content_is_evidence(analyzed, tmp_path, enhanced):
    study = study_of(tmp_path, enhanced=enhanced)
    document = report_of(analyzed(study.scan, study.mask))
    (evidence,) = document.CurrentRequestedProcedureEvidenceSequence
    named = [
        (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID)
        for series in evidence.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
    referenced = {
        (item.ReferencedSOPSequence[0].ReferencedSOPClassUID, item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        for item in hd.sr.utils.find_content_items(document, value_type="IMAGE", recursive=True)
    }
    assert len(named) == len(set(named)) == len(study.files) + 1  # the images, the segmentation
    assert referenced == set(named)


def coded(dataset):
    """All codes in a document: scheme, value and meaning."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                if "CodeValue" in item:
                    yield item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning
                yield from coded(item)


def test_dicoms_own_concepts_are_spelled_as_in_the_standard(analysis):
    standard: dict[str, set[str]] = {}
    for keyword in codes.DCM.dir():
        concept = getattr(codes.DCM, keyword)
        standard.setdefault(concept.value, set()).add(concept.meaning)
    found = {(value, meaning) for scheme, value, meaning in coded(report_of(analysis)) if scheme == "DCM"}
    assert ("121233", "Source image for segmentation") in found
    assert {(value, meaning) for value, meaning in found if meaning not in standard[value]} == set()


def test_the_procedure_is_one_that_the_template_names(analysis):
    """Context group 100 of PS3.16, which TID 1500 asks for."""
    document = report_of(analysis)
    (procedure,) = hd.sr.utils.find_content_items(document, name=codes.DCM.ProcedureReported)
    assert procedure.value in {getattr(codes.CID100, keyword) for keyword in codes.CID100.dir()}
    assert procedure.value.meaning == "MRI unspecified body region"


def test_the_same_findings_are_the_same_document_and_others_are_another(analysis):
    once, again = (encode_structured_report(analysis, encode_segmentation(analysis), NOW) for _ in range(2))
    assert once == again
    other = report_of(replace(analysis, tumor_probability=0.5))
    assert read(once).SOPInstanceUID != other.SOPInstanceUID
    assert read(once).SeriesInstanceUID == other.SeriesInstanceUID


def test_a_scan_of_another_format_is_refused_in_one_line(analyzed, volume_scan, mask):
    with pytest.raises(TumorscopeError, match="DICOM output needs DICOM input"):
        encode_structured_report(analyzed(volume_scan, mask), None)


@needs("dciodvfy")
def test_a_report_on_a_part_and_the_one_that_replaces_it_are_valid(analysis):
    part = replace(
        analysis,
        incomplete="the sender did not finish and did not come back",
        warnings=(Note("incomplete_study", "a part"),),
    )
    first = encode_structured_report(part, None, NOW)
    second = encode_structured_report(analysis, None, NOW, earlier=[pydicom.dcmread(io.BytesIO(first))])
    assert iod_errors(first) == []
    assert iod_errors(second) == []
    assert (read(first).CompletionFlag, read(second).CompletionFlag) == ("PARTIAL", "COMPLETE")
    assert "CompletionFlagDescription" not in read(second)
    [study] = read(second).PredecessorDocumentsSequence
    [document] = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert document.ReferencedSOPInstanceUID == read(first).SOPInstanceUID


def test_each_label_has_its_segment_and_volume_and_each_of_its_lesions_its_diameters(nested):
    segmentation = encode_segmentation(nested)
    tracked = [segment.TrackingUID for segment in pydicom.dcmread(io.BytesIO(segmentation)).SegmentSequence]
    document = read(encode_structured_report(nested, segmentation))
    whole, enhancing = document.content.get_volumetric_roi_measurement_groups()
    for number, (group, label) in enumerate(zip((whole, enhancing), nested.labels, strict=True), start=1):
        assert group.referenced_segment[0].referenced_segment_numbers == [number]
        assert group.tracking_uid == tracked[number - 1]
        assert value(group, codes.SCT.Volume) == pytest.approx(label.volume_mm3)
    assert value(enhancing, codes.SCT.Volume) == pytest.approx(8 * 4.0 * 1.5 * 0.75)
    assert (whole.finding_type.meaning, enhancing.finding_type.meaning) == ("Neoplasm", "Enhancing Lesion")
    _, *lesions = document.content.get_image_measurement_groups()
    names = [group.tracking_identifier for group in lesions]
    assert names == ["Whole tumor, lesion 1", "Whole tumor, lesion 2", "Enhancing tumor, lesion 1"]
    measured = [lesion for label in nested.labels for lesion in label.lesions]
    for group, lesion in zip(lesions, measured, strict=True):
        assert value(group, codes.SCT.LongAxis) == pytest.approx(lesion.diameters.longest.length, abs=0.01)
        assert value(group, codes.SCT.ShortAxis) == pytest.approx(lesion.diameters.perpendicular.length, abs=0.01)
    assert len({group.tracking_uid for group in (whole, enhancing, *lesions)}) == 5


def test_labels_without_a_segmentation_have_their_lesions_all_the_same(nested):
    document = read(encode_structured_report(nested, None))
    assert len(document.content.get_image_measurement_groups()) == 1 + 3
    assert document.content.get_volumetric_roi_measurement_groups() == []


@needs("dciodvfy")
def test_dciodvfy_finds_no_error_in_the_report_on_labels(nested):
    assert iod_errors(encode_structured_report(nested, encode_segmentation(nested))) == []
    assert iod_errors(encode_structured_report(nested, None)) == []


@needs("dciodvfy")
def test_dciodvfy_finds_no_error(analysis, nothing_found):
    found = replace(analysis, tumor_type=GLIOMA, warnings=(Note("unknown_volume", "größer als 5 mm²"),))
    assert iod_errors(encode_structured_report(found, encode_segmentation(found))) == []
    assert iod_errors(encode_structured_report(found, None)) == []
    assert iod_errors(encode_structured_report(nothing_found, None)) == []
