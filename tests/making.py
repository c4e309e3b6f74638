"""Small values that several tests need: fake networks, cards, miniature data sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from tumorscope.datasets.phantom import write_phantom_figshare, write_phantom_lgg
from tumorscope.datasets.phantom.collections import draw_small_slice
from tumorscope.inference.bundles import Bundle, Card, Inputs, Model, OperatingPoint
from tumorscope.inference.engine import Engine
from tumorscope.preprocessing import Preparation

write_miniature_figshare, write_miniature_lgg = write_phantom_figshare, write_phantom_lgg


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
                image, _ = draw_small_slice(None if kind == "notumor" else number % 3, number % 3, number, size)
                Image.fromarray(image).save(folder / side / kind / f"{kind}_{index}.jpg")
    return folder
