"""A scan with FLAIR and T1c, and what two networks segment on it, voxel by voxel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.bundles import Inputs
from tumorscope.inference.full_study import combine
from tumorscope.inference.tumor_type import TypeFinding

SHAPE = (8, 96, 96)
AFFINE = np.diag([-1.0, -1.0, 4.0, 1.0])
"""Voxels of 1 × 1 × 4 mm."""
GLIOMA = TypeFinding("glioma", "glioma", 0.9, {"glioma": 0.9}, 0.6)
T1C_CARD = {"name": "on-t1c", "inputs": Inputs(sequences=("t1c",)).model_dump()}


def box(slices: slice, rows: slice, columns: slice) -> np.ndarray:
    """A mask that is one box."""
    mask = np.zeros(SHAPE, bool)
    mask[slices, rows, columns] = True
    return mask


EDEMA = box(slice(2, 6), slice(30, 60), slice(30, 60))
"""What the FLAIR network segments: 4 × 30 × 30 voxels."""
CORE = box(slice(3, 5), slice(40, 56), slice(40, 56))
"""What the T1c network segments: 2 × 16 × 16 voxels."""
NECROSIS = box(slice(3, 5), slice(44, 52), slice(44, 52))
"""2 × 8 × 8 voxels of it take up no contrast."""


def scan_of(enhancing: np.ndarray, *, before_contrast: bool = True, affine: np.ndarray | None = AFFINE) -> Scan:
    """A round head, twice as bright after contrast where ``enhancing``."""
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    tissue = np.broadcast_to(((rows - 48) ** 2 + (columns - 48) ** 2 < 44**2) * np.float32(100), SHAPE)
    channels = {"t1": tissue, "flair": tissue * 1.5, "t1c": np.where(enhancing, 200, tissue)}
    if not before_contrast:
        del channels["t1"]
    return Scan(np.stack([*channels.values()], axis=-1), tuple(channels), "case", "volume", affine)


def two_labels(
    analyzed: Callable[..., Analysis],
    flair: np.ndarray = EDEMA,
    t1c: np.ndarray = CORE,
    scan: Scan | None = None,
    **changes: Any,
) -> Analysis:
    """The combination of what the networks segment; ``changes`` are made to the T1c network's analysis."""
    scan = scan or scan_of(t1c & ~NECROSIS)
    whole = analyzed(scan, flair, name="on-flair")
    part = replace(analyzed(scan, t1c, **T1C_CARD), tumor_type=GLIOMA if t1c.any() else None, **changes)
    return combine(whole, part)
