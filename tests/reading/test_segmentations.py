"""Masks as other programs write them."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from reading.dicom.segmentations import COMPLETE, write_segmentation
from reading.files import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    head,
    heads,
    lgg_slice,
    rotation,
    write_cjdata,
    write_dicom,
    write_nifti,
    write_series,
)

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import open_scan, open_segmentation
from tumorscope.io.segmentation_alignment import onto_scan

MASK = np.zeros((6, 24, 20), bool)
MASK[2:5, 5:12, 3:9] = True
MASK[4, 5, 9] = True  # without symmetry
AFFINE = np.array([[-0.9, 0, 0, 8], [0, -0.7, 0, 9], [0, 0, 4.0, -10], [0, 0, 0, 1]])


def of_columns(mask):
    """As NIfTI stores it."""
    return mask.transpose(2, 1, 0).astype(np.uint8)


def part(labels):
    ((_, mask),) = tuple(labels.masks())
    return mask


def test_a_nifti_mask_lies_as_a_radiologist_sees_it(tmp_path: Path):
    labels = open_segmentation(write_nifti(tmp_path / "m.nii.gz", of_columns(MASK), AFFINE))
    np.testing.assert_array_equal(part(labels), MASK)
    np.testing.assert_allclose(labels.affine, AFFINE, atol=1e-5)
    assert labels.case == "m"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32])
def test_each_label_is_a_mask_of_its_own(tmp_path: Path, dtype: type):
    values = np.zeros(MASK.shape, dtype)
    values[MASK] = 1
    values[0, 20:, 15:] = 4
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), AFFINE, dtype=dtype), tmp_path / "m.nii")
    labels = open_segmentation(tmp_path / "m.nii")
    assert [(name, int(mask.sum())) for name, mask in labels.masks()] == [("label 1", MASK.sum()), ("label 4", 20)]


def test_probabilities_are_cut_at_one_half_and_it_says_so(tmp_path: Path):
    values = np.where(MASK, 0.7, 0.3).astype(np.float32).transpose(2, 1, 0)
    labels = open_segmentation(write_nifti(tmp_path / "p.nii", values, AFFINE))
    np.testing.assert_array_equal(part(labels), MASK)
    assert "one half" in texts(labels.notes)[0]


@pytest.mark.parametrize("stored_as", [np.uint8, np.int16])
def test_labels_that_were_saved_through_a_slope_are_whole_again(tmp_path: Path, stored_as: type):
    """In bytes 2 becomes 1.992, in 16 bits 2.00003; a background of 0 may be off as well."""
    values = np.zeros(MASK.shape, np.float32)
    values[MASK] = 2
    values[0, 20:, 15:] = 3
    values[0, 0, 0] = 7
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), AFFINE)
    image.set_data_dtype(stored_as)
    nibabel.save(image, tmp_path / "m.nii")
    found = np.asarray(nibabel.load(tmp_path / "m.nii").dataobj)
    assert not np.array_equal(found, np.rint(found)), "the file holds no whole numbers"
    labels = open_segmentation(tmp_path / "m.nii")
    assert [(name, int(mask.sum())) for name, mask in labels.masks()] == [
        ("label 2", MASK.sum()),
        ("label 3", 20),
        ("label 7", 1),
    ]


@pytest.mark.parametrize("value", [1.5, 2.03, 60.4])
def test_a_value_further_from_a_whole_number_is_not_a_label(tmp_path: Path, value: float):
    path = write_nifti(tmp_path / "m.nii", of_columns(MASK) * np.float32(value), AFFINE)
    with pytest.raises(UnreadableScan, match="fractions up to"):
        open_segmentation(path)


def test_a_threshold_makes_a_mask_of_an_image(tmp_path: Path):
    image = heads(6).transpose(2, 1, 0)
    path = write_nifti(tmp_path / "scan.nii", image, AFFINE)
    with pytest.raises(UnreadableScan, match="so it is an image, not a mask.*--threshold"):
        open_segmentation(path)
    labels = open_segmentation(path, threshold=100)
    np.testing.assert_array_equal(part(labels), image.transpose(2, 1, 0) >= 100)
    assert "the mask is what is at least 100 in the image" in texts(labels.notes)


def test_our_own_mask_of_a_scan_without_voxel_size_stays_without(tmp_path: Path):
    from tumorscope.reporting.nifti_files import encode_nifti

    (tmp_path / "m.nii.gz").write_bytes(encode_nifti(of_columns(MASK), None))
    assert open_segmentation(tmp_path / "m.nii.gz").affine is None
    (tmp_path / "n.nii.gz").write_bytes(encode_nifti(of_columns(MASK), AFFINE))
    assert open_segmentation(tmp_path / "n.nii.gz").affine is not None


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "jpg"])
def test_an_image_is_one_slice(tmp_path: Path, suffix: str):
    Image.fromarray(MASK[2] * np.uint8(255)).save(tmp_path / f"m.{suffix}")
    labels = open_segmentation(tmp_path / f"m.{suffix}")
    np.testing.assert_array_equal(part(labels), MASK[2:3])
    assert (labels.affine, labels.kind) == (None, "image")


def photograph() -> np.ndarray:
    y, x = np.mgrid[0:1:96j, 0:1:96j]
    return (np.stack([x, y, 1 - x], -1) * 255).astype(np.uint8)


def screenshot() -> np.ndarray:
    """A slice in a window: white, with a gray image in it."""
    window = np.full((128, 128), 255, np.uint8)
    window[20:84, 30:78] = head()
    return window


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("make", [photograph, screenshot, head, lgg_slice])
def test_photographs_slices_and_screenshots_are_not_masks(tmp_path: Path, make, suffix: str):
    Image.fromarray(make()).save(tmp_path / f"m.{suffix}")
    with pytest.raises(UnreadableScan, match="so it is an image, not a mask"):
        open_segmentation(tmp_path / f"m.{suffix}")
    assert open_segmentation(tmp_path / f"m.{suffix}", threshold=50).segments


def test_a_dark_slice_with_one_bright_spot_is_not_a_mask_in_a_jpeg_either(tmp_path: Path):
    dark = head() // 4
    dark[30:36, 20:26] = 255
    Image.fromarray(dark).save(tmp_path / "m.jpg", quality=90)
    with pytest.raises(UnreadableScan, match="many gray levels"):
        open_segmentation(tmp_path / "m.jpg")


@pytest.mark.parametrize("quality", [30, 60, 95])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_blur_of_a_jpeg_is_not_a_gray_level(tmp_path: Path, quality: int, mode: str):
    mask = np.zeros((96, 80), np.uint8)
    mask[20:45, 30:60] = 255
    Image.fromarray(mask).convert(mode).save(tmp_path / "m.jpg", quality=quality)
    assert np.count_nonzero(part(open_segmentation(tmp_path / "m.jpg"))[0] != (mask > 0)) < 40


def supersampled(inside: np.ndarray, times: int) -> np.ndarray:
    """A mask reduced in size by averaging blocks, in full gray: ``times² + 1`` levels at most."""
    blocks = inside.reshape(len(inside) // times, times, -1, times)
    return np.rint(blocks.mean(axis=(1, 3)) * 255).astype(np.uint8)


def disc(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return (y - 0.47 * size) ** 2 + (x - 0.53 * size) ** 2 < radius**2


@pytest.mark.parametrize("times", [2, 3, 4])
def test_a_mask_with_few_smoothed_levels_is_what_is_above_half(tmp_path: Path, times: int):
    smooth = supersampled(disc(192, 40.5), times)
    assert 4 < len(np.unique(smooth)) <= 33
    Image.fromarray(smooth).save(tmp_path / "m.png")
    np.testing.assert_array_equal(part(open_segmentation(tmp_path / "m.png"))[0], smooth > 127.5)


@pytest.mark.parametrize("values", [(1, 2, 3, 4, 5), (1, 2, 4, 7, 255), (50, 100, 150, 200, 255), (64, 128, 255)])
def test_nested_labels_are_labels_even_where_they_are_spread_over_the_gray_levels(tmp_path: Path, values):
    labels = np.zeros((64, 64), np.uint8)
    for number, value in enumerate(values):
        labels[disc(64, 24 - 4 * number)] = value
    Image.fromarray(labels).save(tmp_path / "m.png")
    assert [segment.label for segment in open_segmentation(tmp_path / "m.png").segments] == list(values)


def test_a_thin_border_to_ignore_is_a_label(tmp_path: Path):
    """Small labels with 255 around each, all thin: nothing of them is an edge's gray level."""
    labels = np.zeros((64, 64), np.uint8)
    for label in (1, 2, 3, 4):
        labels[12 * label : 12 * label + 5, 10:50] = 255
        labels[12 * label + 1 : 12 * label + 4, 11:49] = label
    Image.fromarray(labels).save(tmp_path / "m.png")
    assert len(open_segmentation(tmp_path / "m.png").segments) == 5


