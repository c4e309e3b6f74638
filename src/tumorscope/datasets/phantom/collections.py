"""Small data sets of phantoms in the layout of published ones: examples and tests run on them where no data is."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.phantom.build import Phantom, make_phantom
from tumorscope.datasets.phantom.examples import plausible_lesion
from tumorscope.datasets.phantom.writing import write_lgg_folder


def example_data(name: str, folder: Path | str) -> Path:
    """The folder of a real data set where one is named, or else of a few phantoms in its layout.

    Args:
        name: ``lgg``, ``figshare``, or ``own`` for images and masks as one's own. Where the environment variable
            ``TUMORSCOPE_LGG``, ``TUMORSCOPE_FIGSHARE`` or ``TUMORSCOPE_OWN`` is set, it is the folder of the real data.
        folder: where phantoms are written, in a folder of the data set's name; kept if they are already there.

    Raises:
        TumorscopeError: there is no such example.
    """
    if name not in _WRITERS:
        raise TumorscopeError(f"no example data {name!r}; there are {', '.join(_WRITERS)}")
    real = os.environ.get(f"TUMORSCOPE_{name.upper()}")
    if real:
        return Path(real)
    target = Path(folder) / name
    return target if target.exists() else _WRITERS[name](target)


def write_phantom_lgg(folder: Path, patients: int = 9, slices: int = 6, size: int = 96) -> Path:
    """A data set of phantoms in the layout of LGG, from three institutions."""
    for number in range(patients):
        phantom = make_phantom([plausible_lesion(number)], seed=number, shape=(slices, size, size))
        write_lgg_folder(phantom, folder, case=f"TCGA_{'ABC'[number % 3]}X_{number:04d}_20000101")
    return folder


def write_phantom_figshare(folder: Path, patients: int = 10, slices: int = 2, size: int = 96) -> Path:
    """A data set of phantoms in the layout of figshare, each patient in one of the five folds.

    Types take turns: the first patient has a meningioma, the second a glioma, the third a
    pituitary tumor. Patients are ``P000`` and so on, slices ``1.mat`` and so on; at most
    three slices a patient.
    """
    import h5py

    folder.mkdir(parents=True, exist_ok=True)
    folds = []
    for patient in range(patients):
        for index in range(slices):
            folds.append(patient % 5 + 1)
            image, mask = draw_small_slice(patient % 3, index, len(folds), size)
            with h5py.File(folder / f"{len(folds)}.mat", "w", userblock_size=512) as file:
                group = file.create_group("cjdata")
                group["PID"] = np.array([[ord(letter)] for letter in f"P{patient:03d}"], np.uint16)
                group["image"] = image.T.astype(np.int16)  # MATLAB stores columns first
                group["label"] = np.array([[patient % 3 + 1.0]])
                group["tumorMask"] = mask.T.astype(np.uint8)
    with h5py.File(folder / "cvind.mat", "w", userblock_size=512) as file:
        file["cvind"] = np.array([folds], float)
    return folder


def write_phantom_masks(folder: Path, patients: int = 8, slices: int = 3, size: int = 96) -> Path:
    """``images/P0_0.png`` and ``masks/P0_0.png``: contrast-enhanced T1, the last slice of each patient without tumor."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for patient in range(patients):
        for index in range(slices):
            seed = None if index == slices - 1 else patient % 3
            image, mask = draw_small_slice(seed, index, patient * slices + index, size)
            Image.fromarray(image).save(folder / "images" / f"P{patient}_{index}.png")
            Image.fromarray(mask).save(folder / "masks" / f"P{patient}_{index}.png")
    return folder


def draw_small_slice(seed: int | None, index: int, number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A gray slice (uint8) with noise of its own, and its mask; without a lesion if there is no seed."""
    phantom = _small_phantom(seed)
    place = int(np.argsort(-phantom.mask.sum(axis=(1, 2)), kind="stable")[index])
    gray = Image.fromarray(phantom.scan.voxels[place, :, :, 0].astype(np.float32) * 0.2).resize((size, size))
    noisy = np.asarray(gray) + np.random.default_rng(number).normal(0, 3, (size, size))
    mask = Image.fromarray(phantom.mask[place]).resize((size, size), Image.Resampling.NEAREST)
    return np.clip(noisy, 0, 255).astype(np.uint8), np.asarray(mask, bool)


@cache
def _small_phantom(seed: int | None) -> Phantom:
    lesions = [] if seed is None else [plausible_lesion(seed, "enhancing")]
    return make_phantom(lesions, seed=seed or 0, shape=(9, 96, 96), sequences=("t1c",))


_WRITERS: dict[str, Callable[[Path], Path]] = {
    "lgg": write_phantom_lgg,
    "figshare": write_phantom_figshare,
    "own": write_phantom_masks,
}
