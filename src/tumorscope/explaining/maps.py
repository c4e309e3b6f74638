"""Activation maps: how much each place of a slice contributed to what was said about it.

The shipped networks answer with a linear head on averaged features. For such a head the
class activation map (Zhou et al. 2016) is exact: its mean over the slice is the logit but for
a bias, and up to a positive factor it is what Grad-CAM (Selvaraju et al. 2017) finds with gradients.
The three-layer CNN, whose dense layers see every position by itself, gives HiResCAM (Draelos and
Carin 2020): features times gradients, whose mean is the logit but for the biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from tumorscope.bundles import Card
from tumorscope.engine import Answers
from tumorscope.preparing.framing import Framing
from tumorscope.tumor_type import tumor_classes

Question = Literal["presence", "type"]


@dataclass(frozen=True, eq=False)
class ActivationMap:
    """The maps of a scan's slices.

    Attributes:
        question: what was asked: whether there is a tumour, or of which type it is.
        answers: for each slice, which answer its map speaks for, such as ``glioma``.
        values: float32 ``(slice, r, c)``, coarse; contributions to the logit, of either sign.
        framing: where the network's picture lies in the slices.
    """

    question: Question
    answers: tuple[str, ...]
    values: np.ndarray
    framing: Framing

    def on_slice(self, index: int) -> np.ndarray:
        """What speaks for the answer, on the slice's own grid.

        Negative contributions are cut off, as in Grad-CAM, and the rest is scaled to one.

        Returns:
            float32 ``(row, column)`` from zero to one; all zero where nothing speaks for it.
        """
        positive = np.maximum(self.values[index], 0)
        size = self.framing.size
        zoom = (size / positive.shape[0], size / positive.shape[1])
        # Bilinear between the centres of the coarse cells, which span the whole picture.
        fine = np.asarray(ndimage.zoom(positive, zoom, order=1, mode="nearest", grid_mode=True))
        placed = np.clip(self.framing.restore(fine), 0, None)
        top = float(placed.max())
        return placed / top if top > 0 else placed

    def energy_inside(self, index: int, mask: np.ndarray) -> float | None:
        """Share of the map that lies inside a mask ``(row, column)``: the energy-based pointing game (Wang et al. 2020).

        Returns:
            None where the mask or the map is empty.
        """
        map_ = self.on_slice(index)
        total = float(map_.sum())
        return float(map_[mask].sum()) / total if total > 0 and mask.any() else None


def activation_map(answers: Answers, card: Card, framing: Framing) -> ActivationMap | None:
    """The map to show: of the likeliest type where the network tells types apart, else of presence.

    Returns:
        None where the bundle's network gives no maps, see :func:`why_no_map`.
    """
    if answers.class_map is not None and answers.classes is not None:
        names = tumor_classes(card)
        places = [card.classes.index(name) for name in names]
        best = answers.classes[:, places].argmax(axis=1)
        values = answers.class_map[np.arange(len(best)), np.array(places)[best]]
        return ActivationMap("type", tuple(names[place] for place in best), values, framing)
    if answers.presence_map is not None:
        return ActivationMap("presence", ("tumour",) * len(answers.presence_map), answers.presence_map, framing)
    return None


def why_no_map(card: Card) -> str:
    """One line for those who asked for an activation map of a bundle that gives none."""
    if set(card.outputs) <= {"mask"}:
        return "no activation map: this network only segments, and the mask itself shows which voxels it took for tumor"
    return "no activation map: this bundle was exported without maps; export it from its run to get them"