def test_each_color_is_a_label(tmp_path: Path):
    colors = np.zeros((24, 20, 3), np.uint8)
    colors[2:6, 2:6] = 255, 0, 0
    colors[10:15, 4:9] = 0, 128, 0
    Image.fromarray(colors).save(tmp_path / "m.png")
    labels = open_segmentation(tmp_path / "m.png")
    assert [(name, int(mask.sum())) for name, mask in labels.masks()] == [("color #008000", 25), ("color #ff0000", 16)]


def test_the_index_of_a_palette_is_the_label_not_its_brightness(tmp_path: Path):
    """A gray for label 0 would be a lesion as large as the image, equal brightness one label of two."""
    values = np.zeros((256, 256), np.uint8)
    values[10:40, 20:60] = 1
    values[100:103, 100:103] = 2
    indexed = Image.fromarray(values).convert("P")
    indexed.putpalette([128, 128, 128, 200, 0, 0, 200, 0, 0] + [0] * 759)
    indexed.save(tmp_path / "m.png")
    labels = open_segmentation(tmp_path / "m.png")
    assert [(name, int(mask.sum())) for name, mask in labels.masks()] == [("label 1", 1200), ("label 2", 9)]


def test_a_one_bit_tiff_with_white_as_zero_is_not_inside_out(tmp_path: Path):
    inside = np.zeros((64, 64), bool)
    inside[10:30, 20:40] = True
    tifffile.imwrite(tmp_path / "m.tif", ~inside, photometric="miniswhite", software="scanner")
    assert part(open_segmentation(tmp_path / "m.tif")).sum() == 400


