"""Voxel sizes that the user states, where files do not."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from reading.files import head, heads, write_nifti

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import open_scan, open_segmentation, read_mask
from tumorscope.io.spacing import parse_spacing

SPACING = (0.5, 0.75, 6.0)
VOLUME = heads(20, 48, 40).transpose(2, 1, 0)


def without_codes(path: Path, array: np.ndarray, zooms: tuple[float, ...] = (1, 1, 1)) -> Path:
    """A NIfTI file whose header states no position."""
    image = nibabel.Nifti1Image(array, None)
    image.header.set_zooms(zooms)
    nibabel.save(image, path)
    return path


def test_images_get_the_stated_spacing(tmp_path: Path):
    for number in range(3):
        Image.fromarray(head(seed=number)).save(tmp_path / f"{number}.png")
    scan = open_scan(tmp_path, spacing_mm=SPACING)
    assert scan.spacing_mm == (6.0, 0.75, 0.5)
    assert scan.voxel_volume_mm3 == pytest.approx(2.25)
    assert "voxels of 0.5×0.75×6 mm as stated by the user" in texts(scan.notes)
    assert "assumed_orientation" in [note.code for note in scan.notes]


def test_a_volume_that_knows_nothing_gets_it_and_its_mask_still_fits(tmp_path: Path):
    path = without_codes(tmp_path / "flair.nii", VOLUME)
    mask = without_codes(tmp_path / "flair_mask.nii", (VOLUME > 100).astype(np.uint8))
    scan = open_scan(path, spacing_mm=SPACING)
    assert scan.spacing_mm == (6.0, 0.75, 0.5)
    assert scan.stored is not None
    np.testing.assert_array_equal(
        np.abs(np.diag(scan.stored.affine)), (1, 1, 1, 1)
    )  # a mask must return to the file's grid
    found = read_mask(mask, scan)
    assert np.array_equal(found, scan.channel("flair") > 100)


def test_a_mask_is_measured_with_it(tmp_path: Path):
    path = without_codes(tmp_path / "mask.nii", (VOLUME > 100).astype(np.uint8))
    found = open_segmentation(path, spacing_mm=SPACING)
    assert found.geometry is not None
    assert found.geometry.spacing_mm == (6.0, 0.75, 0.5)
    assert found.geometry.voxel_volume_mm3 == pytest.approx(2.25)


@pytest.mark.parametrize("affine", [np.eye(4), np.diag([0.5, 0.75, 5, 1])])
def test_a_file_that_states_another_spacing_is_refused_in_one_line(tmp_path: Path, affine: np.ndarray):
    path = write_nifti(tmp_path / "a.nii", VOLUME, affine)
    stated = "×".join(f"{length:g}" for length in np.diag(affine)[:3])
    with pytest.raises(UnreadableScan, match=f"^a.nii: the file states voxels of {stated} mm, not 0.5×0.75×6"):
        open_scan(path, spacing_mm=SPACING)
    with pytest.raises(UnreadableScan, match="the file states voxels"):
        open_segmentation(write_nifti(tmp_path / "m.nii", (VOLUME > 0).astype(np.uint8), affine), spacing_mm=SPACING)


def test_a_file_that_states_the_same_is_read_as_it_is(tmp_path: Path):
    scan = open_scan(write_nifti(tmp_path / "a.nii", VOLUME, np.diag([0.5, 0.75, 6, 1])), spacing_mm=SPACING)
    assert "voxel_size_given" not in [note.code for note in scan.notes]


def test_a_stated_voxel_size_without_a_position_is_a_statement(tmp_path: Path):
    with pytest.raises(UnreadableScan, match="the file states voxels of 0.9×0.9×5 mm"):
        open_scan(without_codes(tmp_path / "a.nii", VOLUME, (0.9, 0.9, 5)), spacing_mm=SPACING)


@pytest.mark.parametrize("text", ["", "1,1", "1,1,1,1", "a,b,c", "0,1,1", "-1,1,1", "nan,1,1", "1,1,inf", "1;1;1"])
def test_a_spacing_is_three_positive_numbers(text: str):
    with pytest.raises(UnreadableScan, match="three numbers in mm"):
        parse_spacing(text)
