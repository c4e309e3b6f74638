"""Three small patients in the LGG layout, and a bundle whose network is one line of NumPy."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tumorscope.bundles import Bundle, Card
from tumorscope.datasets.lgg import LggDataset
from tumorscope.engine import Engine

SIZE = 64


def write_patient(folder: Path, tumors: dict[int, int], slices: int = 6) -> None:
    """A round head, grey 80, with a square of grey 200 in FLAIR in some slices (slice: side)."""
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    head = (rows - 31.5) ** 2 + (columns - 31.5) ** 2 < 28**2
    for index in range(slices):
        side = tumors.get(index, 0)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[24 : 24 + side, 30 : 30 + side] = 255
        picture = np.where(head, 80, 0).astype(np.uint8)[..., None].repeat(3, axis=-1)
        picture[..., 1][mask > 0] = 200
        picture[::7, ::5][head[::7, ::5]] += 9  # a little texture, so that there is a scale
        tifffile.imwrite(folder / f"{folder.name}_{index + 1}.tif", picture, photometric="rgb")
        tifffile.imwrite(folder / f"{folder.name}_{index + 1}_mask.tif", mask)


@pytest.fixture
def dataset(tmp_path: Path) -> LggDataset:
    root = tmp_path / "kaggle_3m"
    write_patient(root / "TCGA_AA_0001_20000101", {2: 12, 3: 16})
    write_patient(root / "TCGA_AA_0002_20000101", {1: 10})
    write_patient(root / "TCGA_BB_0003_20000101", {0: 8, 4: 14, 5: 12})
    return LggDataset.open(root)


def bright_flair(pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Says tumour where FLAIR, the second channel, is far above the head's usual."""
    mask = np.clip(4 * (pictures[:, 1] - 3), -20, 20)
    return {"mask": mask, "presence": mask.max(axis=(1, 2))}


@pytest.fixture
def make_engine(tmp_path: Path) -> Callable[..., Engine]:
    def make(session=bright_flair, **changes) -> Engine:
        card = Card.model_validate(
            {
                "name": "fake",
                "version": "0",
                "title": "A threshold",
                "inputs": {"sequences": ["t1", "flair", "t1c"]},
                "preparation": {"size": SIZE},
                "outputs": ["presence", "mask"],
                "models": [{"file": "model.onnx", "sha256": "0" * 64, "precision": "float"}],
                **changes,
            }
        )
        folder = tmp_path / "bundle"
        folder.mkdir(exist_ok=True)
        (folder / "card.json").write_text(json.dumps(card.model_dump(mode="json", by_alias=True)))
        return Engine(Bundle(folder, card), "onnxruntime", "float", session)

    return make
