from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from reading.files import head, lgg_slice

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import open_scan
from tumorscope.io.images import natural


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def test_a_gray_image_is_one_unknown_slice_without_size(tmp_path: Path):
    scan = open_scan(save(tmp_path / "a.png", head()))
    assert (scan.shape, scan.sequences, scan.kind, scan.affine) == ((1, 64, 48), ("unknown",), "image", None)
    assert scan.case == "a"
    assert scan.source == tmp_path / "a.png"


def test_a_path_may_be_text(tmp_path: Path):
    assert open_scan(str(save(tmp_path / "a.png", head()))).case == "a"


def test_gray_saved_as_rgb_is_one_channel(tmp_path: Path):
    scan = open_scan(save(tmp_path / "a.png", np.repeat(head()[..., None], 3, -1)))
    assert scan.sequences == ("unknown",)
    assert np.array_equal(scan.voxels[0, :, :, 0], head())


def test_three_different_channels_are_the_lgg_layout_and_a_note_says_so(tmp_path: Path):
    scan = open_scan(save(tmp_path / "a.png", lgg_slice()))
    assert scan.sequences == ("t1", "flair", "t1c")
    assert "layout of the LGG data set" in texts(scan.notes)[0]


def test_the_user_may_name_the_channels(tmp_path: Path):
    path = save(tmp_path / "a.png", lgg_slice())
    scan = open_scan(path, channels=["flair", "t1", "t2"])
    assert scan.sequences == ("flair", "t1", "t2")
    assert texts(scan.notes) == ()
    assert open_scan(save(tmp_path / "b.png", head()), channels=["t2"]).sequences == ("t2",)


def test_naming_the_channels_lets_a_crop_without_background_in(tmp_path: Path):
    path = save(tmp_path / "a.png", lgg_slice()[20:44, 14:34])
    with pytest.raises(UnreadableScan, match="looks like a color photograph, not an MRI"):
        open_scan(path)
    assert open_scan(path, channels=["t1", "flair", "t1c"]).shape == (1, 24, 20)


def test_pages_are_slices(tmp_path: Path):
    pages = np.stack([head(seed=seed) for seed in range(5)])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    scan = open_scan(tmp_path / "a.tif")
    assert (scan.kind, scan.shape) == ("slices", (5, 64, 48))
    assert scan.slice_names[1] == "a.tif#2"


def test_a_folder_of_images_is_in_natural_order_without_masks(tmp_path: Path):
    for number in (1, 2, 10, 11):
        save(tmp_path / "p" / f"slice{number}.png", head(seed=number))
        save(tmp_path / "p" / f"slice{number}_mask.png", (head(seed=number) > 100).astype(np.uint8))
    (tmp_path / "p" / "notes.txt").write_text("hello")
    scan = open_scan(tmp_path / "p")
    assert scan.slice_names == ("slice1.png", "slice2.png", "slice10.png", "slice11.png")
    assert np.array_equal(scan.voxels[2, :, :, 0], head(seed=10))
    assert (scan.kind, scan.case) == ("slices", "p")


def test_a_folder_may_mix_gray_and_gray_saved_as_rgb(tmp_path: Path):
    save(tmp_path / "p" / "1.png", head())
    save(tmp_path / "p" / "2.png", np.repeat(head(seed=1)[..., None], 3, -1))
    assert open_scan(tmp_path / "p").voxels.shape == (2, 64, 48, 1)


def test_a_folder_of_numbered_tiffs_is_the_lgg_layout(tmp_path: Path):
    for number in (1, 2, 10):
        save(tmp_path / "p" / f"x_{number}.tif", lgg_slice(seed=number))
    scan = open_scan(tmp_path / "p")
    assert scan.sequences == ("t1", "flair", "t1c")
    assert scan.slice_names == ("x_1.tif", "x_2.tif", "x_10.tif")


def test_numbered_tiffs_of_one_gray_sequence_are_unknown_unless_the_publisher_named_them(tmp_path: Path):
    gray = np.repeat(head()[..., None], 3, -1)
    for folder in ("p", "TCGA_DU_7013_19860523"):
        save(tmp_path / folder / "x_1.tif", gray)
    assert open_scan(tmp_path / "p").sequences == ("unknown",)
    published = open_scan(tmp_path / "TCGA_DU_7013_19860523")
    assert published.sequences == ("t1", "flair", "t1c")
    assert len(texts(published.notes)) == 2


def test_a_damaged_slice_is_not_silently_left_out(tmp_path: Path):
    for number in (1, 2, 3):
        save(tmp_path / "p" / f"a{number}.png", head(seed=number))
    (tmp_path / "p" / "a2.png").write_bytes(b"")
    with pytest.raises(UnreadableScan, match="a2.png: the file is empty"):
        open_scan(tmp_path / "p")


def test_natural_order_counts():
    assert sorted(["a10", "a2", "b1", "a1"], key=natural) == ["a1", "a2", "a10", "b1"]


@pytest.mark.real
def test_a_real_lgg_slice_opens_alone_and_in_its_folder(lgg_folder: Path):
    folder = lgg_folder / "TCGA_CS_4941_19960909"
    alone = open_scan(folder / "TCGA_CS_4941_19960909_12.tif")
    together = open_scan(folder)
    assert alone.sequences == together.sequences == ("t1", "flair", "t1c")
    assert np.array_equal(alone.voxels[0], together.voxels[11])
