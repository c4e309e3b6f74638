"""Scans and analyses made by hand: no network, no reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorscope.core.note import Note
from tumorscope.core.scan import Scan, StoredGrid
from tumorscope.inference.analysis import Analysis, SliceFinding
from tumorscope.inference.bundles import Bundle, Card
from tumorscope.measurement.lesions import find_lesions

CARD = {
    "schema": "tumorscope.card/3",
    "name": "made-up",
    "version": "1.2.3",
    "title": "A bundle that is only a card",
    "inputs": {"sequences": ["t1", "flair", "t1c"]},
    "preparation": {},
    "outputs": ["presence", "mask"],
    "operating_point": {"presence": 0.45, "mask": 0.4, "min_component_size_px": 30},
    "models": [{"file": "model.onnx", "sha256": "0" * 64, "precision": "float"}],
    "metrics": {"test": {"patients": 16, "patient_dice": {"mean": 0.8612, "ci95": [0.81, 0.9]}}},
    "limits": ["Trained on lower-grade glioma only."],
}

Analyze = Callable[..., Analysis]


@pytest.fixture
def analyzed(tmp_path: Path) -> Analyze:
    """``analyzed(scan, mask, card_changes)``: an analysis that found just this mask."""

    def make(scan: Scan, mask: np.ndarray, /, **card: Any) -> Analysis:
        folder = tmp_path / "bundle"
        folder.mkdir(exist_ok=True)
        text = json.dumps({**CARD, **card})
        (folder / "card.json").write_text(text)
        bundle = Bundle(folder, Card.model_validate_json(text))
        areas = mask.sum(axis=(1, 2))
        probability = np.where(areas > 0, 0.9, 0.1) + np.linspace(0, 0.05, len(areas))
        area_mm2 = scan.pixel_area_mm2
        findings = [
            SliceFinding(
                index=index,
                name=scan.slice_names[index] if scan.slice_names else None,
                tumor_probability=float(probability[index]),
                mask_probability=float(probability[index]),
                area_px=int(area),
                area_mm2=None if area_mm2 is None else float(area * area_mm2),
            )
            for index, area in enumerate(areas)
        ]
        volume = scan.voxel_volume_mm3
        return Analysis(
            scan=scan,
            bundle=bundle,
            runtime="onnxruntime",
            precision="float",
            mask=mask,
            slices=tuple(findings),
            lesions=find_lesions(mask, scan, probability),
            tumor_present=bool(mask.any()),
            tumor_probability=float(probability.max()),
            volume_mm3=None if volume is None else float(areas.sum() * volume),
            warnings=scan.notes,
            timing_ms={"preparing": 1.25, "inference": 20.5},
        )

    return make


def head(slices: int = 6, rows: int = 96, columns: int = 80) -> np.ndarray:
    """A gray ellipse in the dark, three equal channels: ``(slice, row, column, 3)`` uint8."""
    row, column = np.mgrid[:rows, :columns]
    inside = ((row - rows / 2) / (0.42 * rows)) ** 2 + ((column - columns / 2) / (0.42 * columns)) ** 2 < 1
    return np.repeat(np.repeat((inside * 120).astype(np.uint8)[None], slices, 0)[..., None], 3, 3)


@pytest.fixture
def folder_scan() -> Scan:
    """Six slices from files, voxel size not known."""
    return Scan(
        voxels=head(),
        sequences=("t1", "flair", "t1c"),
        case="case 1",
        kind="slices",
        slice_names=tuple(f"case_{number}.tif" for number in range(1, 7)),
        notes=(Note("sequence_missing", "t1c is missing; FLAIR is used instead"),),
    )


@pytest.fixture
def volume_scan(folder_scan: Scan) -> Scan:
    """The same as a volume of 0.9 × 1.1 × 5 mm."""
    affine = np.array([[-0.9, 0, 0, 40], [0, -1.1, 0, 50], [0, 0, 5.0, -10], [0, 0, 0, 1]])
    stored = StoredGrid((80, 96, 6), affine, (2, 1, 0), (False, False, False))
    return replace(folder_scan, kind="volume", affine=affine, stored=stored, slice_names=())


@pytest.fixture
def mask() -> np.ndarray:
    """A block in slices 2 to 4, not in the middle of anything."""
    mask = np.zeros((6, 96, 80), bool)
    mask[2:5, 30:50, 20:35] = True
    mask[3, 30:54, 20:38] = True
    return mask


@pytest.fixture
def truth(mask: np.ndarray) -> np.ndarray:
    """The block as somebody else drew it, further to the right."""
    return np.roll(mask, 20, axis=2)
