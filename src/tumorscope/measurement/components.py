"""From probabilities of pixels and slices to the parts of a mask that stay: a volume is assessed as a volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.measurement.lesions import label_lesions


@dataclass(frozen=True, eq=False)
class Components:
    """Connected parts of a thresholded scan and the evidence for each.

    Attributes:
        labels: int ``(slice, row, column)``, zero outside.
        sizes: voxels of each label, ``(labels + 1,)``; the first is the outside's.
        evidence: the largest tumor probability of the slices that each label reaches, ``(labels + 1,)``; zero outside.
    """

    labels: np.ndarray
    sizes: np.ndarray
    evidence: np.ndarray

    def kept(self, presence: float, smallest: int) -> np.ndarray:
        """Which labels stay, boolean ``(labels + 1,)``: with evidence enough, and large enough."""
        kept = (self.evidence >= presence) & (self.sizes >= smallest)
        kept[0] = False
        return kept


def find_components(
    mask_probability: np.ndarray, slice_probability: np.ndarray, mask_threshold: float, slice_floor: float
) -> Components:
    """Threshold a scan and collect the evidence of its slices for each connected part.

    Hysteresis thresholding along the slices: a part is as certain as its most certain slice, so that a slice inside a
    tumor is not emptied because its own probability is a little low.

    Args:
        mask_probability: ``(slice, row, column)``.
        slice_probability: that each slice shows a tumor, ``(slice,)``.
        mask_threshold: of a pixel.
        slice_floor: slices below it are empty whatever their neighbors show.
    """
    candidates = (mask_probability >= mask_threshold) & (slice_probability >= slice_floor)[:, None, None]
    labels, sizes = label_lesions(candidates)
    evidence = np.zeros(len(sizes))
    for index in np.flatnonzero(candidates.any(axis=(1, 2))):
        found = np.unique(labels[index])
        evidence[found] = np.maximum(evidence[found], slice_probability[index])
    evidence[0] = 0
    return Components(labels, sizes, evidence)
