"""`tumorscope analyze` on DICOM studies, as a department would call it."""

from __future__ import annotations

import json
import re
import sys

import pydicom
import pytest
from dicom_making import PATIENT_ID, PATIENT_NAME, Grid, oblique, write_series, write_study

from tumorscope.cli import main


@pytest.fixture
def analyze(monkeypatch, capsys):
    """Run the command; its exit code, and what it printed."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["tumorscope", "analyze", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out + captured.err

    return call


def test_a_study_goes_in_as_dicom_and_comes_back_as_dicom(analyze, tmp_path):
    write_study(tmp_path / "study", apart=True)
    code, said = analyze(tmp_path / "study", "-o", tmp_path / "out", "--fractional", "--bids", tmp_path / "bids")
    assert code == 0, said
    assert "the scan has t1, flair, t1c" in " ".join(said.split())
    folder = tmp_path / "out" / "study"
    made = {path.name for path in folder.iterdir()}
    assert {"seg.dcm", "seg-probability.dcm", "sr.dcm", "capture.dcm", "report.pdf", "report.html"} <= made
    document = json.loads((folder / "analysis.json").read_text())
    assert document["lesions"][0]["diameters"]["unit"] == "mm"
    assert list((tmp_path / "bids").rglob("*_desc-tumor_probseg.nii.gz"))
    # The patient is named in the objects of the study and nowhere else.
    assert pydicom.dcmread(folder / "sr.dcm").PatientName == PATIENT_NAME
    page = re.sub(r"base64,[^\"]*", "", (folder / "report.html").read_text())
    plain = said + (folder / "analysis.json").read_text() + page
    assert PATIENT_ID not in plain
    assert not any(part in plain for part in PATIENT_NAME.split("^"))
    # What was found agrees with itself when it is given back as the truth.
    code, said = analyze(tmp_path / "study", "-o", tmp_path / "again", "--no-pdf", "--truth", folder / "seg.dcm")
    assert code == 0, said
    assert "1.000" in said
    assert not (tmp_path / "again" / "study" / "report.pdf").exists()


def test_two_studies_in_one_folder_are_two_cases(analyze, tmp_path):
    for name in ("before", "after"):
        for path in sorted(write_study(tmp_path / name, study=name).iterdir()):
            (tmp_path / "both").mkdir(exist_ok=True)
            path.rename(tmp_path / "both" / f"{name}-{path.name}")
    code, said = analyze(tmp_path / "both", "-o", tmp_path / "out", "--no-pdf")
    assert code == 0, said
    assert len(list((tmp_path / "out").glob("study-*/seg.dcm"))) == 2


def test_a_study_of_other_grids_gets_its_mask_on_the_flair_images(analyze, tmp_path):
    tilted = Grid(orientation=oblique(8, 4, 0))
    write_study(tmp_path / "study", grids={"flair": Grid(), "t1": tilted, "t1c": tilted})
    code, said = analyze(tmp_path / "study", "-o", tmp_path / "out", "--no-pdf")
    assert code == 0, said
    segmentation = pydicom.dcmread(tmp_path / "out" / "study" / "seg.dcm")
    flair = {
        dataset.SOPInstanceUID
        for path in (tmp_path / "study").iterdir()
        if "FLAIR" in (dataset := pydicom.dcmread(path, stop_before_pixels=True)).SeriesDescription
    }
    named = {
        image.ReferencedSOPInstanceUID
        for series in segmentation.ReferencedSeriesSequence
        for image in series.ReferencedInstanceSequence
    }
    assert named
    assert named <= flair


def test_series_of_another_frame_of_reference_are_refused_in_one_line(analyze, tmp_path):
    write_study(tmp_path / "study", sequences=("flair",))
    write_series(tmp_path / "study", "t1", FrameOfReferenceUID="1.2.3.4", number=2)
    code, said = analyze(tmp_path / "study", "-o", tmp_path / "out")
    assert code == 2
    assert "--register" in said
    assert "Traceback" not in said
