"""Pictures in the LGG layout whose every count is known by construction."""

from pathlib import Path

import numpy as np
import tifffile


def write_patient(root: Path, case: str, areas: list[int], *, missing: str = "", size: int = 32) -> Path:
    """One patient with the given number of tumour pixels in each slice."""
    chance = np.random.default_rng(sum(map(ord, case)))
    folder = root / case
    folder.mkdir(parents=True)
    for index, area in enumerate(areas, start=1):
        picture = chance.integers(0, 255, (size, size, 3), dtype=np.uint8)
        if missing:
            picture[..., ("t1", "flair", "t1c").index(missing)] = picture[..., 1]
        mask = np.zeros(size * size, np.uint8)
        mask[:area] = 255
        tifffile.imwrite(folder / f"{case}_{index}.tif", picture, photometric="rgb")
        tifffile.imwrite(folder / f"{case}_{index}_mask.tif", mask.reshape(size, size))
    return folder


def write_three(root: Path) -> Path:
    """Three patients of two institutions; the last lacks T1 with contrast agent."""
    write_patient(root, "TCGA_AA_0001_20000101", [0, 10, 20])
    write_patient(root, "TCGA_AA_0002_20000101", [0, 0, 0, 0])
    write_patient(root, "TCGA_BB_0003_20000101", [100, 0], missing="t1c")
    return root
