"""The whole way with the real analysis: a phantom's study in, three objects of the same study out."""

import pytest
from dicom_making import PATIENT_NAME, uid, write_series, write_study
from dicom_peers import needs
from pacs.running import running_node, store
from pydicom import dcmread

from tumorscope.errors import TumorscopeError
from tumorscope.pacs.processing import process_study
from tumorscope.pacs.receiving import INPUT_CLASSES
from tumorscope.pacs.store import study_code

REAL = ("--processor", "tumorscope.pacs.processing:process_study", "--bundle", "lgg")


@needs("Orthanc", "storescu")
def test_a_study_of_three_sequences_comes_back_as_segmentation_report_and_capture(orthanc, tmp_path):
    folder = write_study(tmp_path / "in")
    files = sorted(folder.iterdir())
    with running_node(tmp_path / "data", *REAL, "--send-to", f"o=127.0.0.1:{orthanc.dicom_port}/ORTHANC") as node:
        assert store(files, node.port).code == 0
        node.wait_for(": done", patience_s=180)
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


def test_the_case_is_called_by_its_code(tmp_path):
    folder = write_study(tmp_path / study_code(uid("study")))
    made = process_study(folder, tmp_path / "out", "lgg")
    assert [path.name for path in made] == ["capture.dcm", "seg.dcm", "sr.dcm"]
    assert {path.parent for path in made} == {tmp_path / "out" / study_code(uid("study"))}


def test_a_study_that_lacks_what_the_bundle_needs_says_so(tmp_path):
    write_series(tmp_path / "study-0", "t2")
    with pytest.raises(TumorscopeError, match="flair|FLAIR"):
        process_study(tmp_path / "study-0", tmp_path / "out", "lgg")
    assert not (tmp_path / "out").exists()
