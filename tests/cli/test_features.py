"""`tumorscope features` through the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from reading.files import heads, write_cjdata, write_nifti, write_series

from tumorscope.cli.features import command
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_lgg_folder

CHANCE = np.random.default_rng(0)
IMAGE = CHANCE.integers(10, 200, (40, 50)).astype(np.uint8)
MASK = np.zeros((40, 50), bool)
MASK[10:20, 15:31] = True


@pytest.fixture
def run(in_empty_folder):
    return in_empty_folder(command)


def table(path: Path = Path("features.csv")) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_image_and_its_mask_give_one_row(run):
    Image.fromarray(IMAGE).save("a.png")
    Image.fromarray(MASK.astype(np.uint8) * 255).save("segmentation.png")
    error, out = run("a.png", "--mask", "segmentation.png", "-o", "table.csv")
    assert error is None, out
    (row,) = table(Path("table.csv"))
    assert (row["case"], row["measured"], row["unit"], row["slices"], row["voxels"]) == ("a", "slice", "px", "1", "160")
    assert float(row["shape2d_area_pixels"]) == 160
    assert float(row["stat_mean"]) == pytest.approx(IMAGE[MASK].mean())
    assert "cm_contrast_2D_comb" in row


def test_the_mask_beside_a_volume_is_found_and_sizes_are_in_millimeters(run):
    volume = CHANCE.integers(0, 900, (20, 24, 18)).astype(np.int16)
    region = np.zeros(volume.shape, np.uint8)
    region[5:9, 6:12, 4:9] = 1
    affine = np.diag([2.0, 1.0, 3.0, 1.0])
    write_nifti(Path("v.nii.gz"), volume, affine)
    write_nifti(Path("v_mask.nii.gz"), region, affine)
    error, out = run("v.nii.gz")
    assert error is None, out
    (row,) = table()
    assert (row["measured"], row["unit"], row["slices"], row["voxels"]) == ("volume", "mm", "5", "120")
    assert float(row["morph_vol_approx"]) == 120 * 6
    assert float(row["stat_mean"]) == pytest.approx(volume[region > 0].mean())
    assert "cm_contrast_3D_comb" in row


def test_figshares_folder_gives_a_row_a_slice_in_order_and_names_the_bad_ones(run):
    for number in (1, 2, 10):
        write_cjdata(Path(f"{number}.mat"), IMAGE.astype(np.int16), MASK)
    Path("3.mat").write_bytes(b"junk")
    write_cjdata(Path("4.mat"), IMAGE.astype(np.int16), np.zeros_like(MASK))
    with h5py.File("cvind.mat", "w", userblock_size=512) as file:  # the data set's folds
        file["cvind"] = np.ones(5)
    error, out = run(".", "-o", "all.csv")
    assert "2 of 5 cases failed" in str(error)
    assert "3.mat" in out
    assert "4.mat: the mask is empty" in out
    assert [row["case"] for row in table(Path("all.csv"))] == ["1", "2", "10"]


def test_slices_and_volumes_share_a_table(run):
    write_cjdata(Path("7.mat"), IMAGE.astype(np.int16), MASK)
    phantom = make_phantom([plausible_lesion(0)], shape=(6, 64, 64))
    folder = write_lgg_folder(phantom, Path("lgg"), case="TCGA_XX_0001_20000101")
    error, out = run("7.mat", folder, "--sequence", "t1c", "--bins", "16")
    assert error is None, out
    one, other = table()
    assert (one["measured"], other["measured"], other["case"]) == ("slice", "volume", "TCGA_XX_0001_20000101")
    assert one["shape2d_area"]
    assert not one["morph_volume"]
    assert other["morph_volume"]
    assert not other["shape2d_area"]


def test_the_choices_of_texture_are_taken(run):
    write_cjdata(Path("7.mat"), IMAGE.astype(np.int16), MASK)
    assert run("7.mat", "--texture", "2D_avg", "--bin-size", "50")[0] is None
    (row,) = table()
    assert "cm_contrast_2D_avg" in row
    assert float(row["ih_max"]) <= 4


def test_a_series_that_lacks_slices_has_no_features_of_a_volume(run):
    write_series(Path("mr"), heads(5), heights=[0, 3, 6, 12, 15])
    error, _ = run("mr", "--mask", "mask.nii")
    assert isinstance(error, TumorscopeError)
    assert "slices are missing" in str(error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing.png",), "no such file"),
        (("a.png",), "no mask beside it"),
        (("a.png", "b.png", "--mask", "m.png"), "belongs to one case"),
        (("7.mat", "--sequence", "flair"), "shows t1c, not flair"),
        (("7.mat", "--texture", "3D_comb"), "single slice"),
    ],
)
def test_a_wrong_call_is_one_clear_line_and_writes_nothing(run, arguments, message):
    Image.fromarray(IMAGE).save("a.png")
    Image.fromarray(IMAGE).save("b.png")
    write_cjdata(Path("7.mat"), IMAGE.astype(np.int16), MASK)
    error, _ = run(*arguments)
    assert isinstance(error, TumorscopeError)
    assert message in str(error)
    assert not Path("features.csv").exists()


@pytest.mark.real
def test_real_slices_are_measured(run, figshare_folder):
    error, out = run(figshare_folder)
    assert error is None, out
    rows = table()
    assert [row["case"] for row in rows] == [str(number) for number in range(1, 21)]
    assert all(float(row["shape2d_area"]) > 100 for row in rows)
