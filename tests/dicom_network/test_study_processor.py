"""End-to-end test with the real analysis: a phantom's study is received, three objects of it are returned."""

import json

import pytest
from dicom_making import PATIENT_NAME, Grid, uid, write_series, write_study
from dicom_network.running import running_node, store
from dicom_peers import needs
from pydicom import dcmread

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.node_worker import Task
from tumorscope.dicom_network.receiver import INPUT_CLASSES
from tumorscope.dicom_network.store import study_code
from tumorscope.dicom_network.study_processor import process_study

REAL = ("--processor", "tumorscope.dicom_network.study_processor:process_study", "--bundle", "lgg")


@needs("Orthanc", "storescu")
def test_a_study_of_three_sequences_returns_segmentation_report_and_capture(orthanc, tmp_path):
    folder = write_study(tmp_path / "in")
    files = sorted(folder.iterdir())
    with running_node(tmp_path / "data", *REAL, "--send-to", f"o=127.0.0.1:{orthanc.dicom_port}/ORTHANC") as node:
        assert store(files, node.port).code == 0
        node.wait_for(": done", timeout_s=180)
    stored = orthanc.stored()
    objects = []
    for content in stored.values():
        (tmp_path / "back.dcm").write_bytes(content)
        objects.append(dcmread(tmp_path / "back.dcm"))
    assert sorted(each.Modality for each in objects) == ["OT", "SEG", "SR"]
    source = dcmread(files[0])
    for each in objects:
        assert each.StudyInstanceUID == source.StudyInstanceUID == uid("study")
        assert each.PatientName == source.PatientName == PATIENT_NAME
        assert each.PatientID == source.PatientID
        assert str(each.SOPClassUID) not in INPUT_CLASSES, "sent back to the node it would start an analysis"
    [segmentation] = [each for each in objects if each.Modality == "SEG"]
    used = {
        item.ReferencedSOPInstanceUID for item in segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    }
    assert used <= {dcmread(path).SOPInstanceUID for path in files}
    assert "Doe" not in node.said()


def test_the_case_is_named_by_its_code(tmp_path):
    folder = write_study(tmp_path / study_code(uid("study")))
    made = process_study(Task(folder, tmp_path / "out", "lgg"))
    assert [path.name for path in made] == ["capture.dcm", "seg.dcm", "sr.dcm"]
    assert {path.parent for path in made} == {tmp_path / "out" / study_code(uid("study"))}


def test_incomplete_results_are_marked_and_later_ones_reference_them(tmp_path):
    folder = tmp_path / "study-0"
    for number, sequence in enumerate(("flair", "t1", "t1c"), 1):
        files = write_series(folder, sequence, Grid(shape=(12, 96, 96)), number=number)
    for path in files[-4:]:
        path.rename(tmp_path / path.name)
    why = "the sender did not finish and did not come back"
    process_study(Task(folder, tmp_path / "1", "lgg", incomplete=why))
    part = tmp_path / "1" / "study-0"
    first = dcmread(part / "sr.dcm")
    assert (first.CompletionFlag, first.CompletionFlagDescription) == ("PARTIAL", why)
    assert "PredecessorDocumentsSequence" not in first
    warning = f"images of this study may be missing: {why}"
    document = json.loads((part / "analysis.json").read_text())
    assert document["incomplete"] == why
    assert document["warnings"][0] == {"code": "incomplete_study", "text": warning}
    assert warning[1:] in (part / "report.html").read_text()
    assert f"Note: {warning}" in (part / "sr.dcm").read_bytes().decode("utf-8", "replace")

    for path in files[-4:]:
        (tmp_path / path.name).rename(path)
    process_study(Task(folder, tmp_path / "2", "lgg", earlier=(tmp_path / "1", tmp_path / "nothing")))
    process_study(Task(folder, tmp_path / "3", "lgg", earlier=(tmp_path / "1", tmp_path / "2")))
    whole, again = (dcmread(tmp_path / run / "study-0" / "sr.dcm") for run in "23")
    assert whole.CompletionFlag == "COMPLETE"
    assert again.SOPInstanceUID == whole.SOPInstanceUID != first.SOPInstanceUID
    for report in (whole, again):
        [study] = report.PredecessorDocumentsSequence
        [series] = study.ReferencedSeriesSequence
        assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (first.StudyInstanceUID, first.SeriesInstanceUID)
        [document] = series.ReferencedSOPSequence
        assert document.ReferencedSOPInstanceUID == first.SOPInstanceUID
        assert document.ReferencedSOPClassUID == first.SOPClassUID


def test_the_node_returns_contours_and_locations_if_asked(tmp_path):
    folder = write_study(tmp_path / "study-0")
    made = process_study(Task(folder, tmp_path / "out", "lgg", location=True, contours=True))
    assert [path.name for path in made] == ["capture.dcm", "rtstruct.dcm", "seg.dcm", "sr.dcm"]
    document = json.loads((made[0].parent / "analysis.json").read_text())
    assert "locating" in document["timing_ms"]


def test_a_missing_sequence_is_reported(tmp_path):
    write_series(tmp_path / "study-0", "t2")
    with pytest.raises(TumorscopeError, match="flair|FLAIR"):
        process_study(Task(tmp_path / "study-0", tmp_path / "out", "lgg"))
    assert not (tmp_path / "out").exists()


def test_the_node_can_register_the_series(tmp_path, monkeypatch):
    from tumorscope.studies import case

    seen = []

    class Done:
        folder = tmp_path

    monkeypatch.setattr(case, "process_case", lambda _case, _engines, _out, options: seen.append(options) or Done)
    for register in (False, True):
        process_study(Task(tmp_path / "in", tmp_path / "out", register=register))
    assert [options.register for options in seen] == [False, True]
