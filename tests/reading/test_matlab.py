from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from reading.files import head, write_cjdata

from tumorscope.core.errors import UnreadableScan
from tumorscope.io import open_scan, read_cjdata
from tumorscope.io.matlab import read_label

IMAGE = head(40, 60).astype(np.int16)
MASK = np.zeros((40, 60), bool)
MASK[5:9, 30:50] = True


def test_a_sample_is_turned_as_matlab_shows_it(tmp_path: Path):
    data = read_cjdata(write_cjdata(tmp_path / "7.mat", IMAGE, MASK))
    assert np.array_equal(data.image, IMAGE)
    assert np.array_equal(data.mask, MASK)
    assert (data.label, data.patient) == (2, "100360")
    assert data.border.tolist() == [[10, 20], [12, 22]]


def test_a_border_that_is_empty_in_matlab_has_no_points(tmp_path: Path):
    assert read_cjdata(write_cjdata(tmp_path / "7.mat", IMAGE, MASK, tumorBorder=[])).border.shape == (0, 2)


@pytest.mark.parametrize("field", ["image", "tumorMask", "label", "PID"])
def test_any_other_field_that_is_empty_in_matlab_is_refused_as_such(tmp_path: Path, field: str):
    path = write_cjdata(tmp_path / "7.mat", IMAGE, MASK, **{field: []})
    with pytest.raises(UnreadableScan, match=f"7.mat: cjdata.{field} is empty; download the file again"):
        read_cjdata(path)


def test_its_slice_opens_as_a_t1c_image(tmp_path: Path):
    scan = open_scan(write_cjdata(tmp_path / "7.mat", IMAGE, MASK))
    assert (scan.sequences, scan.kind, scan.case, scan.affine) == (("t1c",), "image", "7", None)
    assert np.array_equal(scan.voxels[0, :, :, 0], IMAGE)


@pytest.mark.real
def test_real_masks_lie_where_the_real_borders_are(figshare_folder: Path):
    for number in range(1, 21):
        data = read_cjdata(figshare_folder / f"{number}.mat")
        rows, columns = np.nonzero(data.mask)
        assert np.abs([columns.min(), rows.min()] - data.border.min(axis=0)).max() < 3
        assert np.abs([columns.max(), rows.max()] - data.border.max(axis=0)).max() < 3
        assert data.label in (1, 2, 3)


@pytest.mark.real
def test_real_tumors_enhance(figshare_folder: Path):
    """Contrast-enhanced tumors are brighter than the rest of the head in most samples."""
    brighter = 0
    for number in range(1, 21):
        data = read_cjdata(figshare_folder / f"{number}.mat")
        around = data.image[(data.image > 30) & ~data.mask]
        brighter += data.image[data.mask].mean() > np.median(around)
    assert brighter >= 16


def test_label_and_patient_are_read_without_the_image(tmp_path: Path):
    path = write_cjdata(tmp_path / "7.mat", np.zeros((2, 2, 2)), MASK)  # not an image, and not read
    assert read_label(path) == (2, "100360")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": np.array([[0.0]])}, "label 0 is not 1"),
        ({"label": np.array([[4.0]])}, "label 4 is not 1"),
        ({"label": np.array([[1.5]])}, "label 1.5 is not 1"),
        ({"label": np.array([[np.nan]])}, "label nan is not 1"),
        ({"label": np.empty((0, 1))}, "cjdata.label holds 0×1 numbers"),
        ({"PID": np.zeros((2000, 1), np.uint16)}, "cjdata.PID holds 2000×1 numbers"),
        ({"label": None, "PID": None}, "cjdata lacks label, PID"),
        ({"tumorMask": None}, "cjdata lacks tumorMask"),
    ],
)
def test_a_label_that_is_none_is_refused_by_both_ways_of_reading(tmp_path: Path, changes: dict, words: str):
    path = write_cjdata(tmp_path / "7.mat", IMAGE, MASK, **changes)
    for read in (read_label, read_cjdata):
        with pytest.raises(UnreadableScan, match=words):
            read(path)


def test_a_file_of_another_layout_is_refused_by_both_ways_of_reading(tmp_path: Path):
    for name, layout in (("root.mat", "image"), ("array.mat", "cjdata")):
        with h5py.File(tmp_path / name, "w") as file:
            file[layout] = IMAGE
        for read in (read_label, read_cjdata):
            with pytest.raises(UnreadableScan, match=f"{name}: holds no struct cjdata"):
                read(tmp_path / name)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_truncated_file_is_one_line_without_its_folder(tmp_path: Path, share: float):
    content = write_cjdata(tmp_path / "7.mat", IMAGE, MASK).read_bytes()
    (tmp_path / "7.mat").write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableScan, match="7.mat: damaged or truncated") as error:
        read_label(tmp_path / "7.mat")
    assert str(tmp_path) not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.real
def test_real_labels_are_the_same_by_both_ways_of_reading(figshare_folder: Path):
    for number in range(1, 21):
        path = figshare_folder / f"{number}.mat"
        data = read_cjdata(path)
        assert read_label(path) == (data.label, data.patient)
