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


def write_mask(path: Path, size: int = 32, value: int = 255) -> None:
    """A rectangle of 42 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((size, size), np.uint8)
    mask[4:10, 5:12] = value
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


def write_masks(folder: Path, patients: int = 5, slices: int = 2) -> Path:
    """``images/P0_1.png`` and ``masks/P0_1.png``; every patient's first slice has a tumor of 42 pixels."""
    for number in range(patients):
        for index in range(slices):
            write_image(folder / "images" / f"P{number}_{index}.png", 10 * number + index)
            write_mask(folder / "masks" / f"P{number}_{index}.png", value=0 if index else 255)
    return folder


def write_table(folder: Path, patients: int = 5) -> Path:
    """``cases.csv`` with images, masks, labels and patients; the second image of each patient is without a tumor."""
    rows = ["image,mask,label,patient"]
    for number in range(patients):
        write_image(folder / f"{number}a.png", number)
        write_mask(folder / f"{number}a_mask.png")
        write_image(folder / f"{number}b.png", 50 + number)
        rows += [f"{number}a.png,{number}a_mask.png,glioma,p{number}", f"{number}b.png,,no tumor,p{number}"]
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_nnunet(folder: Path, cases: int = 4, labels: object = None, value: int = 1, ending: str = ".nii.gz") -> Path:
    """A raw data set of version 2: FLAIR and T1, one label unless others are given, 32 voxels of tumor in each case."""
    for number in range(cases):
        for channel in range(2):
            write_volume(folder / "imagesTr" / f"tumor_{number:03}_{channel:04}{ending}", noise(2 * number + channel))
        write_volume(folder / "labelsTr" / f"tumor_{number:03}{ending}", box(value))
    description = {
        "channel_names": {"0": "FLAIR", "1": "T1"},
        "labels": labels or {"background": 0, "tumor": 1},
        "numTraining": cases,
        "file_ending": ending,
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def write_own_cases(folder: Path, cases: int = 4, value: int = 1) -> Path:
    """``A0x/x_flair.nii.gz``, ``A0x/x_T1w.nii.gz`` and ``A0x/x_seg.nii.gz``."""
    for number in range(cases):
        case = folder / f"A{number}x"
        write_volume(case / "x_flair.nii.gz", noise(2 * number))
        write_volume(case / "x_T1w.nii.gz", noise(2 * number + 1))
        write_volume(case / "x_seg.nii.gz", box(value))
    return folder


def noise(seed: int) -> np.ndarray:
    """A volume of six slices, ``(column, row, slice)``."""
    return np.random.default_rng(seed).integers(1, 200, (20, 18, 6)).astype(np.int16)


def box(value: int) -> np.ndarray:
    """A label of 4×4 voxels in two slices."""
    labels = np.zeros((20, 18, 6), np.int16)
    labels[4:8, 5:9, 2:4] = value
    return labels


def write_volume(path: Path, values: np.ndarray) -> None:
    """Voxels of 1×1×6 mm."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1, 6, 1])), path)


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
