"""Data sets in their publishers' layouts whose every count is known by construction."""

import json
from collections.abc import Iterable
from pathlib import Path

import nibabel
import numpy as np
import tifffile
from PIL import Image


def write_patient(root: Path, case: str, areas: list[int], *, missing: str = "", size: int = 32) -> Path:
    """One patient with the given number of tumor pixels in each slice."""
    chance = np.random.default_rng(sum(map(ord, case)))
    folder = root / case
    folder.mkdir(parents=True)
    for index, area in enumerate(areas, start=1):
        image = chance.integers(0, 255, (size, size, 3), dtype=np.uint8)
        if missing:
            image[..., ("t1", "flair", "t1c").index(missing)] = image[..., 1]
        mask = np.zeros(size * size, np.uint8)
        mask[:area] = 255
        tifffile.imwrite(folder / f"{case}_{index}.tif", image, photometric="rgb")
        tifffile.imwrite(folder / f"{case}_{index}_mask.tif", mask.reshape(size, size))
    return folder


def write_three(root: Path) -> Path:
    """Three patients of two institutions; the last lacks T1 with contrast agent."""
    write_patient(root, "TCGA_AA_0001_20000101", [0, 10, 20])
    write_patient(root, "TCGA_AA_0002_20000101", [0, 0, 0, 0])
    write_patient(root, "TCGA_BB_0003_20000101", [100, 0], missing="t1c")
    return root


def write_image(path: Path, seed: int = 0, size: int = 32) -> None:
    """Noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size, size), np.uint8)).save(path)


def write_mask(path: Path, size: int = 32) -> None:
    """A rectangle of 42 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((size, size), np.uint8)
    mask[4:10, 5:12] = 255
    Image.fromarray(mask).save(path)


def write_br35h(folder: Path, groups: int) -> None:
    """Groups of two images with a tumor, every second group's first with a mask, and one image without a tumor."""
    numbers = {}
    for number in range(2 * groups):
        write_image(folder / "yes" / f"y{number}.jpg", number)
        numbers[f"y{number}.jpg"] = number // 2
        if number % 4 == 0:
            write_mask(folder / "masks" / f"y{number}.png")
    write_image(folder / "no" / "no1.jpg", 99)
    (folder / "groups.json").write_text(json.dumps(numbers))


def write_brisc(folder: Path, per_type: int) -> None:
    """Images of each type, each type in one plane, and coronal ones without a tumor."""
    train = folder / "segmentation_task" / "train"
    for number, kind in enumerate(["gl_ax", "me_co", "pi_sa"] * per_type):
        name = f"brisc2025_train_{number:05}_{kind}_t1"
        write_image(train / "images" / f"{name}.jpg", number)
        write_mask(train / "masks" / f"{name}.png")
    for number in range(per_type):
        negatives = folder / "classification_task" / "train" / "no_tumor"
        write_image(negatives / f"brisc_{number}_no_co_t1.jpg", 100 + number)


def write_brats(folder: Path, case: str, joint: str, names: Iterable[str]) -> None:
    """A case of six slices; the tumor has 16 pixels in two of them, of 1×1×6 mm."""
    (folder / case).mkdir(parents=True)
    for seed, name in enumerate(names):
        values = np.random.default_rng(seed).integers(1, 200, (20, 18, 6)).astype(np.int16)
        if name == "seg":
            values = np.zeros((20, 18, 6), np.int16)
            values[4:8, 5:9, 2:4] = 4
            values[4:6, 5:9, 2:4] = 2
        nibabel.save(
            nibabel.Nifti1Image(values, np.diag([1.0, 1, 6, 1])), folder / case / f"{case}{joint}{name}.nii.gz"
        )
