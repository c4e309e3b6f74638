"""The viewer's images are on the scan's grid, and the masks that it returns are checked."""

import dataclasses
import gzip
import struct

import nibabel as nib
import numpy as np
import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.inference.activation_maps import ActivationMap
from tumorscope.inference.analysis import analyze
from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.head import Box
from tumorscope.service.viewer_images import read_segmentation, view_names, write_views

AFFINE = np.array([[-0.9, 0, 0.1, 40], [0, -0.8, 0, 30], [0, 0.2, 5.0, -20], [0, 0, 0, 1.0]])


def scan(dtype, affine=AFFINE, sequences=("t1", "flair", "t1c")):
    voxels = np.random.default_rng(0).integers(0, 100, (3, 32, 40, len(sequences))).astype(dtype)
    return Scan(voxels, sequences, "case", "volume", affine)


@pytest.fixture
def shown(tmp_path, engines):
    def write(given, **changes):
        analysis = dataclasses.replace(analyze(given, engines.engine, input_check=False), **changes)
        write_views(analysis, tmp_path / "view")
        return analysis, tmp_path / "view"

    return write


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("u1", "u1"), ("i2", "i2"), ("u2", "u2"), (">u2", "u2"), ("i4", "f4"), ("f8", "f4"), ("f4", "f4")],
)
def test_every_sequence_keeps_its_voxels_and_its_affine(shown, dtype, stored):
    given = scan(dtype)
    _, folder = shown(given)
    assert view_names(folder) == ["flair", "t1", "t1c", "mask"]
    for channel, name in enumerate(given.sequences):
        image = nib.load(folder / f"{name}.nii.gz")
        assert image.get_data_dtype() == np.dtype(stored)
        np.testing.assert_array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), given.voxels[..., channel])
        np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)


def test_the_mask_is_on_the_same_grid(shown):
    mask = np.zeros((3, 32, 40), bool)
    mask[1, 10:20, 8:30] = True
    _, folder = shown(scan("u2"), mask=mask)
    image = nib.load(folder / "mask.nii.gz")
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), mask)
    np.testing.assert_array_equal(read_segmentation(folder / "mask.nii.gz", folder / "mask.nii.gz"), mask)


def test_the_activation_map_is_scaled_over_the_whole_scan(shown):
    """The second slice has half the peak of the first, the third none."""
    values = np.zeros((3, 4, 4), np.float32)
    values[0, 1, 1], values[1, 2, 2], values[2] = 8, 4, -3
    crop_resize = CropResize((32, 40), Box(top=0, left=0, height=32, width=40), 16)
    _, folder = shown(scan("u1"), activation=ActivationMap("presence", ("tumor",) * 3, values, crop_resize))
    image = nib.load(folder / "activation.nii.gz")
    assert image.get_data_dtype() == np.uint8
    tops = np.asarray(image.dataobj).max(axis=(0, 1))
    assert tops[0] == 255
    assert tops[1] == pytest.approx(128, abs=2)
    assert tops[2] == 0
    assert view_names(folder)[-2:] == ["mask", "activation"]


def test_a_scan_without_an_affine_is_shown(shown):
    _, folder = shown(scan("u1", affine=None))
    np.testing.assert_array_equal(nib.load(folder / "flair.nii.gz").affine, np.eye(4))


def test_sequences_with_the_same_name_are_all_shown(tmp_path, engines):
    given = scan("u1", sequences=("unknown", "flair", "unknown"))
    write_views(analyze(given, engines.engine, input_check=False), tmp_path / "view")
    assert view_names(tmp_path / "view") == ["flair", "unknown", "unknown-2", "mask"]


def test_another_revision_shares_unchanged_images(tmp_path, engines, shown):
    analysis, first = shown(scan("u1"))
    write_views(analysis, tmp_path / "second", first)
    assert (tmp_path / "second" / "t1.nii.gz").samefile(first / "t1.nii.gz")
    assert not (tmp_path / "second" / "mask.nii.gz").samefile(first / "mask.nii.gz")


@pytest.fixture
def like(tmp_path):
    image = nib.Nifti1Image(np.zeros((6, 5, 4), np.uint8), AFFINE)
    nib.save(image, tmp_path / "like.nii.gz")
    return tmp_path / "like.nii.gz"


def saved(tmp_path, values, affine=AFFINE, name="given.nii.gz"):
    nib.save(nib.Nifti1Image(values, affine), tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("name", ["given.nii.gz", "given.nii"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32])
def test_a_segmentation_is_read_whatever_its_file_name(tmp_path, like, name, dtype):
    values = np.zeros((6, 5, 4), dtype)
    values[5, 1, 2] = 1
    path = saved(tmp_path, values, name=name).rename(tmp_path / "aside")
    segmentation = read_segmentation(path, like)
    assert segmentation.dtype == bool
    assert list(zip(*np.nonzero(segmentation), strict=True)) == [(2, 1, 5)]


def test_a_segmentation_on_another_grid_is_rejected(tmp_path, like):
    with pytest.raises(TumorscopeError, match="the segmentation has 4×5×6 voxels, the scan 6×5×4"):
        read_segmentation(saved(tmp_path, np.zeros((4, 5, 6), np.uint8)), like)
    with pytest.raises(TumorscopeError, match="has another affine"):
        read_segmentation(saved(tmp_path, np.zeros((6, 5, 4), np.uint8), np.diag([-1, 1, 1, 1.0]) @ AFFINE), like)
    with pytest.raises(TumorscopeError, match="are not integers"):
        read_segmentation(saved(tmp_path, np.zeros((6, 5, 4), np.float32)), like)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x1f\x8b", id="two bytes of gzip"),
        pytest.param(b"hello", id="text"),
        pytest.param(gzip.compress(b"hello"), id="packed text"),
        pytest.param(gzip.compress(bytes(400)), id="packed zeros"),
        pytest.param(bytes(400), id="zeros"),
    ],
)
def test_an_unreadable_segmentation_is_reported_in_one_line(tmp_path, like, content):
    (tmp_path / "given").write_bytes(content)
    with pytest.raises(TumorscopeError, match="the segmentation"):
        read_segmentation(tmp_path / "given", like)


def test_a_truncated_or_damaged_segmentation_is_rejected(tmp_path, like):
    whole = saved(tmp_path, np.random.default_rng(0).integers(0, 2, (6, 5, 4)).astype(np.uint8)).read_bytes()
    for content in (whole[:-20], whole[:40], whole[:60] + b"x" * 20 + whole[80:]):
        (tmp_path / "given").write_bytes(content)
        with pytest.raises(TumorscopeError, match="the segmentation"):
            read_segmentation(tmp_path / "given", like)


def test_a_header_that_claims_gigabytes_is_rejected(tmp_path, like):
    """A huge voxel offset and a header extension of a huge stated size, in a few compressed kilobytes."""
    raw = bytearray(gzip.decompress(saved(tmp_path, np.zeros((6, 5, 4), np.uint8)).read_bytes()))
    raw[108:112] = struct.pack("<f", 2e9)
    raw[348:360] = struct.pack("<4Bii", 1, 0, 0, 0, 2**31 - 16, 6)
    (tmp_path / "given").write_bytes(gzip.compress(bytes(raw) + bytes(2**20)))
    with pytest.raises(TumorscopeError, match="data before the voxels"):
        read_segmentation(tmp_path / "given", like)
