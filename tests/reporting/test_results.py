import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_making import write_series

from tumorscope.core.errors import TumorscopeError
from tumorscope.io import open_scan
from tumorscope.reporting.agreement import compare
from tumorscope.reporting.document import load_document, mask_from_document
from tumorscope.reporting.documentation import keys_table, outputs_table, refreshed
from tumorscope.reporting.outputs import OUTPUTS, OutputOptions
from tumorscope.reporting.results import write_results


def dicom_scan(folder):
    """A phantom's FLAIR series, and a box for a tumor."""
    write_series(folder)
    scan = open_scan(folder)
    found = np.zeros(scan.shape, bool)
    found[10:14, 30:50, 40:56] = True
    return scan, found


def test_a_case_gets_a_folder_with_all_files(analyzed, folder_scan, mask, truth, tmp_path):
    paths = write_results(analyzed(folder_scan, mask), tmp_path / "out", truth)
    names = {path.name for path in (tmp_path / "out" / "case_1").iterdir()}
    assert {"panel.png", "mask.nii.gz", "report.html", "report.pdf", "analysis.json"} <= names
    assert not {"mask.png", "seg.dcm", "sr.dcm", "capture.dcm"} & names
    assert {path.name for path in paths.values()} == names
    assert list(paths)[-1] == "analysis"
    assert all(path.parent == tmp_path / "out" / "case_1" for path in paths.values())


def test_document_and_mask_file_hold_the_same_mask(analyzed, volume_scan, mask, tmp_path):
    paths = write_results(analyzed(volume_scan, mask), tmp_path)
    stored = np.asarray(nibabel.load(paths["mask"]).dataobj)
    decoded = mask_from_document(load_document(paths["analysis"]))
    np.testing.assert_array_equal(decoded, mask)
    np.testing.assert_array_equal(volume_scan.stored.to_scan(stored), mask)


def test_the_document_has_the_time_of_each_stage(analyzed, folder_scan, mask, tmp_path):
    paths = write_results(analyzed(folder_scan, mask), tmp_path)
    timing = json.loads(paths["analysis"].read_text())["timing_ms"]
    assert list(timing) == ["preparing", "inference", "panel", "mask", "report", "pdf"]
    assert timing["panel"] > 0


def test_the_analysis_itself_is_not_changed(analyzed, folder_scan, mask, tmp_path):
    analysis = analyzed(folder_scan, mask)
    write_results(analysis, tmp_path)
    assert list(analysis.timing_ms) == ["preparing", "inference"]


@pytest.mark.parametrize("case", ["../../x", "..", "/etc/x", "<script>", ""])
def test_no_case_name_leaves_the_folder(analyzed, folder_scan, mask, tmp_path, case):
    paths = write_results(analyzed(replace(folder_scan, case=case), mask), tmp_path / "out")
    for path in paths.values():
        assert path.resolve().parent.parent == (tmp_path / "out").resolve()


