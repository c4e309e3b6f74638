"""Small values that several tests need: fake networks, cards, miniature data sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from tumorscope.datasets.phantom import Phantom, make_phantom, plausible_lesion, write_lgg_folder
from tumorscope.inference.bundles import Bundle, Card, Inputs, Model, OperatingPoint
from tumorscope.inference.engine import Engine
from tumorscope.preprocessing import Preparation


def card(**changes: Any) -> Card:
    """A card of a network for T1, FLAIR and T1c, with the given changes."""
    fields: dict[str, Any] = {
        "name": "fake",
        "version": "1",
        "title": "A fake",
        "inputs": Inputs(sequences=("t1", "flair", "t1c"), substitutes={"t1": ("flair",), "t1c": ("flair",)}),
        "preparation": Preparation(size=96),
        "outputs": ("presence", "mask"),
        "operating_point": OperatingPoint(),
        "models": (Model(file="model.onnx", sha256="0" * 64, precision="float"),),
    }
    return Card(**{**fields, **changes})


def bright_flair(images: np.ndarray, threshold: float = 4.0) -> dict[str, np.ndarray]:
    """Stands for a network: FLAIR far over the median is tumor, and where there is much of it, presence."""
    flair = images[:, images.shape[1] // 3 + 1 if images.shape[1] > 3 else 1]
    mask = (flair - threshold) * 20
    return {"presence": ((mask > 0).mean(axis=(1, 2)) - 0.01) * 1000, "mask": mask}


def fake_engine(session: Callable[[np.ndarray], dict[str, np.ndarray]] = bright_flair, **changes: Any) -> Engine:
    """An engine whose network is a function."""
    return Engine(Bundle(Path("fake"), card(**changes)), "fake", "float", session)


def write_bundle(folder: Path, model: bytes, **changes: Any) -> Path:
    """A bundle's folder on disk, with whatever stands for a model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    listed = (Model(file="model.onnx", sha256=hashlib.sha256(model).hexdigest(), precision="float"),)
    content = card(models=listed, **changes).model_dump(mode="json", by_alias=True)
    (folder / "card.json").write_text(json.dumps(content))
    return folder


def write_miniature_lgg(folder: Path, patients: int = 9, slices: int = 6, size: int = 96) -> Path:
    """A data set of phantoms in the layout of LGG, from three institutions."""
    for number in range(patients):
        phantom = make_phantom([plausible_lesion(number)], seed=number, shape=(slices, size, size))
        write_lgg_folder(phantom, folder, case=f"TCGA_{'ABC'[number % 3]}X_{number:04d}_20000101")
    return folder


def write_miniature_figshare(folder: Path, patients: int = 10, slices: int = 2, size: int = 96) -> Path:
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
            image, mask = _miniature_slice(patient % 3, index, len(folds), size)
            with h5py.File(folder / f"{len(folds)}.mat", "w", userblock_size=512) as file:
                group = file.create_group("cjdata")
                group["PID"] = np.array([[ord(letter)] for letter in f"P{patient:03d}"], np.uint16)
                group["image"] = image.T.astype(np.int16)  # MATLAB stores columns first
                group["label"] = np.array([[patient % 3 + 1.0]])
                group["tumorMask"] = mask.T.astype(np.uint8)
    with h5py.File(folder / "cvind.mat", "w", userblock_size=512) as file:
        file["cvind"] = np.array([folds], float)
    return folder


def write_miniature_classes(
    folder: Path,
    classes: Sequence[str] = ("glioma", "meningioma", "notumor", "pituitary"),
    sides: Mapping[str, int] = MappingProxyType({"Training": 4, "Testing": 2}),
    size: int = 64,
) -> Path:
    """A folder of classes: so many phantom images a class on each side, JPEG in gray.

    The side ``""`` stands for a folder without sides. ``notumor`` is without a lesion.
    """
    number = 0
    for side, count in sides.items():
        for kind in classes:
            (folder / side / kind).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                number += 1
                image, _ = _miniature_slice(None if kind == "notumor" else number % 3, number % 3, number, size)
                Image.fromarray(image).save(folder / side / kind / f"{kind}_{index}.jpg")
    return folder


def _miniature_slice(seed: int | None, index: int, number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
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
