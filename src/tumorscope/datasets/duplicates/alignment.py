"""Laying one head over another: shift and stretch by row and column, found by least squares."""

from __future__ import annotations

import numpy as np

from tumorscope.datasets.duplicates.appearance import unit

_STEPS = 5
_LARGEST_STEP = 0.04
_LIMITS = np.array([[-0.08, 0.85, -0.08, 0.85], [0.08, 1.15, 0.08, 1.15]])
_STILL = np.array([0.0, 1.0, 0.0, 1.0])
_DAMPING = 1e-4


def align(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """How each ``moving`` image must be sampled to lie over its ``fixed`` one.

    Two crops of one slice differ by where the threshold found the head's edge: a few per
    cent of shift and size, rows and columns apart. Gauss–Newton steps on the correlation
    coefficient (Evangelidis and Psarakis 2008, with these four parameters).

    Args:
        fixed: float32 ``(pair, side, side)``.
        moving: likewise.

    Returns:
        ``(pair, 4)``: shift and scale of the rows, shift and scale of the columns; shifts
        are shares of the side.
    """
    pairs, side = fixed.shape[:2]
    place = ((np.arange(side) - (side - 1) / 2) / side).astype(np.float32)
    moves = np.tile(_STILL, (pairs, 1))
    target = unit(fixed).reshape(pairs, -1)
    for _ in range(_STEPS):
        moved = unit(warp(moving, moves))
        down, right = np.gradient(moved, axis=1) * side, np.gradient(moved, axis=2) * side
        slopes = np.stack([down, down * place[:, None], right, right * place], axis=1).reshape(pairs, 4, -1)
        flat = moved.reshape(pairs, -1)
        # Brightness and contrast are free: only what they cannot explain counts.
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
    """Sample ``(pair, side, side)`` linearly as :func:`align` says; beyond the edge the edge continues."""
    side = images.shape[-1]
    rows = _sampling(side, moves[:, 0], moves[:, 1])
    columns = _sampling(side, moves[:, 2], moves[:, 3])
    return rows @ images @ columns.transpose(0, 2, 1)


def _sampling(side: int, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """One matrix a pair, ``(pair, side, side)``."""
    place = np.arange(side) - (side - 1) / 2
    places = np.clip(place * scale[:, None] + shift[:, None] * side + (side - 1) / 2, 0, side - 1)
    return np.clip(1 - np.abs(places.astype(np.float32)[:, :, None] - np.arange(side, dtype=np.float32)), 0, None)
