"""Contours of masks as lines between the pixels."""

from __future__ import annotations

import numpy as np

from tumorscope.reporting.tiles import View


def contour_path(mask: np.ndarray, view: View) -> str:
    """An SVG path half-way between the pixels of a mask ``(row, column)`` and those around it.

    Pixels that touch at a corner are connected, as in a lesion.
    """
    from skimage.measure import find_contours

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return ""
    top, left = rows[0], columns[0]
    part = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.float32), 1)
    rings = find_contours(part, 0.5, fully_connected="high")
    corner = np.array([top - 1, left - 1])
    return "".join(_ring(view.to_tile(_corners(ring) + corner)) for ring in rings)


def _corners(ring: np.ndarray) -> np.ndarray:
    """A closed line ``(point, 2)`` without the points along its straight parts, and without its end."""
    points = ring[:-1]
    steps = np.diff(ring, axis=0)
    before = np.roll(steps, 1, axis=0)
    turns = np.abs(steps[:, 0] * before[:, 1] - steps[:, 1] * before[:, 0]) > 1e-9
    return points[turns]


def _ring(points: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"
