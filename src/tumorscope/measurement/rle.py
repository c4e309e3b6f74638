"""Run-length encoding of masks, as COCO writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np


class RunLengths(TypedDict):
    """COCO's uncompressed encoding: ``size`` is rows and columns, ``counts`` the runs."""

    size: list[int]
    counts: list[int]


def encode(mask: np.ndarray) -> RunLengths:
    """Runs of zeros and ones in turn, down the columns, beginning with zeros.

    Args:
        mask: boolean ``(row, column)``.

    >>> encode(np.array([[0, 1], [1, 1]], bool))
    {'size': [2, 2], 'counts': [1, 3]}
    """
    flat = mask.ravel(order="F")
    if not flat.size:
        return {"size": list(mask.shape), "counts": []}
    edges = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]])
    counts = np.diff(edges).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def decode(encoded: RunLengths) -> np.ndarray:
    """The mask that :func:`encode` was given.

    >>> decode({'size': [2, 2], 'counts': [1, 3]}).astype(int).tolist()
    [[0, 1], [1, 1]]
    """
    rows, columns = encoded["size"]
    counts: Sequence[int] = encoded["counts"]
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape((rows, columns), order="F")
