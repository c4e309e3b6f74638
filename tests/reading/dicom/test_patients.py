"""A file that leaves its patient blank is not another patient's, and two patients never make one case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_making import PATIENT_ID, PATIENT_NAME, Grid, voxels_on, write_series
from pydicom import dcmread

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import find_cases, open_scan
from tumorscope.io.dicom.missing_identity import Stated, with_patients
from tumorscope.io.dicom.studies import StudyFiles

SMALL = Grid((8, 48, 40), (12.0, 4.8, 5.0))
ODD = "another PatientID is stated under the same StudyInstanceUID; check whose images these are"


def set_patient(path: Path, patient: str | None, name: str | None = None) -> None:
    dataset = dcmread(path)
    dataset.PatientID = patient
    if name is not None:
        dataset.PatientName = name
    if patient is None:
        del dataset.PatientID
    dataset.save_as(path)


@pytest.mark.parametrize("blank", ["", " ", None])
@pytest.mark.parametrize("first", [0, 1])
def test_a_blank_patient_in_every_second_image_loses_no_slice(tmp_path: Path, blank: str | None, first: int):
    for path in write_series(tmp_path, "flair", SMALL)[first::2]:
        set_patient(path, blank, "")
    assert find_cases(tmp_path) == [tmp_path]
    scan = open_scan(tmp_path)
    assert np.array_equal(scan.voxels[..., 0], voxels_on(SMALL, "flair"))
    assert not any("gaps" in note or "left out" in note for note in texts(scan.notes))
    assert "4 images state no PatientID; taken as of the patient whom the others of the study state" in texts(
        scan.notes
    )
    assert {str(image.header.PatientID) for image in scan.source_images} == {PATIENT_ID}
    assert {str(image.header.PatientName) for image in scan.source_images} == {PATIENT_NAME}


def test_a_series_without_patient_belongs_to_its_study_wherever_it_lies(tmp_path: Path):
    write_series(tmp_path / "1", "flair", SMALL, number=1)
    for path in write_series(tmp_path / "2", "t1", SMALL, number=2):
        set_patient(path, "")
    assert find_cases(tmp_path) == [tmp_path]
    assert open_scan(tmp_path).sequences == ("t1", "flair")


def test_a_study_without_any_patient_is_one_case(tmp_path: Path):
    for path in write_series(tmp_path, "flair", SMALL):
        set_patient(path, "")
    scan = open_scan(tmp_path)
    assert scan.shape == SMALL.shape
    assert not any("PatientID" in note for note in texts(scan.notes))


@pytest.mark.parametrize("apart", [False, True])
def test_two_patients_under_one_study_uid_are_two_cases_with_a_warning_on_both(tmp_path: Path, apart: bool):
    write_series(tmp_path / ("1" if apart else ""), "flair", SMALL, number=1)
    write_series(tmp_path / ("2" if apart else ""), "t1", SMALL, number=2, PatientID="PAT-2")
    scans = [open_scan(case) for case in find_cases(tmp_path)]
    assert [scan.sequences for scan in scans] == [("flair",), ("t1",)]
    assert all(ODD in texts(scan.notes) for scan in scans)
    assert not any("PAT" in scan.case or PATIENT_ID in scan.case for scan in scans)
    if not apart:
        with pytest.raises(UnreadableScan, match="2 patients are stated under one StudyInstanceUID"):
            open_scan(tmp_path)


def test_of_two_patients_under_one_study_uid_a_blank_image_joins_the_one_of_its_series(tmp_path: Path):
    series = {
        PATIENT_ID: write_series(tmp_path, "flair", SMALL, number=1),
        "PAT-2": write_series(tmp_path, "t1", SMALL, number=2, PatientID="PAT-2"),
    }
    for files in series.values():
        for path in files[::2]:
            set_patient(path, "")
    cases = find_cases(tmp_path)
    assert len(cases) == 2
    for case, sequence, patient in zip(cases, ("flair", "t1"), series, strict=True):
        assert isinstance(case, StudyFiles)
        scan = open_scan(case)
        assert np.array_equal(scan.voxels[..., 0], voxels_on(SMALL, sequence))
        assert {image.header.PatientID for image in scan.source_images} == {patient}


def test_a_later_study_of_one_patient_gets_no_warning(tmp_path: Path):
    write_series(tmp_path, "flair", SMALL, study="one", number=1)
    write_series(tmp_path, "flair", SMALL, study="two", number=2)
    assert not any(ODD in texts(open_scan(case).notes) for case in find_cases(tmp_path))


def test_a_blank_patient_joins_only_where_it_is_plain():
    one, two = Stated(("1", "a"), "s"), Stated(("1", "b"), "t")
    of_s, of_none, elsewhere = Stated(("1", ""), "s"), Stated(("1", ""), "u"), Stated(("2", ""), "s")
    filled = with_patients([one, two, of_s, of_none, elsewhere])
    assert filled == {one: one.study, two: two.study, of_s: ("1", "a"), of_none: ("1", ""), elsewhere: ("2", "")}


def test_without_a_study_uid_no_patient_is_filled_in():
    stated, blank = Stated(("", "a"), "s"), Stated(("", ""), "s")
    assert with_patients([stated, blank]) == {stated: ("", "a"), blank: ("", "")}


@pytest.mark.parametrize("inner", [".", "a"])
def test_two_patients_in_one_folder_are_two_cases_and_each_says_so_once(tmp_path: Path, inner: str):
    for number, patient in enumerate(("P1", "P2"), start=1):
        write_series(tmp_path / inner, "flair", SMALL, study=patient, number=number, PatientID=patient)
    cases = find_cases(tmp_path)
    assert [[note.code for note in case.notes] for case in cases] == [["several_patients"]] * 2
    assert (
        texts(open_scan(cases[0]).notes).count("the folder holds images of 2 patients; each study is a case of its own")
        == 1
    )


def test_patients_in_folders_of_their_own_need_no_note(tmp_path: Path):
    for patient in ("P1", "P2"):
        write_series(tmp_path / patient, "flair", SMALL, study=patient, PatientID=patient)
    assert find_cases(tmp_path) == [tmp_path / "P1", tmp_path / "P2"]
