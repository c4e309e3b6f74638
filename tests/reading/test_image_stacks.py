"""Images whose names count up: slices of one scan, or images of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.io.case_grouping import group_images
from tumorscope.io.image_stacks import is_one_scan


def slices() -> np.ndarray:
    """Of a phantom's head, uint8 ``(slice, row, column)``."""
    scan = make_phantom([plausible_lesion(1)], seed=1, shape=(24, 64, 64), sequences=("flair",)).scan
    voxels = scan.channel("flair").astype(float)
    return (255 * voxels / voxels.max()).astype(np.uint8)


def save(folder: Path, images, name: str = "slice_{}.png") -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name.format(number) for number in range(len(images))]
    for path, image in zip(files, images, strict=True):
        Image.fromarray(image).save(path)
    return files


def unrelated() -> list[np.ndarray]:
    """The same slice turned and mirrored, so that no neighbors are alike."""
    middle = slices()[12]
    middle[:32] //= 3
    return [np.ascontiguousarray(np.rot90(middle, number)) for number in range(24)]


def test_a_scans_slices_are_one_scan_with_or_without_every_second_one(tmp_path: Path):
    assert is_one_scan(save(tmp_path / "all", slices()))
    assert is_one_scan(save(tmp_path / "half", slices()[::2]))


def test_sixteen_bits_change_nothing(tmp_path: Path):
    assert is_one_scan(save(tmp_path, slices().astype(np.uint16) * 200))


def test_unlike_neighbors_are_images_of_their_own(tmp_path: Path):
    files = save(tmp_path, unrelated(), "Tr-gl_{}.png")
    assert not is_one_scan(files)
    assert [group.files for group in group_images(files)] == [(path,) for path in sorted(files)]


def test_one_unlike_slice_is_a_slice_all_the_same(tmp_path: Path):
    images = slices()
    images[12] = np.flipud(images[12])
    assert is_one_scan(save(tmp_path, images))


def test_images_of_many_sizes_are_images_of_their_own_and_one_odd_size_is_left_to_the_reader(tmp_path: Path):
    images = list(slices())
    assert is_one_scan(save(tmp_path / "one", [*images[:-1], images[-1][:50]]))
    assert not is_one_scan(save(tmp_path / "many", [image[: 40 + number] for number, image in enumerate(images)]))


@pytest.mark.parametrize(
    ("folder", "other", "together"),
    [
        ("glioma", "notumor", False),
        ("yes", "no", False),
        ("glioma_tumor", "no_tumor", False),
        ("512Glioma", "512Normal", False),
        ("Astrocitoma T1C+", "Schwannoma T2", False),
        ("glioma", "masks", True),
        ("p1", "p2", True),
    ],
)
def test_a_folder_of_a_class_beside_another_holds_images_of_their_own(folder, other, together, tmp_path: Path):
    (tmp_path / other).mkdir()
    assert is_one_scan(save(tmp_path / folder, slices())) == together


def test_names_of_the_lgg_data_set_and_damaged_images_are_left_to_their_reader(tmp_path: Path):
    assert is_one_scan(save(tmp_path / "lgg", unrelated(), "TCGA_CS_4941_19960909_{}.tif"))
    files = save(tmp_path / "damaged", unrelated())
    files[12].write_bytes(files[12].read_bytes()[:200])
    assert is_one_scan(files)
