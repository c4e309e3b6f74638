import gzip
import io
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from reporting.mask_files import write_mask

from tumorscope.core.scan import Scan, StoredGrid
from tumorscope.reporting.mask_files import encode_mask_image
from tumorscope.reporting.nifti_files import encode_nifti


def oblique(rng: np.random.Generator) -> np.ndarray:
    """A rotation by any angle with unequal voxel sizes, right- or left-handed."""
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = axes * rng.uniform(0.4, 6, 3)
    affine[:3, 3] = rng.uniform(-100, 100, 3)
    return affine


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product([False, True], repeat=3)))
def test_a_volumes_mask_lies_on_exactly_the_stored_grid(analyzed, tmp_path: Path, axes, flips):
    rng = np.random.default_rng(5)
    stored_affine = oblique(rng)
    stored_mask = rng.random((7, 5, 9)) > 0.7
    grid = StoredGrid(stored_mask.shape, stored_affine, axes, flips)
    mask = np.ascontiguousarray(grid.to_scan(stored_mask))
    scan = Scan(np.ones((*mask.shape, 1)), ("flair",), "oblique", "volume", np.diag([1.0, 1, 1, 1]), grid)
    image = nibabel.load(write_mask(analyzed(scan, mask), tmp_path))
    assert image.shape == stored_mask.shape
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(image.dataobj), stored_mask)
    np.testing.assert_allclose(image.affine, stored_affine, rtol=1e-6)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 1


def test_a_flat_volume_keeps_its_two_axes(analyzed, tmp_path: Path):
    grid = StoredGrid((6, 4), np.diag([1.0, 2, 3, 1]), (2, 1, 0), (False, False, False))
    mask = np.zeros((1, 4, 6), bool)
    mask[0, 1, 5] = True
    scan = Scan(np.ones((1, 4, 6, 1)), ("flair",), "flat", "volume", np.diag([1.0, 2, 3, 1]), grid)
    image = nibabel.load(write_mask(analyzed(scan, mask), tmp_path))
    assert image.shape == (6, 4)
    assert np.argwhere(np.asarray(image.dataobj)).tolist() == [[5, 1]]


def test_a_series_of_slices_becomes_a_volume_of_column_row_slice(analyzed, volume_scan, mask, tmp_path: Path):
    scan = replace(volume_scan, kind="slices", stored=None)
    image = nibabel.load(write_mask(analyzed(scan, mask), tmp_path))
    np.testing.assert_array_equal(np.asarray(image.dataobj), mask.transpose(2, 1, 0))
    np.testing.assert_allclose(image.affine, scan.affine, rtol=1e-6)


def test_slices_of_unknown_size_get_an_identity_affine_and_a_description(analyzed, folder_scan, mask, tmp_path: Path):
    image = nibabel.load(write_mask(analyzed(folder_scan, mask), tmp_path))
    np.testing.assert_array_equal(np.asarray(image.dataobj), mask.transpose(2, 1, 0))
    np.testing.assert_array_equal(image.affine, np.eye(4))
    assert b"voxel size unknown" in bytes(image.header["descrip"])
    assert image.header.get_xyzt_units()[0] == "unknown"


def test_the_mask_of_a_single_image_has_its_size(analyzed):
    mask = np.zeros((1, 41, 57), bool)
    mask[0, 3:9, 40:50] = True
    scan = Scan(np.ones((1, 41, 57, 3), np.uint8), ("unknown",) * 3, "image", "image")
    image = Image.open(io.BytesIO(encode_mask_image(analyzed(scan, mask))))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (57, 41))
    np.testing.assert_array_equal(np.asarray(image), mask[0] * 255)


@pytest.mark.parametrize("seed", range(40))
def test_qform_and_sform_agree(seed: int):
    affine = oblique(np.random.default_rng(seed))
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(encode_nifti(np.zeros((4, 5, 6), np.uint8), affine)))
    np.testing.assert_allclose(image.get_sform(), affine, atol=1e-4)
    np.testing.assert_allclose(image.get_qform(), affine, atol=1e-3)


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product([-1, 1], repeat=3)))
def test_half_and_quarter_turns_keep_their_qform(axes, signs):
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[list(axes)] * signs * (1, 2, 3)
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(encode_nifti(np.zeros((4, 5, 6), np.uint8), affine)))
    np.testing.assert_allclose(image.get_qform(), affine, atol=1e-3)


def test_a_sheared_grid_has_no_qform_rather_than_a_wrong_one():
    affine = np.eye(4)
    affine[0, 2] = 0.3
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(encode_nifti(np.zeros((4, 5, 6), np.uint8), affine)))
    np.testing.assert_allclose(image.affine, affine, rtol=1e-6)
    assert int(image.header["qform_code"]) == 0


def test_every_field_is_read_back_as_nibabel_would_have_written_it():
    mask = (np.random.default_rng(1).random((4, 5, 6)) > 0.5).astype(np.uint8)
    affine = np.diag([-1.0, -2, 3, 1])
    content = gzip.decompress(encode_nifti(mask, affine))
    ours = nibabel.Nifti1Image.from_bytes(content).header
    image = nibabel.Nifti1Image(mask, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    theirs = nibabel.Nifti1Image.from_bytes(image.to_bytes()).header
    for field in ("dim", "pixdim", "datatype", "bitpix", "vox_offset", "magic", "srow_x", "srow_z", "sizeof_hdr"):
        np.testing.assert_array_equal(ours[field], theirs[field], err_msg=field)
    assert len(content) == 352 + mask.size
