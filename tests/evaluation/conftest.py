"""Small data sets of each kind, and a bundle whose network is one line of NumPy."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.lgg import LggDataset
from tumorscope.evaluation import CaseRow, Evaluation, SliceRow
from tumorscope.inference.bundles import Bundle, Card
from tumorscope.inference.engine import Engine

SIZE = 64


def write_patient(folder: Path, tumors: dict[int, int], slices: int = 6) -> None:
    """A round head, gray 80, with a square of gray 200 in FLAIR in some slices (slice: side)."""
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    head = (rows - 31.5) ** 2 + (columns - 31.5) ** 2 < 28**2
    for index in range(slices):
        side = tumors.get(index, 0)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[24 : 24 + side, 30 : 30 + side] = 255
        image = np.where(head, 80, 0).astype(np.uint8)[..., None].repeat(3, axis=-1)
        image[..., 1][mask > 0] = 200
        image[::7, ::5][head[::7, ::5]] += 9  # a little texture, so that there is a scale
        tifffile.imwrite(folder / f"{folder.name}_{index + 1}.tif", image, photometric="rgb")
        tifffile.imwrite(folder / f"{folder.name}_{index + 1}_mask.tif", mask)


@pytest.fixture
def dataset(tmp_path: Path) -> LggDataset:
    root = tmp_path / "kaggle_3m"
    write_patient(root / "TCGA_AA_0001_20000101", {2: 12, 3: 16})
    write_patient(root / "TCGA_AA_0002_20000101", {1: 10})
    write_patient(root / "TCGA_BB_0003_20000101", {0: 8, 4: 14, 5: 12})
    return LggDataset.open(root)


def bright_flair(images: np.ndarray) -> dict[str, np.ndarray]:
    """Predicts tumor where FLAIR, the second channel, is far above the head's usual."""
    mask = np.clip(4 * (images[:, 1] - 3), -20, 20)
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


CLASSES = ("glioma", "meningioma", "pituitary")


@dataclass(frozen=True, eq=False)
class MadeCase:
    """A gray image with a square whose brightness is its class."""

    case: str
    patient: str
    pixels: np.ndarray
    mask: np.ndarray | None
    tumor_class: str

    def scan(self) -> Scan:
        return Scan(self.pixels[None, ..., None], ("unknown",), self.case, "image")

    def truth(self) -> GroundTruth:
        present = np.array([self.tumor_class != "notumor"])
        return GroundTruth(present, None if self.mask is None else self.mask[None], self.tumor_class)


@dataclass(frozen=True, eq=False)
class MadeDataset:
    name: str
    root: Path
    classes: tuple[str, ...]
    cases: tuple[MadeCase, ...]
    license: str = "made for a test"


def make_classed(path: Path, classes: tuple[str, ...] = CLASSES, *, masks: bool = True, count: int = 12) -> MadeDataset:
    """Images that take their classes in turn; with masks two of one patient follow each other, as in figshare."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    head = (rows - 31.5) ** 2 + (columns - 31.5) ** 2 < 28**2
    chance = np.random.default_rng(0)
    cases = []
    for number in range(count):
        patient = number // 2 if masks else number
        kind = classes[patient % len(classes)]
        pixels = np.where(head, chance.integers(60, 101, head.shape), 0).astype(np.uint8)
        mask = np.zeros((SIZE, SIZE), bool)
        if kind != "notumor":
            mask[20 + number : 30 + number, 22:30] = True
            pixels[mask] = 122 + 12 * CLASSES.index(kind)
        cases.append(MadeCase(f"{number + 1}", f"P{patient}", pixels, mask if masks else None, kind))
    return MadeDataset("made", path, classes, tuple(cases))


def brightness_tells_class(images: np.ndarray) -> dict[str, np.ndarray]:
    """Stands for a network with all outputs; the map is where the square is."""
    top = images[:, 0].max(axis=(1, 2))
    centers = np.array([3.5, 4.5, 5.6])  # of the squares' brightness, in robust standard deviations
    mask = np.clip(4 * (images[:, 0] - 2), -20, 20)
    coarse = (images[:, 0] > 2.5).reshape(len(images), 16, 4, 16, 4).mean(axis=(2, 4))
    return {
        "presence": 4 * (top - 2.5),
        "type": -8 * np.abs(top[:, None] - centers),
        "mask": mask,
        "type_map": np.repeat(coarse[:, None], 3, axis=1),
    }


def made_evaluation(
    *,
    seed: int = 0,
    classes: tuple[str, ...] = CLASSES,
    skill: float = 2.0,
    slices_per_patient: int = 3,
    patients: int = 20,
    masks: bool = True,
) -> Evaluation:
    """Rows as a network of some skill would leave them, a case a slice; without a data set or a network."""
    chance = np.random.default_rng(seed)
    cases, slices = [], []
    for number in range(patients * slices_per_patient):
        patient = f"P{number // slices_per_patient}"
        true = (number // slices_per_patient) % len(classes)
        logits = chance.normal(0, 1, len(classes))
        logits[true] += skill
        odds = np.exp(logits)
        probability = tuple(map(float, odds / odds.sum()))
        present = classes[true] != "notumor"
        tumor = float(chance.beta(9, 1)) if present else float(chance.beta(1, 9))
        px = int(chance.integers(200, 3000)) if masks and present else 0
        dice = float(chance.beta(9, 2)) if px else None
        case = f"c{number}"
        slices.append(
            SliceRow(
                case=case,
                patient=patient,
                slice=0,
                present=present,
                positive=tumor > 0.5,
                tumor_probability=tumor,
                mask_probability=0.9 if masks else None,
                true_px=px if masks else None,
                predicted_px=int(px * chance.uniform(0.8, 1.2)) if masks else None,
                dice=dice,
                true_class=classes[true],
                predicted_class=classes[int(np.argmax(logits))],
                class_probabilities=probability,
                saliency_inside_mask=float(chance.beta(4, 4)) if px else None,
                mask_share=px / 60_000 if px else None,
            )
        )
        row = slices[-1]
        hd95 = float(chance.gamma(2, 2)) if dice else None
        cases.append(
            CaseRow(
                case, patient, 1, int(present), dice, dice, hd95, row.true_px, row.predicted_px, 0 if masks else None
            )
        )
    return Evaluation("made", classes, "fake", "0", "0" * 64, "onnxruntime", "float", tuple(cases), tuple(slices))
