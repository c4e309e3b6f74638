from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from reading.files import AXIAL, head, heads, lgg_slice, rotation, write_cjdata, write_nifti, write_series

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.io import find_mask, open_scan, read_mask

VOLUME = heads(20, 22, 18).transpose(2, 1, 0)
MASK = np.zeros((64, 48), bool)
MASK[10:20, 5:30] = True


def image(folder: Path) -> Scan:
    Image.fromarray(head()).save(folder / "a.png")
    return open_scan(folder / "a.png")


@pytest.mark.parametrize("inside", [1, 255])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_whatever_is_above_zero_is_inside(tmp_path: Path, inside: int, suffix: str):
    Image.fromarray(MASK.astype(np.uint8) * np.uint8(inside)).save(tmp_path / f"m{suffix}")
    assert np.array_equal(read_mask(tmp_path / f"m{suffix}", image(tmp_path))[0], MASK)


def test_a_boolean_tiff_is_not_turned_round(tmp_path: Path):
    tifffile.imwrite(tmp_path / "m.tif", MASK)
    assert np.array_equal(read_mask(tmp_path / "m.tif", image(tmp_path))[0], MASK)


def test_the_blur_of_jpeg_is_not_tumor(tmp_path: Path):
    Image.fromarray(MASK.astype(np.uint8) * 255).save(tmp_path / "m.jpg", quality=60)
    found = read_mask(tmp_path / "m.jpg", image(tmp_path))[0]
    assert (found != MASK).sum() < 0.05 * MASK.sum()


def test_the_scan_itself_is_not_its_mask_but_a_mask_with_smooth_edges_is(tmp_path: Path):
    scan = image(tmp_path)
    gray = np.clip(np.add.outer(np.arange(64), np.arange(48)), 1, 255).astype(np.uint8)
    gray[0, 0] = 255
    Image.fromarray(gray).save(tmp_path / "gray.png")
    with pytest.raises(UnreadableScan, match="gray.png: holds 111 different values, most of them dark, so it is an"):
        read_mask(tmp_path / "gray.png", scan)
    smooth = np.full((64, 48), 255, np.uint8)
    smooth[0] = np.arange(48)
    smooth[:, 0] = np.arange(48, 112)
    smooth[:32, 1] = np.arange(112, 144)
    Image.fromarray(smooth).save(tmp_path / "smooth.png")
    assert read_mask(tmp_path / "smooth.png", scan).all()


def test_the_mask_beside_an_image_is_found(tmp_path: Path):
    scan = image(tmp_path)
    assert find_mask(scan) is None
    Image.fromarray(MASK.astype(np.uint8)).save(tmp_path / "a_mask.png")
    found = find_mask(scan)
    assert found is not None
    assert np.array_equal(found[0], MASK)


def test_a_name_that_leaves_no_room_for_that_of_a_mask_is_read(tmp_path: Path):
    longest = tmp_path / f"{'x' * 251}.png"
    Image.fromarray(head()).save(longest)
    scan = open_scan(longest)
    assert scan.case == "x" * 251
    assert find_mask(scan) is None


def test_the_masks_of_an_lgg_folder_are_found(tmp_path: Path):
    folder = tmp_path / "p"
    folder.mkdir()
    for number in (2, 10, 11):
        tifffile.imwrite(folder / f"x_{number}.tif", lgg_slice(seed=number), photometric="rgb")
    tifffile.imwrite(folder / "x_10_mask.tif", MASK.astype(np.uint8) * 255)
    mask = find_mask(open_scan(folder))
    assert mask is not None
    assert mask.sum(axis=(1, 2)).tolist() == [0, MASK.sum(), 0]


def test_the_mask_inside_a_matlab_sample_is_found(tmp_path: Path):
    mask = find_mask(open_scan(write_cjdata(tmp_path / "1.mat", head(), MASK)))
    assert mask is not None
    assert np.array_equal(mask[0], MASK)


def test_shapes_that_differ_are_both_named(tmp_path: Path):
    Image.fromarray(MASK[:32].astype(np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(UnreadableScan, match="the mask is 1×32×48, the scan 1×64×48"):
        read_mask(tmp_path / "m.png", image(tmp_path))


def test_a_nifti_mask_goes_the_scan_s_way_even_if_stored_along_other_axes(tmp_path: Path):
    affine = np.eye(4)
    affine[:3, :3] = rotation(5, 3, -8) @ np.diag([1.0, -1.0, 2.5])
    scan = open_scan(write_nifti(tmp_path / "a_flair.nii.gz", VOLUME, affine))
    assert scan.affine is not None
    stored = VOLUME > 150
    expected = scan.voxels[..., 0] > 150
    write_nifti(tmp_path / "m.nii.gz", stored.astype(np.uint8), affine)
    assert np.array_equal(read_mask(tmp_path / "m.nii.gz", scan), expected)
    image = nibabel.Nifti1Image(stored.astype(np.uint8), affine)
    other = tmp_path / "n.nii.gz"
    nibabel.save(image.as_reoriented(np.array([[1, -1], [2, 1], [0, -1]])), other)
    assert np.array_equal(read_mask(other, scan), expected)


def test_a_nifti_mask_elsewhere_in_the_patient_is_refused(tmp_path: Path):
    scan = open_scan(write_nifti(tmp_path / "a.nii", VOLUME))
    shifted = np.eye(4)
    shifted[2, 3] = 3
    write_nifti(tmp_path / "m.nii", (VOLUME > 150).astype(np.uint8), shifted)
    with pytest.raises(UnreadableScan, match="elsewhere in the patient"):
        read_mask(tmp_path / "m.nii", scan)
    write_nifti(tmp_path / "n.nii", (VOLUME[:-1] > 150).astype(np.uint8))
    with pytest.raises(UnreadableScan, match="the mask is 20×22×17, the scan 20×22×18"):
        read_mask(tmp_path / "n.nii", scan)


def test_a_nifti_mask_fits_a_dicom_series(tmp_path: Path):
    volume = heads(6)
    write_series(tmp_path / "t2", volume, AXIAL)
    scan = open_scan(tmp_path / "t2")
    assert scan.affine is not None
    wanted = scan.voxels[..., 0] > 120
    write_nifti(tmp_path / "m.nii", wanted.transpose(2, 1, 0).astype(np.uint8), scan.affine)
    assert np.array_equal(read_mask(tmp_path / "m.nii", scan), wanted)


def test_the_segmentation_beside_a_nifti_or_in_its_folder_is_found(tmp_path: Path):
    folder = tmp_path / "p"
    folder.mkdir()
    write_nifti(folder / "x_flair.nii.gz", VOLUME)
    write_nifti(folder / "x_t1.nii.gz", VOLUME)
    assert find_mask(open_scan(folder)) is None
    write_nifti(folder / "x_seg.nii.gz", (VOLUME > 150).astype(np.uint8))
    mask = find_mask(open_scan(folder))
    assert mask is not None
    assert mask.sum() == (VOLUME > 150).sum()
    write_nifti(tmp_path / "y.nii", VOLUME)
    write_nifti(tmp_path / "y_mask.nii.gz", (VOLUME > 150).astype(np.uint8))
    assert find_mask(open_scan(tmp_path / "y.nii")) is not None


@pytest.mark.real
def test_the_real_lgg_masks_are_those_of_the_data_set(lgg_folder: Path):
    from tumorscope.io.lgg_patient import read_lgg_mask

    folder = lgg_folder / "TCGA_CS_4941_19960909"
    assert np.array_equal(find_mask(open_scan(folder)), read_lgg_mask(folder))