def test_colors_and_gray_in_one_folder_are_labels_of_one_kind(tmp_path: Path):
    for index, color in enumerate([(255, 0, 0), (255, 255, 255), (0, 0, 0)]):
        slice_ = np.zeros((24, 20, 3), np.uint8)
        slice_[3:6, 4:8] = color
        Image.fromarray(slice_).save(tmp_path / f"s_{index}_mask.png")
    labels = open_segmentation(tmp_path)
    assert [(name, np.argwhere(mask)[0].tolist()) for name, mask in labels.masks()] == [
        ("color #ff0000", [0, 3, 4]),
        ("color #ffffff", [1, 3, 4]),
    ]


def test_a_tiff_of_pages_and_a_folder_of_images_are_slices(tmp_path: Path):
    tifffile.imwrite(tmp_path / "m.tif", MASK * np.uint8(255), photometric="minisblack")
    np.testing.assert_array_equal(part(open_segmentation(tmp_path / "m.tif")), MASK)
    folder = tmp_path / "case"
    folder.mkdir()
    for index, slice_ in enumerate(MASK):
        Image.fromarray(heads(1)[0].astype(np.uint8)).save(folder / f"s_{index + 8}.png")
        Image.fromarray(slice_ * np.uint8(255)).save(folder / f"s_{index + 8}_mask.png")
    np.testing.assert_array_equal(part(open_segmentation(folder)), MASK)


def test_a_sample_of_figshare_has_its_mask(tmp_path: Path):
    write_cjdata(tmp_path / "1.mat", heads(1, 64, 48)[0], np.pad(MASK[2], ((0, 40), (0, 28))))
    assert part(open_segmentation(tmp_path / "1.mat")).sum() == MASK[2].sum()


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, tuple(rotation(20, -15, 35)[:2].ravel())])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_dicom_segmentation_lies_on_the_voxels_it_was_drawn_on(tmp_path: Path, orientation, reverse: bool):
    """Empty slices are left out of the file; they are filled in again on the scan."""
    files = write_series(tmp_path / "mr", heads(6, 24, 20), orientation, **COMPLETE)
    files, mask = (files[::-1], MASK[::-1]) if reverse else (files, MASK)
    path = write_segmentation(tmp_path / "s.dcm", files, mask)
    labels = open_segmentation(path)
    scan = open_scan(tmp_path / "mr")
    placed = part(onto_scan(labels, scan))
    # Where each voxel is in the patient, by the images' own attributes.
    normal = np.cross(orientation[:3], orientation[3:])
    index, row, column = np.argwhere(MASK).T
    expected = (
        np.array((-10.0, -20.0, 30.0))
        + np.outer(index * 3.0, normal)
        + np.outer(row * 0.5, orientation[3:])
        + np.outer(column * 0.75, orientation[:3])
    ) * (-1, -1, 1)
    index, row, column = np.argwhere(placed).T
    found = np.c_[column, row, index, np.ones(len(index))] @ scan.affine[:3].T
    order = [np.lexsort(np.round(points, 3).T) for points in (expected, found)]
    np.testing.assert_allclose(found[order[1]], expected[order[0]], atol=1e-3)


def test_segments_may_overlap_and_keep_their_names(tmp_path: Path):
    files = write_series(tmp_path / "mr", heads(6, 24, 20), **COMPLETE)
    inner = np.zeros_like(MASK)
    inner[3, 6:9, 4:6] = True
    labels = open_segmentation(write_segmentation(tmp_path / "s.dcm", files, MASK, inner))
    assert [(name, int(mask.sum())) for name, mask in labels.masks()] == [
        ("tumor 1", int(MASK.sum())),
        ("tumor 2", int(inner.sum())),
    ]


