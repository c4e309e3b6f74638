from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading.files import head, heads, write_nifti

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import open_scan

VOLUME = heads(20, 22, 18).transpose(2, 1, 0)


def write_case(folder: Path, names: dict[str, int], prefix: str = "BraTS_001_") -> Path:
    folder.mkdir(exist_ok=True)
    for name, offset in names.items():
        write_nifti(folder / f"{prefix}{name}.nii.gz", VOLUME + offset, np.diag([8.0, 8, 8, 1]))
    return folder


def test_a_brats_folder_is_one_scan_of_several_sequences(tmp_path: Path):
    folder = write_case(tmp_path / "BraTS_001", {"flair": 0, "t1": 1, "t1ce": 2, "t2": 3})
    write_nifti(folder / "BraTS_001_seg.nii.gz", (VOLUME > 100).astype(np.uint8))
    scan = open_scan(folder)
    assert scan.sequences == ("t1", "t1c", "t2", "flair")
    assert scan.case == "BraTS_001"
    assert texts(scan.notes) == ()
    for sequence, offset in {"flair": 0, "t1": 1, "t1c": 2, "t2": 3}.items():
        assert np.array_equal(scan.channel(sequence), scan.channel("flair") + offset)


def test_files_that_name_no_sequence_are_left_out_with_a_note(tmp_path: Path):
    scan = open_scan(write_case(tmp_path / "p", {"flair": 0, "t1": 1, "adc": 2}))
    assert scan.sequences == ("t1", "flair")
    assert texts(scan.notes) == ("left out, no sequence in the name: BraTS_001_adc.nii.gz",)


def test_a_folder_with_one_nifti_is_that_nifti(tmp_path: Path):
    assert open_scan(write_case(tmp_path / "p", {"a": 0})).case == "BraTS_001_a"


def test_named_files_make_one_scan(tmp_path: Path):
    folder = write_case(tmp_path / "p", {"x": 0, "y": 9}, prefix="")
    scan = open_scan(None, sequences={"T1c": folder / "x.nii.gz", "flair": folder / "y.nii.gz"})
    assert scan.sequences == ("t1c", "flair")
    assert np.array_equal(scan.channel("flair"), scan.channel("t1c") + 9)
    assert scan.case == "p"
    assert scan.stored is not None


def test_named_images_make_one_scan_too(tmp_path: Path):
    for name in ("a", "b"):
        Image.fromarray(head(seed=ord(name))).save(tmp_path / f"{name}.png")
    scan = open_scan(tmp_path, sequences={"flair": tmp_path / "a.png", "t1": tmp_path / "b.png"})
    assert scan.shape == (1, 64, 48)
    assert scan.sequences == ("t1", "flair")


def test_grids_that_differ_by_rounding_are_one(tmp_path: Path):
    files = {}
    for name, shift in {"flair": 0.0, "t1": 5e-4, "t2": 0.5}.items():
        affine = np.eye(4)
        affine[0, 3] = shift
        files[name] = write_nifti(tmp_path / f"{name}.nii", VOLUME, affine)
    same = open_scan(None, sequences={"flair": files["flair"], "t1": files["t1"]})
    assert np.array_equal(same.channel("t1"), same.channel("flair"))
    moved = open_scan(None, sequences={"flair": files["flair"], "t2": files["t2"]})
    assert not np.array_equal(moved.channel("t2"), moved.channel("flair"))
    assert "series_resampled" in {note.code for note in moved.notes}
    assert "series_resampled" not in {note.code for note in same.notes}


def test_shapes_of_images_that_differ_are_both_named(tmp_path: Path):
    for name, rows in (("a", 64), ("b", 62)):
        Image.fromarray(head(rows)).save(tmp_path / f"{name}.png")
    with pytest.raises(UnreadableScan, match=r"b\.png: flair has 1×62×48 voxels, t1 1×64×48"):
        open_scan(None, sequences={"t1": tmp_path / "a.png", "flair": tmp_path / "b.png"})
