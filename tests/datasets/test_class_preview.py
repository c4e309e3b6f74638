import h5py
import numpy as np
import pytest
from making import write_miniature_classes, write_miniature_figshare
from reading.files import write_cjdata

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.class_preview import draw_class_preview
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.folders import FolderDataset

TILE, GAP, LEFT, TOP, CAPTION = 176, 6, 116, 8, 20
"""Of the sheet, in pixels."""


def tile(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    top, left = TOP + row * (TILE + CAPTION + GAP), LEFT + column * (TILE + GAP)
    return sheet[top : top + TILE, left : left + TILE]


def red(image: np.ndarray) -> np.ndarray:
    return (image[..., 0] > 180) & (image[..., 1] < 110) & (image[..., 2] < 110)


def test_a_row_a_class_and_a_column_a_image_but_no_more_than_there_are(tmp_path):
    dataset = FolderDataset.open(write_miniature_classes(tmp_path, sides={"Training": 2, "Testing": 1}))
    for count, columns in ((1, 1), (2, 2), (9, 3)):
        sheet = draw_class_preview(dataset, count)
        assert sheet.size == (LEFT + columns * (TILE + GAP), TOP + 4 * (TILE + CAPTION + GAP))
    pixels = np.asarray(sheet)
    for row in range(4):
        assert all(tile(pixels, row, column).max() > 200 for column in range(3))
    assert not red(pixels).any()  # nobody says where the tumors are


def test_the_same_seed_draws_the_same_images(tmp_path):
    dataset = FolderDataset.open(write_miniature_classes(tmp_path))
    assert draw_class_preview(dataset, 2).tobytes() == draw_class_preview(dataset, 2).tobytes()
    assert draw_class_preview(dataset, 2).tobytes() != draw_class_preview(dataset, 2, seed=1).tobytes()


def write_square(folder):
    """One slice as large as a tile with a square tumor: rows 20 to 59, columns 100 to 129."""
    image = np.tile(np.arange(176, dtype=np.int16), (176, 1))
    mask = np.zeros((176, 176), bool)
    mask[20:60, 100:130] = True
    write_cjdata(folder / "1.mat", image, mask)
    return folder


def test_the_contour_is_around_the_tumor_which_stays_visible(tmp_path):
    sheet = np.asarray(draw_class_preview(FigshareDataset.open(write_square(tmp_path)), 1))
    assert sheet.shape[0] == TOP + 3 * (TILE + CAPTION + GAP)  # the types without a slice keep their rows
    line = red(tile(sheet, 0, 0))
    rows, columns = np.nonzero(line)
    assert 18 <= rows.min() <= 20
    assert 59 <= rows.max() <= 61
    assert 98 <= columns.min() <= 100
    assert 129 <= columns.max() <= 131
    assert not line[22:58, 102:128].any()
    assert not red(tile(sheet, 1, 0)).any()


def test_sides_keep_their_proportion(tmp_path):
    image = np.full((100, 50), 200, np.int16)
    image[:, :5] = 0
    write_cjdata(tmp_path / "1.mat", image, np.zeros((100, 50), bool))
    found = tile(np.asarray(draw_class_preview(FigshareDataset.open(tmp_path), 1)), 0, 0)
    bright = np.nonzero((found > 200).all(axis=-1))
    assert np.ptp(bright[0]) + 1 == 176
    assert abs(np.ptp(bright[1]) + 1 - 0.9 * 88) <= 2


def test_patients_take_turns(tmp_path):
    """Of nine slices of one patient and one of another, two images show both patients."""
    write_miniature_figshare(tmp_path, patients=1, slices=1, size=64)
    for number in range(2, 11):
        code = np.array([[ord(letter)] for letter in "P000"], np.uint16)
        image = np.tile(np.arange(64, dtype=np.int16), (64, 1))
        write_cjdata(tmp_path / f"{number}.mat", image, image > 60, PID=code, label=np.array([[1.0]]))
    with h5py.File(tmp_path / "1.mat", "a") as file:
        file["cjdata/PID"][:] = np.array([[ord(letter)] for letter in "P001"], np.uint16)
    for seed in range(5):
        sheet = np.asarray(draw_class_preview(FigshareDataset.open(tmp_path), 2, seed))
        ramps = [bool((np.diff(tile(sheet, 1, k)[88, :150, 2].astype(int)) >= 0).all()) for k in range(2)]
        assert sorted(ramps) == [False, True]


def test_a_broken_image_is_passed_over(tmp_path):
    write_miniature_classes(tmp_path, ("glioma", "notumor"), {"": 2})
    (tmp_path / "glioma" / "glioma_0.jpg").write_bytes(b"")
    sheet = np.asarray(draw_class_preview(FolderDataset.open(tmp_path), 2))
    assert tile(sheet, 0, 0).max() > 200
    assert tile(sheet, 0, 1).max() < 30


def test_nothing_to_show_is_an_error(tmp_path):
    for kind in ("glioma", "notumor"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.png").write_bytes(b"")
    with pytest.raises(BadDataset, match="not one image can be shown"):
        draw_class_preview(FolderDataset.open(tmp_path))
