"""Cropping to the head and resizing, with the exact way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tumorscope.preprocessing.head import Box

_ONE_THREAD = 1 << 18
"""Products of matrices with up to so many multiplications are computed by one thread in OpenBLAS, NumPy's library."""

_SLICES = 8
"""Slices resized at a time, which stay in the processor's cache."""


@dataclass(frozen=True)
class CropResize:
    """A rectangle of the image, seen at the network's size.

    Pixels are squares with their center at the half: the rectangle's edges fall exactly
    on the small image's edges, so that going there and back moves nothing. Both ways
    are linear and separable, hence two small banded matrices.

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
        return _resampled(images, *self._there)

    def inverse(self, images: np.ndarray) -> np.ndarray:
        """``(…, size, size)`` to ``(…, rows, columns)``; zero outside the rectangle."""
        return _resampled(images, *self._back)

    @cached_property
    def _there(self) -> tuple[_Banded, _Banded]:
        rows = _sampling(self.shape[0], self.size, self.box.top, self.box.height / self.size)
        columns = _sampling(self.shape[1], self.size, self.box.left, self.box.width / self.size)
        return _Banded(rows, self.shape[1]), _Banded(columns, self.size)

    @cached_property
    def _back(self) -> tuple[_Banded, _Banded]:
        down, right = self.size / self.box.height, self.size / self.box.width
        rows = _sampling(self.size, self.shape[0], -self.box.top * down, down, beyond="zero")
        columns = _sampling(self.size, self.shape[1], -self.box.left * right, right, beyond="zero")
        return _Banded(rows, self.size), _Banded(columns, self.shape[0])


class _Banded:
    """A sampling matrix as blocks of rows, without the columns in which they are zero.

    The whole matrix is nearly empty: blocks take a quarter of its time. Each is also small enough for BLAS not to share
    the product out among threads. Threads that wait for each other cost more than such products: where another process
    used one of two cores, the whole matrices took fifty times the CPU time.

    Args:
        matrix: ``(samples, length)``; what is not zero lies along the diagonal.
        width: columns of the matrices to multiply with.

    Attributes:
        samples: rows of the whole matrix.
        blocks: rows of the result, columns of the whole matrix, and that part of it.
    """

    def __init__(self, matrix: np.ndarray, width: int) -> None:
        used = matrix != 0
        # A row without any weight joins its neighbors' columns.
        first = np.maximum.accumulate(np.where(used.any(axis=1), used.argmax(axis=1), 0))
        end = np.maximum(first + 1, np.where(used.any(axis=1), matrix.shape[1] - used[:, ::-1].argmax(axis=1), 0))
        self.samples = len(matrix)
        for height in (64, 48, 32, 24, 16, 12, 8, 4, 2, 1):
            starts = np.arange(0, self.samples, height)
            left, right = np.minimum.reduceat(first, starts), np.maximum.reduceat(end, starts)
            if height * int((right - left).max()) * width <= _ONE_THREAD:
                break
        self.blocks = [
            (slice(top, top + height), slice(begin, stop), np.ascontiguousarray(matrix[top : top + height, begin:stop]))
            for top, begin, stop in zip(starts.tolist(), left.tolist(), right.tolist(), strict=True)
        ]


def _resampled(images: np.ndarray, rows: _Banded, columns: _Banded) -> np.ndarray:
    """``rows @ image @ columns.T`` for every image of ``(…, rows, columns)``, as float32."""
    stack = images.reshape(-1, *images.shape[-2:])
    result = np.empty((len(stack), rows.samples, columns.samples), np.float32)
    for start in range(0, len(stack), _SLICES):
        some = np.ascontiguousarray(stack[start : start + _SLICES], np.float32)
        half = np.empty((len(some), rows.samples, some.shape[2]), np.float32)
        for to, of, block in rows.blocks:
            np.matmul(block, some[:, of], out=half[:, to])
        for to, of, block in columns.blocks:
            np.matmul(half[:, :, of], block.T, out=result[start : start + len(some), :, to])
    return result.reshape(*images.shape[:-2], rows.samples, columns.samples)


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
