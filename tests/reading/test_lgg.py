from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from reading.files import lgg_slice

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io.lgg_patient import (
    CHANNELS,
    is_lgg_folder,
    missing_sequences,
    read_lgg_folder,
    read_lgg_mask,
    slice_files,
)


def write_patient(folder: Path, slices: int = 12, masks: bool = True) -> Path:
    folder.mkdir()
    for number in range(1, slices + 1):
        tifffile.imwrite(folder / f"case_{number}.tif", lgg_slice(seed=number), photometric="rgb")
        if masks:
            mask = np.zeros((64, 48), np.uint8)
            mask[10 : 10 + number, 20:25] = 255
            tifffile.imwrite(folder / f"case_{number}_mask.tif", mask)
    return folder


def test_slices_are_ordered_by_number_not_by_letter(tmp_path: Path):
    names = [path.name for path in slice_files(write_patient(tmp_path / "p"))]
    assert names == [f"case_{number}.tif" for number in range(1, 13)]


def test_a_patient_has_the_three_sequences_in_order(tmp_path: Path):
    scan = read_lgg_folder(write_patient(tmp_path / "p"))
    assert scan.sequences == CHANNELS
    assert scan.shape == (12, 64, 48)
    assert np.array_equal(scan.voxels[9], lgg_slice(seed=10))
    assert scan.case == "p"
    assert texts(scan.notes) == ()


def test_masks_belong_to_their_slices(tmp_path: Path):
    mask = read_lgg_mask(write_patient(tmp_path / "p"))
    assert mask.sum(axis=(1, 2)).tolist() == [5 * number for number in range(1, 13)]


def test_a_slice_without_a_mask_file_is_empty(tmp_path: Path):
    folder = write_patient(tmp_path / "p")
    (folder / "case_3_mask.tif").unlink()
    assert read_lgg_mask(folder)[2].sum() == 0


def test_no_mask_at_all_is_an_error(tmp_path: Path):
    with pytest.raises(UnreadableScan, match="no .*_mask.tif"):
        read_lgg_mask(write_patient(tmp_path / "p", masks=False))


@pytest.mark.parametrize("noise", [0, 5])
def test_a_copy_of_flair_is_a_missing_sequence_even_after_compression(noise: int):
    voxels = np.stack([lgg_slice(seed=seed) for seed in range(3)]).astype(int)
    voxels[..., 2] = voxels[..., 1]
    if noise:
        voxels[:, ::4, ::4, 2] += noise
    assert missing_sequences(np.clip(voxels, 0, 255).astype(np.uint8)) == ["t1c"]


def test_an_empty_folder_is_not_lgg(tmp_path: Path):
    assert not is_lgg_folder(tmp_path)


@pytest.mark.real
def test_the_real_patients_that_lack_sequences_are_known(lgg_folder: Path):
    assert texts(read_lgg_folder(lgg_folder / "TCGA_FG_7634_20000128").notes) == (
        "t1c is missing; FLAIR is used instead",
    )
    assert texts(read_lgg_folder(lgg_folder / "TCGA_CS_4941_19960909").notes) == ()
