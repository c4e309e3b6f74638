"""What a report says about patient, study, program and time, and what it must not say."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from dicom_making import Grid
from pages import Page
from reporting.dicom.studies import study_of

from tumorscope import __version__
from tumorscope.reporting.html import render_html
from tumorscope.reporting.provenance import about_the_scan
from tumorscope.reporting.report_content import build_report
from tumorscope.reporting.wording import finding_sentence

MADE_AT = datetime(2026, 3, 2, 9, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))
TAGS = {
    "PatientName": "Musterfrau^Erika", "PatientID": "K-4711", "PatientBirthDate": "19500131", "AccessionNumber": "A8152",
    "StudyDate": "20260301", "StudyDescription": "MR head with contrast", "SeriesDescription": "AX FLAIR", "SeriesNumber": 7,
}  # fmt: skip


def page_of(analysis) -> str:
    return Page(render_html(build_report(replace(analysis, analyzed_at=MADE_AT))).decode()).text


def test_a_report_says_which_study_and_which_program_made_it_when(analyzed, tmp_path):
    study = study_of(tmp_path / "study", Grid(shape=(4, 64, 60), spacing_mm=(5.0, 1.0, 1.0)), **TAGS)
    text = page_of(analyzed(study.scan, study.mask))
    assert "1 March 2026, MR head with contrast" in text
    assert "FLAIR: no. 7 “AX FLAIR”" in text
    assert study.scan.study.patient_key in text
    assert f"Tumorscope {__version__} with the network (bundle) made-up 1.2.3, 2 March 2026, 09:05 UTC+05:30" in text
    assert text.index("1 March 2026") < text.index("Findings")


def test_a_report_names_no_patient(analyzed, tmp_path):
    tags = TAGS | {"StudyDescription": "MR Musterfrau", "SeriesDescription": "FLAIR Erika M"}
    study = study_of(tmp_path / "study", Grid(shape=(4, 64, 60), spacing_mm=(5.0, 1.0, 1.0)), **tags)
    text = page_of(analyzed(study.scan, study.mask)).lower()
    for secret in (
        "musterfrau",
        "erika",
        "k-4711",
        "1950",
        "a8152",
        str(study.scan.source_images[0].header.StudyInstanceUID),
    ):
        assert secret not in text
    assert "name and number are left out" in text


def test_the_finding_names_the_slice_by_the_instance_number_of_its_image(analyzed, tmp_path):
    study = study_of(tmp_path / "study", order="descending")
    analysis = analyzed(study.scan, study.mask)
    widest = int(study.mask.sum(axis=(1, 2)).argmax())
    number = int(study.scan.source_images[widest].header.InstanceNumber)
    assert number != widest + 1, "or this shows nothing"
    assert finding_sentence(analysis).endswith(f"largest in slice {number}.")


@pytest.mark.parametrize("source", [Path("study/brain_flair.nii.gz"), None])
def test_other_formats_are_told_by_file_and_folder(volume_scan, source):
    about = dict(about_the_scan(replace(volume_scan, source=source)))
    assert about.get("Read from") == (None if source is None else "brain_flair.nii.gz, in the folder study")
    assert "not stated" in about["Patient"]
