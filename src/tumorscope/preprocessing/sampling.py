"""Which slices of a thin volume a network analyzes, and the interpolation of the outputs for the slices between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

NEAR = 0.01
"""Ratios so little below a limit count as the limit: slices of 1, 3 or 4 mm, which are at one, are often stated as a
thousandth of a millimeter more."""


@dataclass(frozen=True)
class SliceSampling:
    """Every so many slices of a scan.

    Attributes:
        count: slices of the scan.
        stride: from one analyzed slice to the next.
        step: from an analyzed slice to its adjacent slice in the network's input, in analyzed slices.
    """

    count: int
    stride: int = 1
    step: int = 1

    @cached_property
    def indices(self) -> np.ndarray:
        """The analyzed slices, rising; the last slice of the scan is one of them."""
        chosen = np.arange(0, self.count, self.stride)
        return chosen if chosen[-1] == self.count - 1 else np.append(chosen, self.count - 1)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of the analyzed slices, linearly interpolated over all slices.

        Args:
            values: ``(analyzed slice, …)``.

        Returns:
            ``(slice, …)`` of the same type.
        """
        if len(values) == self.count:
            return values
        position = np.interp(np.arange(self.count), self.indices, np.arange(len(self.indices)))
        lower = np.minimum(position.astype(int), len(values) - 2)
        share = (position - lower).astype(values.dtype)
        result = np.empty((self.count, *values.shape[1:]), values.dtype)
        for index, (before, part) in enumerate(zip(lower, share, strict=True)):  # all at once would be four copies
            result[index] = values[before] * (1 - part) + values[before + 1] * part
        return result


def sample_slices(count: int, spacing_mm: float | None, distance_mm: float | None) -> SliceSampling:
    """Analyze slices at half the distance that training saw, at least, and take adjacent slices at about that distance.

    Args:
        count: slices of the scan.
        spacing_mm: between them, or None where unknown.
        distance_mm: between adjacent slices in training, or None where it does not matter.
    """
    if spacing_mm is None or distance_mm is None or count < 2:
        return SliceSampling(count)
    stride = max(1, int(distance_mm / 2 / spacing_mm + NEAR))
    stride = min(stride, max(1, (count - 1) // 2))
    return SliceSampling(count, stride, max(1, round(distance_mm / (stride * spacing_mm) + NEAR)))
