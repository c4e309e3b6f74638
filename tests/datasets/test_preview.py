import numpy as np
import pytest
from datasets.miniature import write_brats, write_patient, write_three

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.brats import BratsDataset
from tumorscope.datasets.lgg import LggDataset
from tumorscope.datasets.preview import draw_preview


def red_pixels(sheet: np.ndarray) -> np.ndarray:
    return np.argwhere((sheet[..., 0] > 180) & (sheet[..., 1] < 110) & (sheet[..., 2] < 110))


def test_a_patient_with_tumor_has_two_rows_and_one_without_has_one(tmp_path):
    dataset = LggDataset.open(write_three(tmp_path))
    heights = [draw_preview(dataset, count, seed=1).height for count in (1, 2, 3, 6)]
    assert heights[2] == heights[3]  # no more than there are
    row = 164
    assert heights[2] == 26 + (2 + 1 + 2) * row


def test_the_same_seed_draws_the_same_patients(tmp_path):
    for k in range(6):
        write_patient(tmp_path, f"TCGA_AA_{k:04d}_20000101", [0, 50 + k])
    dataset = LggDataset.open(tmp_path)
    assert draw_preview(dataset, 2).tobytes() == draw_preview(dataset, 2).tobytes()
    assert draw_preview(dataset, 2).tobytes() != draw_preview(dataset, 2, seed=1).tobytes()


def test_red_lies_only_where_the_mask_is_and_only_in_the_last_column(tmp_path):
    import tifffile

    folder = write_patient(tmp_path, "TCGA_AA_0001_20000101", [16], size=160)  # as large as a tile: no resizing
    name = "TCGA_AA_0001_20000101_1"
    tifffile.imwrite(folder / f"{name}.tif", np.full((160, 160, 3), 40, np.uint8), photometric="rgb")
    mask = np.zeros((160, 160), np.uint8)
    mask[20:60, 100:130] = 255
    tifffile.imwrite(folder / f"{name}_mask.tif", mask)
    sheet = np.asarray(draw_preview(LggDataset.open(tmp_path), 1))
    found = red_pixels(sheet) - (26, 150 + 4 * 164)
    assert found.min(axis=0).tolist() == [20, 100]
    assert found.max(axis=0).tolist() == [59, 129]
    white = np.argwhere((sheet[26:, 150 + 3 * 164 : 150 + 4 * 164 - 4] == 255).all(axis=-1))
    assert len(white) == 40 * 30


def test_a_broken_patient_is_passed_over(tmp_path):
    write_three(tmp_path)
    broken = tmp_path / "TCGA_AA_0002_20000101"
    (broken / f"{broken.name}_1.tif").write_bytes(b"")
    assert draw_preview(LggDataset.open(tmp_path), 3).height == 26 + 4 * 164


def test_nothing_to_show_is_an_error(tmp_path):
    write_three(tmp_path)
    for path in tmp_path.rglob("*_mask.tif"):
        path.unlink()
    with pytest.raises(BadDataset, match="not one patient"):
        draw_preview(LggDataset.open(tmp_path))


def test_a_sequence_that_a_patient_lacks_stays_empty(tmp_path):
    write_brats(tmp_path, "brats_2013_pat0001_1", "_", ("t1ce", "flair", "seg"))
    sheet = np.asarray(draw_preview(BratsDataset.open(tmp_path), 1))
    assert sheet.shape[1] == 150 + 6 * 164
    shown = [sheet[26 : 26 + 160, 150 + 164 * column :][:, :160].std() > 5 for column in range(6)]
    assert shown == [False, True, False, True, True, True]  # T1, T1 contrast, T2, FLAIR, mask, overlay
    assert len(red_pixels(sheet))
