"""Alignment of two heads by shift and scale of rows and columns, with least squares."""

from __future__ import annotations

import numpy as np

from tumorscope.datasets.duplicates.appearance import unit

_STEPS = 5
_LARGEST_STEP = 0.04
_LIMITS = np.array([[-0.08, 0.85, -0.08, 0.85], [0.08, 1.15, 0.08, 1.15]])
_STILL = np.array([0.0, 1.0, 0.0, 1.0])
_DAMPING = 1e-4


def align(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """The sampling of each ``moving`` image that aligns it with its ``fixed`` one.

    Two crops of one slice differ by a few percent of shift and scale of rows and columns,
    because the threshold finds the head's edge at different positions. Gauss–Newton steps on the correlation
    coefficient (Evangelidis and Psarakis 2008, with these four parameters).

    Args:
        fixed: float32 ``(pair, side, side)``.
        moving: likewise.

    Returns:
        ``(pair, 4)``: shift and scale of the rows, shift and scale of the columns; shifts
        are fractions of the side.
    """
    pairs, side = fixed.shape[:2]
    position = ((np.arange(side) - (side - 1) / 2) / side).astype(np.float32)
    moves = np.tile(_STILL, (pairs, 1))
    target = unit(fixed).reshape(pairs, -1)
    for _ in range(_STEPS):
        moved = unit(warp(moving, moves))
        down, right = np.gradient(moved, axis=1) * side, np.gradient(moved, axis=2) * side
        slopes = np.stack([down, down * position[:, None], right, right * position], axis=1).reshape(pairs, 4, -1)
        flat = moved.reshape(pairs, -1)
        # The correlation does not depend on brightness and contrast, so project them out.
        slopes -= slopes.mean(axis=2, keepdims=True)
        slopes -= (slopes @ flat[:, :, None]) * flat[:, None, :]
        agreement = (target * flat).sum(axis=1, keepdims=True)
        rest = target / np.maximum(agreement, 0.3) - flat
        normal = (slopes @ slopes.transpose(0, 2, 1)).astype(float)
        diagonal = np.einsum("pii->pi", normal)
        normal += (_DAMPING * diagonal + 1e-9)[:, :, None] * np.eye(4)
        step = np.linalg.solve(normal, (slopes @ rest[:, :, None]).astype(float))[:, :, 0]
        moves = np.clip(moves + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP), *_LIMITS)
    return moves


def warp(images: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Sample ``(pair, side, side)`` linearly with the result of :func:`align`; edges are extended."""
    side = images.shape[-1]
    rows = _sampling(side, moves[:, 0], moves[:, 1])
    columns = _sampling(side, moves[:, 2], moves[:, 3])
    return rows @ images @ columns.transpose(0, 2, 1)


def _sampling(side: int, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """One matrix per pair, ``(pair, side, side)``."""
    centered = np.arange(side) - (side - 1) / 2
    positions = np.clip(centered * scale[:, None] + shift[:, None] * side + (side - 1) / 2, 0, side - 1)
    return np.clip(1 - np.abs(positions.astype(np.float32)[:, :, None] - np.arange(side, dtype=np.float32)), 0, None)
