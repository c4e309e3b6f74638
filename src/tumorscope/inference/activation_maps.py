"""Class activation maps: how much each position of a slice contributed to its prediction.

The shipped networks predict with a linear head on averaged features. For such a head the
class activation map (Zhou et al. 2016) is exact: its mean over the slice is the logit without
the bias, and up to a positive factor it equals Grad-CAM (Selvaraju et al. 2017).
For the three-layer CNN, whose dense layers depend on position, the map is HiResCAM (Draelos and
Carin 2020): features times gradients, whose mean is the logit without the biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tumorscope.core.note import Note
from tumorscope.inference.bundles import Card
from tumorscope.inference.engine import Predictions
from tumorscope.inference.tumor_type import tumor_classes
from tumorscope.preprocessing.axial import AS_ACQUIRED, View
from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.head import Box

Question = Literal["presence", "type"]


@dataclass(frozen=True, eq=False)
class ActivationMap:
    """The maps of a scan's slices.

    Attributes:
        question: whether there is a tumor, or of which type it is.
        analyzed_predictions: for each analyzed slice, which prediction its map supports, such as ``glioma``.
        values: float32 ``(analyzed slice, r, c)``, coarse; signed contributions to the logit.
        crop_resize: from the analyzed slices to the network's input.
        view: from the acquired slices to the analyzed ones.
    """

    question: Question
    analyzed_predictions: tuple[str, ...]
    values: np.ndarray
    crop_resize: CropResize
    view: View = AS_ACQUIRED

    @cached_property
    def predictions(self) -> tuple[str, ...]:
        """For each acquired slice, which prediction its map supports; where slices were resliced, that of the strongest map."""
        if self.view.is_acquired:
            return self.analyzed_predictions[::-1] if self.view.flips[0] else self.analyzed_predictions
        strongest = self.analyzed_predictions[int(self.values.max(axis=(1, 2)).argmax())]
        return (strongest,) * len(self._volume)

    @cached_property
    def peaks(self) -> np.ndarray:
        """The largest positive contribution in each acquired slice, ``(slice,)``."""
        if not self.view.is_acquired:
            return self._volume.max(axis=(1, 2))
        tops = np.maximum(self.values, 0).max(axis=(1, 2))
        return tops[::-1] if self.view.flips[0] else tops

    def on_slice(self, index: int) -> np.ndarray:
        """Positive contributions on the acquired slice's own grid.

        Negative contributions are set to zero, as in Grad-CAM, and the rest is scaled to one.

        Returns:
            float32 ``(row, column)`` from zero to one; all zero where no contribution is positive.
        """
        if self.view.is_acquired:
            analyzed = len(self.values) - 1 - index if self.view.flips[0] else index
            placed = self.view.inverse(self._placed(analyzed)[None])[0]
        else:
            placed = self._volume[index].astype(np.float32)
        top = float(placed.max())
        return placed / top if top > 0 else placed

    def energy_inside(self, index: int, mask: np.ndarray) -> float | None:
        """Share of the map that is inside a mask ``(row, column)``: the energy-based pointing game (Wang et al. 2020).

        Returns:
            None where the mask or the map is empty.
        """
        map_ = self.on_slice(index)
        total = float(map_.sum())
        return float(map_[mask].sum()) / total if total > 0 and mask.any() else None

    def share_of(self, mask: np.ndarray) -> float:
        """Share of the network's input that a mask ``(row, column)`` covers: the share expected of a uniform map."""
        if not self.view.is_acquired:
            return float(mask.mean())
        return float(self.crop_resize.forward(self.view.forward(mask[None])[0]).mean())

    def _placed(self, analyzed: int) -> np.ndarray:
        """The positive contributions on an analyzed slice's own grid."""
        positive = np.maximum(self.values[analyzed], 0)
        return np.clip(self.crop_resize.inverse(self._to_input.forward(positive)), 0, None)

    @cached_property
    def _to_input(self) -> CropResize:
        """From the coarse cells, which span the whole input, to its pixels: bilinear between the cells' centers."""
        rows, columns = self.values.shape[1:]
        return CropResize((rows, columns), Box(0, 0, rows, columns), self.crop_resize.size)

    @cached_property
    def _volume(self) -> np.ndarray:
        """All analyzed slices on the scan's axes, float16."""
        return self.view.inverse(np.stack([self._placed(k).astype(np.float16) for k in range(len(self.values))]))


def activation_map(predictions: Predictions, card: Card, crop_resize: CropResize, view: View) -> ActivationMap | None:
    """The map to show: of the likeliest type where the network predicts types, else of presence.

    Returns:
        None where the bundle's network outputs no maps, see :func:`no_map_note`.
    """
    if predictions.class_map is not None and predictions.classes is not None:
        names = tumor_classes(card)
        indices = [card.classes.index(name) for name in names]
        best = predictions.classes[:, indices].argmax(axis=1)
        values = predictions.class_map[np.arange(len(best)), np.array(indices)[best]]
        return ActivationMap("type", tuple(names[index] for index in best), values, crop_resize, view)
    if predictions.presence_map is not None:
        return ActivationMap(
            "presence", ("tumor",) * len(predictions.presence_map), predictions.presence_map, crop_resize, view
        )
    return None


def no_map_note(card: Card) -> Note:
    """Why a bundle provides no activation map."""
    if set(card.outputs) <= {"mask"}:
        reason = "this network only segments, and the mask itself shows which voxels it labels as tumor"
    else:
        reason = "this bundle was exported without maps; export it from its run to get them"
    return Note("no_activation_map", f"no activation map: {reason}")
