from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reading.files import heads, write_dicom, write_series

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import open_scan

VOLUME = heads(6)


def test_a_missing_slice_is_told_and_every_other_keeps_its_position(tmp_path: Path):
    write_series(tmp_path / "s", VOLUME, heights=[0, 3, 6, 12, 15, 18])
    scan = open_scan(tmp_path / "s")
    assert scan.spacing_mm is not None
    assert scan.spacing_mm[0] == pytest.approx(3)
    assert scan.slice_positions == pytest.approx([0, 1, 2, 4, 5, 6])
    assert scan.geometry is not None
    heights = scan.geometry.to_mm(np.array([[k, 0, 0] for k in range(6)]))[:, 2]
    assert heights == pytest.approx([30, 33, 36, 42, 45, 48])
    assert any("from 3.00 to 6.00 mm" in note for note in texts(scan.notes))


@pytest.mark.parametrize("missing", [(), (2,), (1, 2)])
def test_a_leaning_stack_keeps_its_lean_whatever_is_missing(tmp_path: Path, missing: tuple[int, ...]):
    for k in set(range(6)) - set(missing):
        write_dicom(tmp_path / f"{k}.dcm", VOLUME[k], ImagePositionPatient=[0.5 * k, -0.2 * k, 3.0 * k])
    scan = open_scan(tmp_path)
    assert scan.affine is not None
    assert np.allclose(scan.affine[:3, 2], [-0.5, 0.2, 3])
    assert scan.spacing_mm == pytest.approx((3, 1, 1)), "planes are 3 mm apart, not the 3.05 mm along the lean"
    assert scan.voxel_volume_mm3 == pytest.approx(3)
    assert scan.geometry is not None
    assert scan.geometry.to_mm(np.array([len(scan.voxels) - 1, 0, 0])) == pytest.approx([-2.5, 1, 15])


def test_slices_that_are_shifted_without_a_rule_are_told(tmp_path: Path):
    for k in range(5):
        write_dicom(tmp_path / f"{k}.dcm", VOLUME[k], ImagePositionPatient=[2.5 * (k == 2), 0, 3.0 * k])
    assert any("unevenly; positions are off by up to 2.5 mm" in note for note in texts(open_scan(tmp_path).notes))


def test_slices_further_apart_than_a_patient_is_long_are_refused(tmp_path: Path):
    write_series(tmp_path / "s", VOLUME, heights=[0, 3, 6, 9, 12, 150000])
    with pytest.raises(UnreadableScan, match=r"reach over 150\.0 m"):
        open_scan(tmp_path / "s")


def test_small_jitter_is_not_an_irregularity_and_the_ends_set_the_spacing(tmp_path: Path):
    write_series(tmp_path / "s", VOLUME, heights=[0, 3.01, 6, 9.02, 12, 15.05])
    scan = open_scan(tmp_path / "s")
    assert scan.spacing_mm is not None
    assert scan.spacing_mm[0] == pytest.approx(3.01)
    assert not any("gaps" in note for note in texts(scan.notes))


@pytest.mark.parametrize("apart_mm", [0.001, 0.02])
def test_of_two_images_at_one_place_the_first_by_instance_number_is_kept(tmp_path: Path, apart_mm: float):
    for echo in range(2):
        for k in range(3):
            write_dicom(
                tmp_path / f"{echo}{k}.dcm",
                VOLUME[k] + echo * 300,
                ImagePositionPatient=[0, 0, 3.0 * k + echo * apart_mm],
                InstanceNumber=10 - 5 * echo + k,
            )
    scan = open_scan(tmp_path)
    assert scan.shape[0] == 3
    assert np.array_equal(scan.voxels[..., 0], VOLUME[:3] + 300)
    assert any(note.startswith("3 images left out at positions") for note in texts(scan.notes))


def test_slices_of_a_tenth_of_a_millimeter_are_slices(tmp_path: Path):
    write_series(tmp_path / "s", VOLUME, heights=[0.1 * k for k in range(6)])
    assert open_scan(tmp_path / "s").shape[0] == 6


def test_slices_shifted_sideways_keep_their_shear(tmp_path: Path):
    for k in range(4):
        write_dicom(tmp_path / f"{k}.dcm", VOLUME[k], ImagePositionPatient=[0.5 * k, 0, 3.0 * k])
    affine = open_scan(tmp_path).affine
    assert affine is not None
    assert np.allclose(affine[:3, 2], [-0.5, 0, 3])


def test_the_gap_counts_for_a_single_slice_and_its_absence_is_told(tmp_path: Path):
    scan = open_scan(write_dicom(tmp_path / "a.dcm", VOLUME[0], SliceThickness=5, SpacingBetweenSlices=7))
    assert scan.spacing_mm == (7, 1, 1)
    scan = open_scan(write_dicom(tmp_path / "b.dcm", VOLUME[0], SliceThickness=None))
    assert scan.spacing_mm == (1, 1, 1)
    assert any("thickness is not stated" in note for note in texts(scan.notes))


@pytest.mark.parametrize("missing", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_without_a_place_images_are_sorted_by_number_and_sizes_are_unknown(tmp_path: Path, missing: str):
    write_series(tmp_path / "s", VOLUME, **{missing: None})
    scan = open_scan(tmp_path / "s")
    assert scan.affine is None
    assert np.array_equal(scan.voxels[..., 0], VOLUME[::-1])
    assert any("sizes are in pixels" in note for note in texts(scan.notes))
