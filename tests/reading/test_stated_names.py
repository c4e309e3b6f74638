from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_making import Grid, write_series
from reading.files import heads, write_nifti

from tumorscope.core.errors import TumorscopeError
from tumorscope.io import open_scan
from tumorscope.io.stated_names import check_stated_names


def volume(path: Path) -> Path:
    write_nifti(path, heads(20, 22, 18).transpose(2, 1, 0), np.diag([8.0, 8, 8, 1]))
    return path


def study(folder: Path) -> Path:
    write_series(folder / "7", "flair", Grid((2, 24, 20)), number=7, SeriesDescription="FLAIR tra")
    return folder


@pytest.mark.parametrize("name", ["scan.nii.gz", "SCAN.nii.gz", "elsewhere/scan.nii.gz", "patient"])
def test_files_and_their_folders_are_names(tmp_path: Path, name: str):
    (tmp_path / "patient").mkdir()
    volume(tmp_path / "patient" / "scan.nii.gz")
    check_stated_names([tmp_path], {name: "t1c"})
    check_stated_names([tmp_path / "patient" / "scan.nii.gz"], {name: "t1c"})


@pytest.mark.parametrize("name", ["7", "study/7", "FLAIR tra", "flair TRA"])
def test_a_series_has_its_folder_number_and_description_as_names(tmp_path: Path, name: str):
    check_stated_names([study(tmp_path / "study")], {name: "t1c"})
    assert open_scan(tmp_path / "study", stated={name: "t1c"}).sequences == ("t1c",)


@pytest.mark.parametrize("name", ["scna.nii.gz", "8", "FLAIR"])
def test_a_name_that_nothing_has_is_refused(tmp_path: Path, name: str):
    study(tmp_path / "study")
    volume(tmp_path / "scan.nii.gz")
    with pytest.raises(TumorscopeError, match=f"--sequence {name}=t1c: no file, folder or DICOM series of that name"):
        check_stated_names([tmp_path], {"scan.nii.gz": "flair", name: "t1c"})


def test_a_path_that_is_not_there_is_left_to_its_reader(tmp_path: Path):
    check_stated_names([tmp_path / "nowhere.nii"], {"scan.nii.gz": "flair"})
