"""What a header says against a structural MRI of a head is told in one line that names the attribute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dicom_making import Grid, uid, write_series
from pydicom import Dataset, dcmread

from tumorscope.core.note import texts
from tumorscope.io import open_scan

SMALL = Grid((6, 24, 20), (20.0, 9.6, 10.0))


def region(meaning: str, code: str = "1", scheme: str = "SCT") -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, meaning
    return [item]


REJECTED: dict[str, tuple[dict[str, Any], str]] = {
    "breast": ({"BodyPartExamined": "BREAST"}, "BodyPartExamined is BREAST, not a head"),
    "prostate": ({"BodyPartExamined": "Prostate"}, "BodyPartExamined is Prostate, not a head"),
    "spine": ({"BodyPartExamined": "CSPINE"}, "BodyPartExamined is CSPINE, not a head"),
    "two parts": ({"BodyPartExamined": "ABDOMEN PELVIS"}, "BodyPartExamined is ABDOMEN PELVIS, not a head"),
    "German": ({"BodyPartExamined": "KNIE"}, "BodyPartExamined is KNIE, not a head"),
    "a phantom": ({"BodyPartExamined": "PHANTOM"}, "BodyPartExamined is PHANTOM, not a head"),
    "a coded region": (
        {"BodyPartExamined": None, "AnatomicRegionSequence": region("Lumbar spine")},
        "AnatomicRegionSequence is Lumbar spine, not a head",
    ),
    "a dog": ({"PatientSpeciesDescription": "Canis lupus"}, "PatientSpeciesDescription is Canis lupus, not a human"),
    "ADC": ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "ImageType DIFFUSION: not a structural image"),
    "ADC alone": ({"ImageType": ["DERIVED", "PRIMARY", "ADC"]}, "ImageType ADC: not a structural image"),
    "trace": ({"ImageType": ["DERIVED", "PRIMARY", "TRACEW"]}, "ImageType TRACEW: not a structural image"),
    "FA": ({"ImageType": ["DERIVED", "PRIMARY", "FA"]}, "ImageType FA: not a structural image"),
    "perfusion": ({"ImageType": ["DERIVED", "PRIMARY", "PERFUSION", "TTP"]}, "ImageType PERFUSION: not"),
    "a T1 map": ({"ImageType": ["DERIVED", "PRIMARY", "T1 MAP", "T1"]}, "ImageType T1 MAP: not a structural image"),
    "a b-value": ({"DiffusionBValue": 1000.0}, "DiffusionBValue reaches 1000 s/mm²: not a structural image"),
    "points in time": ({"NumberOfTemporalPositions": 60}, "NumberOfTemporalPositions is 60: not a structural image"),
    "a contrast": ({"AcquisitionContrast": "PERFUSION"}, "AcquisitionContrast is PERFUSION: not a structural image"),
    "words": ({"SeriesDescription": "AX DWI b1000"}, "SeriesDescription names B1000: not a structural image"),
    "a map by its words": (
        {"SeriesDescription": "eADC (10^-6)"},
        "SeriesDescription names EADC: not a structural image",
    ),
    "a parametric map": (
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.30"},
        "SOPClassUID is that of a parametric map, not of an image",
    ),
}


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("kind", REJECTED)
def test_the_attribute_that_speaks_against_it_is_named(tmp_path: Path, kind: str, enhanced: bool):
    attributes, expected = REJECTED[kind]
    (first, *others) = write_series(tmp_path / "s", "flair", SMALL, enhanced=enhanced)
    for path in (first, *others):
        restate(path, attributes)
    scan = open_scan(tmp_path / "s")
    assert scan.rejection_reason is not None
    assert scan.rejection_reason.startswith(expected.replace("ImageType", "FrameType") if enhanced else expected)
    assert len(scan.voxels) == 6, "it can still be read, for who wants it analyzed"


def restate(path: Path, attributes: dict[str, Any]) -> None:
    """Set attributes where classic and enhanced files keep them; None leaves one out."""
    dataset = dcmread(path)
    groups = dataset.SharedFunctionalGroupsSequence[0] if "SharedFunctionalGroupsSequence" in dataset else None
    for keyword, value in attributes.items():
        place = dataset
        if groups is not None and keyword == "ImageType":
            place, keyword = groups.MRImageFrameTypeSequence[0], "FrameType"
        elif groups is not None and keyword == "AcquisitionContrast":
            place = groups.MRImageFrameTypeSequence[0]
        elif groups is not None and keyword == "DiffusionBValue":
            groups.MRDiffusionSequence = [Dataset()]
            place = groups.MRDiffusionSequence[0]
        if value is None:
            del place[keyword]
        else:
            setattr(place, keyword, value)
    if groups is not None and attributes.keys() & {"BodyPartExamined", "AnatomicRegionSequence"}:
        del groups.FrameAnatomySequence
    dataset.save_as(path)


def test_enhanced_files_state_the_region_for_each_frame(tmp_path: Path):
    (path,) = write_series(tmp_path / "s", "flair", SMALL, enhanced=True, BodyPartExamined=None)
    assert open_scan(path).rejection_reason is None
    dataset = dcmread(path)
    anatomy = dataset.SharedFunctionalGroupsSequence[0].FrameAnatomySequence[0]
    anatomy.AnatomicRegionSequence = region("Knee joint")
    dataset.save_as(path)
    assert open_scan(path).rejection_reason == "AnatomicRegionSequence is Knee joint, not a head"


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"BodyPartExamined": None},
        {"BodyPartExamined": "BRAIN"},
        {"BodyPartExamined": "HEADNECK"},
        {"BodyPartExamined": "NECK"},
        {"BodyPartExamined": "Schädel"},
        {"BodyPartExamined": "WHOLEBODY"},
        {"BodyPartExamined": "MR routine"},
        {"BodyPartExamined": "HEAD AND SPINE"},
        {"BodyPartExamined": "SPINE", "AnatomicRegionSequence": region("Brain", "12738006")},
        {"PatientSpeciesDescription": "Homo sapiens"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]},
        {"ImageType": ["DERIVED", "SECONDARY", "MPR"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "OTHER"]},
        {"DiffusionBValue": 0.0},
        {"NumberOfTemporalPositions": 1, "TemporalPositionIdentifier": 1},
        {"SeriesDescription": "AX T2 GRE"},
        {"SeriesDescription": "AX PD"},
        {"AcquisitionContrast": "PROTON_DENSITY"},
        {"Modality": "OT"},
    ],
    ids=str,
)
def test_nothing_speaks_against_structural_images_of_a_head(tmp_path: Path, attributes: dict[str, Any]):
    write_series(tmp_path / "s", "flair", SMALL, **attributes)
    assert open_scan(tmp_path / "s").rejection_reason is None


@pytest.mark.parametrize(
    "private", [(0x19, 0x0C, "SIEMENS MR HEADER", "IS", 800), (0x2001, 0x03, "Philips Imaging DD 001", "FL", 800.0)]
)
def test_manufacturers_keep_b_values_in_places_of_their_own(tmp_path: Path, private: tuple[int, int, str, str, Any]):
    group, element, creator, vr, value = private
    for path in write_series(tmp_path / "s", "flair", SMALL):
        dataset = dcmread(path)
        dataset.private_block(group, creator, create=True).add_new(element, vr, value)
        dataset.save_as(path)
    assert open_scan(tmp_path / "s").rejection_reason == "DiffusionBValue reaches 800 s/mm²: not a structural image"


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("TemporalPositionIdentifier", "TemporalPositionIdentifier counts 3 points in time: not a structural image"),
        ("AcquisitionNumber", "AcquisitionNumber counts 3 volumes at the same positions: not a structural image"),
    ],
)
def test_a_time_series_is_told_by_what_counts_its_volumes(tmp_path: Path, keyword: str, expected: str):
    for time in (1, 2, 3):
        for path in write_series(tmp_path / "x", "flair", SMALL, **{keyword: time}):
            dataset = dcmread(path)
            dataset.SOPInstanceUID = uid(time, path.name)
            dataset.save_as(path.with_name(f"{time}{path.name}"))
            path.unlink()
    assert open_scan(tmp_path / "x").rejection_reason == expected


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"BodyPartExamined": "CSPINE"}, ", BodyPartExamined is CSPINE, not a head"),
        ({"DiffusionBValue": 1000.0}, ", DiffusionBValue reaches 1000 s/mm²"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "ASL", "NONE"]}, ", ImageType ASL"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MB", "ND", "MOSAIC"]}, ", ImageType MOSAIC"),
    ],
)
@pytest.mark.parametrize("number", [1, 3])
def test_beside_a_structural_series_it_is_left_out_and_the_reason_told(
    tmp_path: Path, attributes: dict[str, Any], why: str, number: int
):
    write_series(tmp_path / "s", "flair", SMALL, number=2)
    more = Grid((12, 48, 40), (10.0, 4.8, 5.0))
    write_series(tmp_path / "s", "flair", more, number=number, SeriesDescription="FLAIR too", **attributes)
    scan = open_scan(tmp_path / "s")
    assert scan.shape == SMALL.shape
    assert scan.rejection_reason is None
    assert f'left out, not of the main series: "FLAIR too" (12 images{why})' in texts(scan.notes)


def test_of_several_named_files_the_one_that_is_not_a_head_excludes_the_scan(tmp_path: Path):
    write_series(tmp_path / "a", "flair", SMALL, number=1)
    write_series(tmp_path / "b", "t1", SMALL, number=2, BodyPartExamined="KNEE")
    scan = open_scan(None, sequences={"flair": tmp_path / "a", "t1": tmp_path / "b"})
    assert scan.rejection_reason == "BodyPartExamined is KNEE, not a head"


def test_a_body_part_cannot_break_the_line(tmp_path: Path):
    write_series(
        tmp_path / "s", "flair", SMALL, AnatomicRegionSequence=region("Knee\n" + "x" * 200), BodyPartExamined=None
    )
    reason = open_scan(tmp_path / "s").rejection_reason
    assert reason is not None
    assert "\n" not in reason
    assert len(reason) < 90
