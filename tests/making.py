"""Small values that several tests need: fake networks, cards, miniature data sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.bundles import Bundle, Card, Inputs, Model, OperatingPoint
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_lgg_folder
from tumorscope.engine import Engine
from tumorscope.preparing import Preparation


def card(**changes: Any) -> Card:
    """A card of a network for T1, FLAIR and T1c, with the given changes."""
    fields: dict[str, Any] = {
        "name": "fake",
        "version": "1",
        "title": "A fake",
        "inputs": Inputs(sequences=("t1", "flair", "t1c"), stands_in={"t1": "flair", "t1c": "flair"}),
        "preparation": Preparation(size=96),
        "outputs": ("presence", "mask"),
        "operating_point": OperatingPoint(),
        "models": (Model(file="model.onnx", sha256="0" * 64, precision="float"),),
    }
    return Card(**{**fields, **changes})


def bright_flair(pictures: np.ndarray, threshold: float = 4.0) -> dict[str, np.ndarray]:
    """Stands for a network: FLAIR far over the median is tumour, and where there is much of it, presence."""
    flair = pictures[:, pictures.shape[1] // 3 + 1 if pictures.shape[1] > 3 else 1]
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
