"""The agreement of a mask with a true mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan


@dataclass(frozen=True)
class Agreement:
    """A comparison over all voxels of a scan.

    Attributes:
        dice: twice the overlap divided by the sum of both (Dice 1945); None where both are empty,
            as it is then undefined.
        true_voxels, predicted_voxels, overlap_voxels: the numbers of voxels.
    """

    dice: float | None
    true_voxels: int
    predicted_voxels: int
    overlap_voxels: int


def compare(mask: np.ndarray, truth: np.ndarray) -> Agreement:
    """Compare two boolean masks of one shape.

    >>> compare(np.array([True, True, False]), np.array([False, True, True])).dice
    0.5
    """
    predicted, true, overlap = (int(np.count_nonzero(part)) for part in (mask, truth, mask & truth))
    dice = 2 * overlap / (predicted + true) if predicted + true else None
    return Agreement(dice, true, predicted, overlap)


def on_grid(truth: np.ndarray, scan: Scan) -> np.ndarray:
    """A true mask as booleans on the scan's grid.

    Raises:
        TumorscopeError: its shape is not the scan's.
    """
    if truth.shape != scan.shape:
        sizes = ["×".join(str(length) for length in shape) for shape in (truth.shape, scan.shape)]
        raise TumorscopeError(
            f"{scan.case}: the true mask has {sizes[0]} voxels, the scan {sizes[1]}; give a mask drawn on this scan"
        )
    return truth.astype(bool, copy=False)