def test_a_fractional_segmentation_is_cut_at_one_half(tmp_path: Path):
    files = write_series(tmp_path / "mr", heads(6, 24, 20), **COMPLETE)
    labels = open_segmentation(write_segmentation(tmp_path / "s.dcm", files, MASK * 0.8, kind="FRACTIONAL"))
    assert int(part(labels).sum()) == MASK.sum()
    assert "one half" in texts(labels.notes)[0]


def test_a_file_named_after_the_patient_does_not_name_the_case(tmp_path: Path):
    files = write_series(tmp_path / "mr", heads(6, 24, 20), **COMPLETE)
    labels = open_segmentation(write_segmentation(tmp_path / "doe_jane.dcm", files, MASK))
    assert "doe" not in labels.case.lower()


@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_mask_stored_along_other_axes_comes_onto_the_scan(tmp_path: Path, turn: tuple[int, int, int]):
    volume = heads(16, 24, 20).transpose(2, 1, 0)
    mask = np.zeros(volume.shape, np.uint8)
    mask[3:9, 5:12, 2:5] = 1
    affine = AFFINE @ np.diag([1, 1, 0.3, 1])
    write_nifti(tmp_path / "scan.nii", volume, affine)
    stored = np.flip(mask.transpose(turn), 0)
    place = affine[:, [*turn, 3]] @ np.array(
        [[-1, 0, 0, stored.shape[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )
    labels = open_segmentation(write_nifti(tmp_path / "m.nii", stored, place))
    scan = open_scan(tmp_path / "scan.nii")
    placed = part(onto_scan(labels, scan))
    np.testing.assert_array_equal(scan.stored.to_stored(placed), mask)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: write_nifti(p / "m.nii", np.where(of_columns(MASK), np.nan, 0).astype("f4")), "NaN or infinite"),
        (lambda p: write_nifti(p / "m.nii", np.zeros((8, 9, 10, 4), np.uint8)), "4 volumes; a mask has one"),
        (lambda p: write_nifti(p / "m.nii", heads(6).transpose(2, 1, 0)), "an image, not a mask"),
        (lambda p: write_nifti(p / "m.nii", -of_columns(MASK).astype("i2")), "below zero"),
        (lambda p: write_nifti(p / "m.nii", of_columns(MASK) * np.float32(1.5)), "fractions up to 1.5"),
        (lambda p: p / "none.nii", "no such mask"),
        (lambda p: p, "holds no mask"),
        (lambda p: write_dicom(p / "mr.dcm", heads(1)[0]), "not a DICOM segmentation (modality MR)"),
    ],
)
def test_what_is_not_a_mask_is_refused_in_one_line(tmp_path: Path, make, message: str):
    with pytest.raises(UnreadableScan) as error:
        open_segmentation(make(tmp_path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_empty_mask_has_no_parts(tmp_path: Path):
    assert open_segmentation(write_nifti(tmp_path / "m.nii", of_columns(np.zeros_like(MASK)), AFFINE)).is_empty


def test_a_mask_of_another_shape_or_elsewhere_does_not_fit(tmp_path: Path):
    volume = heads(16, 24, 20).transpose(2, 1, 0)
    scan = open_scan(write_nifti(tmp_path / "scan.nii", volume, AFFINE))
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.47
    turned = AFFINE.copy()
    turned[:3, :3] = rotation(0, 0, 8) @ turned[:3, :3]
    far = AFFINE.copy()
    far[2, 3] += 400
    whole = np.ones(volume.shape, np.uint8)
    for affine, message in ((shifted, "resample"), (turned, "resample"), (far, "beyond the scan")):
        labels = open_segmentation(write_nifti(tmp_path / "m.nii", whole, affine))
        with pytest.raises(UnreadableScan, match=message):
            onto_scan(labels, scan)
    Image.fromarray(MASK[2] * np.uint8(255)).save(tmp_path / "m.png")
    with pytest.raises(UnreadableScan, match="1×24×20, the scan 16×24×20"):
        onto_scan(open_segmentation(tmp_path / "m.png"), scan)


def test_a_drawing_saved_under_the_header_of_a_4d_image_is_its_one_volume(tmp_path: Path):
    content = nibabel.Nifti1Image(of_columns(MASK)[..., None].repeat(3, -1), AFFINE).to_bytes()
    (tmp_path / "m.nii").write_bytes(content[: 352 + MASK.size])
    labels = open_segmentation(tmp_path / "m.nii")
    np.testing.assert_array_equal(part(labels), MASK)
    assert "the header promises 3 volumes, but the file holds one, which is read" in texts(labels.notes)


def test_voxels_that_are_missing_beside_their_header_are_named(tmp_path):
    (tmp_path / "a.hdr").write_bytes(bytes(348))
    with pytest.raises(UnreadableScan, match="no such mask"):
        open_segmentation(tmp_path / "a.img")
