"""Cropping to the head and resizing, with the exact way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tumorscope.preprocessing.head import Box


@dataclass(frozen=True)
class CropResize:
    """A rectangle of the image, seen at the network's size.

    Pixels are squares with their center at the half: the rectangle's edges fall exactly
    on the small image's edges, so that going there and back moves nothing. Both ways
    are linear and separable, hence two small matrices.

    Attributes:
        shape: rows and columns of the full image.
        box: the rectangle, in pixels of the full image.
        size: side of the square the network sees.
    """

    shape: tuple[int, int]
    box: Box
    size: int

    def forward(self, images: np.ndarray) -> np.ndarray:
        """``(…, rows, columns)`` to ``(…, size, size)``; outside the image its edge continues."""
        return self._there[0] @ images.astype(np.float32, copy=False) @ self._there[1].T

    def inverse(self, images: np.ndarray) -> np.ndarray:
        """``(…, size, size)`` to ``(…, rows, columns)``; zero outside the rectangle."""
        return self._back[0] @ images.astype(np.float32, copy=False) @ self._back[1].T

    @cached_property
    def _there(self) -> tuple[np.ndarray, np.ndarray]:
        rows = _sampling(self.shape[0], self.size, self.box.top, self.box.height / self.size)
        columns = _sampling(self.shape[1], self.size, self.box.left, self.box.width / self.size)
        return rows, columns

    @cached_property
    def _back(self) -> tuple[np.ndarray, np.ndarray]:
        down, right = self.size / self.box.height, self.size / self.box.width
        rows = _sampling(self.size, self.shape[0], -self.box.top * down, down, beyond="zero")
        columns = _sampling(self.size, self.shape[1], -self.box.left * right, right, beyond="zero")
        return rows, columns


def _sampling(length: int, samples: int, start: float, step: float, beyond: str = "edge") -> np.ndarray:
    """The matrix that samples ``length`` pixels at ``samples`` positions, linearly.

    Where ``step`` is over one pixel the triangle widens, so that shrinking averages
    instead of skipping (as Pillow's bilinear filter does).
    """
    centers = start + (np.arange(samples) + 0.5) * step - 0.5
    width = max(step, 1.0)
    reach = int(np.ceil(width))
    first = np.floor(centers).astype(int) - reach + 1
    taps = first[:, None] + np.arange(2 * reach)[None]
    weights = np.clip(1 - np.abs(taps - centers[:, None]) / width, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((samples, length), np.float32)
    np.add.at(matrix, (np.arange(samples)[:, None], np.clip(taps, 0, length - 1)), weights)
    if beyond == "zero":
        matrix[(centers < -0.5) | (centers > length - 0.5)] = 0
    return matrix
