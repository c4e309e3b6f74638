import errno
import json
import os
import subprocess
import sys
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from tumorscope.errors import TumorscopeError
from tumorscope.reporting import load_document, mask_from_document, write_results
from tumorscope.reporting.agreement import compare


def test_a_case_gets_a_folder_with_all_four_files(analyzed, folder_scan, mask, truth, tmp_path):
    paths = write_results(analyzed(folder_scan, mask), tmp_path / "out", truth)
    assert list(paths) == ["panel", "mask", "report", "analysis"]
    assert {path.name for path in (tmp_path / "out" / "case_1").iterdir()} == {
        "panel.png",
        "mask.nii.gz",
        "report.html",
        "analysis.json",
    }
    assert all(path.parent == tmp_path / "out" / "case_1" for path in paths.values())


def test_document_and_mask_file_hold_the_same_mask(analyzed, volume_scan, mask, tmp_path):
    paths = write_results(analyzed(volume_scan, mask), tmp_path)
    stored = np.asarray(nibabel.load(paths["mask"]).dataobj)
    decoded = mask_from_document(load_document(paths["analysis"]))
    np.testing.assert_array_equal(decoded, mask)
    np.testing.assert_array_equal(volume_scan.stored.to_scan(stored), mask)


def test_the_document_tells_how_long_writing_took(analyzed, folder_scan, mask, tmp_path):
    paths = write_results(analyzed(folder_scan, mask), tmp_path)
    timing = json.loads(paths["analysis"].read_text())["timing_ms"]
    assert list(timing) == ["preparing", "inference", "panel", "mask", "report"]
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
    with pytest.raises(TumorscopeError, match=r"report\.html: no space left"):
        write_results(analysis, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_a_file_in_the_folders_place_is_named(analyzed, folder_scan, mask, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(TumorscopeError, match="a file is in the way"):
        write_results(analyzed(folder_scan, mask), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_mask_of_an_earlier_run_of_another_kind_goes(analyzed, folder_scan, mask, tmp_path):
    write_results(analyzed(folder_scan, mask), tmp_path)
    picture = replace(folder_scan, voxels=folder_scan.voxels[:1], kind="picture", slice_names=())
    write_results(analyzed(picture, mask[2:3]), tmp_path)
    assert {path.name for path in (tmp_path / "case_1").glob("mask*")} == {"mask.png"}


def test_results_do_not_depend_on_when_they_are_written(analyzed, folder_scan, mask, truth, tmp_path):
    first, second = (write_results(analyzed(folder_scan, mask), tmp_path / name, truth) for name in ("a", "b"))
    for key in ("panel", "mask"):
        assert first[key].read_bytes() == second[key].read_bytes()


def test_dice_is_known_only_where_there_is_something_to_compare():
    empty, full = np.zeros((1, 2, 2), bool), np.ones((1, 2, 2), bool)
    assert compare(empty, empty).dice is None
    assert compare(empty, full).dice == 0
    assert compare(full, full).dice == 1


def test_importing_reporting_is_light():
    code = "import sys, tumorscope.reporting; print(*{'PIL', 'jinja2', 'nibabel', 'torch', 'matplotlib'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == ""


def test_a_bundle_that_draws_no_mask_is_not_judged_by_its_dice(analyzed, folder_scan, mask, truth, tmp_path):
    drawn = write_results(analyzed(folder_scan, mask), tmp_path / "drawn", truth)
    undrawn = write_results(analyzed(folder_scan, np.zeros_like(mask), outputs=["presence"]), tmp_path / "none", truth)
    assert "Dice" in drawn["report"].read_text()
    assert "Dice 0" not in undrawn["report"].read_text()