def test_a_full_disk_midway_leaves_nothing(analyzed, folder_scan, mask, tmp_path, monkeypatch):
    analysis = analyzed(folder_scan, mask)
    before = set(tmp_path.iterdir())
    calls = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(TumorscopeError, match=r"case_1/[a-z.]+: no space left"):
        write_results(analysis, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_a_file_in_the_way_of_the_folder_is_named(analyzed, folder_scan, mask, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(TumorscopeError, match="a file is in the way"):
        write_results(analyzed(folder_scan, mask), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_mask_of_an_earlier_run_of_another_kind_goes(analyzed, folder_scan, mask, tmp_path):
    write_results(analyzed(folder_scan, mask), tmp_path)
    image = replace(folder_scan, voxels=folder_scan.voxels[:1], kind="image", slice_names=())
    write_results(analyzed(image, mask[2:3]), tmp_path)
    assert {path.name for path in (tmp_path / "case_1").glob("mask*")} == {"mask.png"}


def test_what_came_as_dicom_goes_back_as_dicom(analyzed, tmp_path):
    scan, found = dicom_scan(tmp_path / "series")
    analysis = analyzed(scan, found)
    paths = write_results(analysis, tmp_path / "out")
    own = {"segmentation": "seg.dcm", "structured_report": "sr.dcm", "capture": "capture.dcm"}
    assert {key: paths[key].name for key in own} == own
    assert "dicom" in json.loads(paths["analysis"].read_text())["timing_ms"]
    segmentation = pydicom.dcmread(paths["segmentation"])
    assert segmentation.StudyInstanceUID == scan.source_images[0].header.StudyInstanceUID
    assert (segmentation.pixel_array > 0).sum() == found.sum()
    kept = replace(analysis, probability=np.where(found, 200, 10).astype(np.uint8))
    both = write_results(kept, tmp_path / "out", options=OutputOptions(pdf=False, fractional=True))
    assert both["probability"].name == "seg-probability.dcm"
    assert not (both["analysis"].parent / "report.pdf").exists()
    # An analysis without them leaves none behind that could be taken for its own.
    write_results(analysis, tmp_path / "out", options=OutputOptions(dicom=False))
    assert not list((tmp_path / "out").glob("*/*.dcm"))


def test_images_without_references_get_a_warning_instead_of_dicom(analyzed, tmp_path):
    scan, found = dicom_scan(tmp_path / "series")
    for source in scan.source_images:
        source.header.SOPInstanceUID = ""
    paths = write_results(analyzed(scan, found), tmp_path / "out")
    assert "segmentation" not in paths
    document = load_document(paths["analysis"])
    assert [note.code for note in document.warnings if "no DICOM was written" in note.text] == ["dicom_not_written"]
    with pytest.raises(TumorscopeError, match="lacks SOPInstanceUID"):
        write_results(analyzed(scan, found), tmp_path / "asked", options=OutputOptions(dicom=True))
    assert not (tmp_path / "asked").exists()


def test_a_library_s_fault_in_writing_dicom_leaves_the_findings(analyzed, tmp_path, monkeypatch):
    scan, found = dicom_scan(tmp_path / "series")

    def fail(*_args, **_options):
        raise ValueError("text that names a patient")

    monkeypatch.setattr("tumorscope.io.dicom.writers.encode_segmentation", fail)
    document = load_document(write_results(analyzed(scan, found), tmp_path / "out")["analysis"])
    [note] = [note for note in document.warnings if note.code == "dicom_not_written"]
    assert "no DICOM was written: a fault of the program, not of the case (ValueError in " in note.text
    assert "patient" not in note.text
    with pytest.raises(ValueError, match="text"):
        write_results(analyzed(scan, found), tmp_path / "asked", options=OutputOptions(dicom=True))


def test_images_without_a_frame_of_reference_take_that_of_their_series(analyzed, tmp_path):
    scan, found = dicom_scan(tmp_path / "series")
    frame = scan.source_images[1].header.FrameOfReferenceUID
    for source in scan.source_images[::2]:
        del source.header.FrameOfReferenceUID
    paths = write_results(analyzed(scan, found), tmp_path / "out")
    assert pydicom.dcmread(paths["segmentation"]).FrameOfReferenceUID == frame
    assert pydicom.dcmread(paths["structure_set"]).FrameOfReferenceUID == frame


def test_dicom_of_what_did_not_come_as_dicom_is_refused(analyzed, volume_scan, mask, tmp_path):
    with pytest.raises(TumorscopeError, match="DICOM output needs DICOM input"):
        write_results(analyzed(volume_scan, mask), tmp_path, options=OutputOptions(dicom=True))


def test_results_do_not_depend_on_when_they_are_written(analyzed, folder_scan, mask, truth, tmp_path):
    first, second = (write_results(analyzed(folder_scan, mask), tmp_path / name, truth) for name in ("a", "b"))
    for key in ("panel", "mask"):  # reports tell the time that each stage took
        assert first[key].read_bytes() == second[key].read_bytes()


def test_every_file_is_in_the_documentation():
    page = (Path(__file__).parents[2] / "docs" / "output.md").read_text()
    assert outputs_table() in page
    assert keys_table() in page
    assert refreshed(page) == page, "run `python -m tumorscope.reporting.documentation docs/output.md`"


def test_outputs_of_one_stage_are_neighbors_and_file_names_are_unique():
    stages = [stage for stage, _outputs in groupby(output.stage for output in OUTPUTS)]
    assert len(stages) == len(set(stages))
    assert len({output.file for output in OUTPUTS}) == len(OUTPUTS)


def test_dice_is_known_only_where_there_is_something_to_compare():
    empty, full = np.zeros((1, 2, 2), bool), np.ones((1, 2, 2), bool)
    assert compare(empty, empty).dice is None
    assert compare(empty, full).dice == 0
    assert compare(full, full).dice == 1


def test_importing_reporting_is_light():
    code = "import sys, tumorscope.reporting.results; print(*{'PIL', 'jinja2', 'nibabel', 'torch', 'matplotlib', 'typst', 'highdicom'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == ""


def test_a_bundle_that_does_not_segment_has_no_dice(analyzed, folder_scan, mask, truth, tmp_path):
    drawn = write_results(analyzed(folder_scan, mask), tmp_path / "drawn", truth)
    undrawn = write_results(analyzed(folder_scan, np.zeros_like(mask), outputs=["presence"]), tmp_path / "none", truth)
    assert "Dice with the true mask" in drawn["report"].read_text()
    assert "Dice with the true mask" not in undrawn["report"].read_text()
