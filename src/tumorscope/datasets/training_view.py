"""The slices of a case that a network is trained on: those that the analysis of the same scan would show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.preprocessing.axial import View, axial_view


@dataclass(frozen=True)
class TrainingView:
    """A volume's slices as a network sees them.

    Attributes:
        view: near-isotropic volumes are cut axially, whatever plane was acquired.
        stride: thin slices are taken at about the distance that the recipe states.
    """

    view: View
    stride: int = 1

    @property
    def pixel_aspect(self) -> float:
        """Height of a pixel divided by its width."""
        return self.view.pixel_aspect

    def forward(self, array: np.ndarray) -> np.ndarray:
        """A scan's ``(slice, row, column, …)`` as the network sees it."""
        seen = self.view.forward(array)
        return seen[(len(seen) - 1) % self.stride // 2 :: self.stride]


def training_view(scan: Scan, distance_mm: float | None) -> TrainingView:
    """The view of a scan.

    Args:
        scan: a volume, slices or an image; without voxel sizes, or with uneven distances, all slices are taken.
        distance_mm: between adjacent slices, from the recipe; None takes every slice.
    """
    view = axial_view(scan.shape, scan.affine)
    if distance_mm is None or view.spacing_mm is None or scan.slice_positions is not None:
        return TrainingView(view)
    stride = max(1, round(distance_mm / view.spacing_mm[0]))
    count = scan.shape[view.axes[0]]
    return TrainingView(view, min(stride, max(1, (count - 1) // 2)))


def known_presence(truth: GroundTruth, mask: np.ndarray | None) -> np.ndarray | None:
    """Whether each slice shows a tumor; None if that is not known.

    Args:
        truth: of the case.
        mask: its mask as the network sees it. Of a volume it decides, as its slices may be cut in another plane.
    """
    return truth.present if mask is None or len(mask) == 1 else np.asarray(mask.any(axis=(1, 2)))
