"""A lesion's two diameters on a tile: lines with their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.inference.analysis import Analysis
from tumorscope.measurement.diameters import Diameter
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.tiles import View
from tumorscope.reporting.wording import length_text

_TICK = 4.0
"""Half the length of the end strokes."""
_BESIDE = 7.0
"""From a line's end to its label."""
_LETTER, _HEIGHT = 6.2, 12.0
"""Approximate width of a letter and height of a line of text."""


@dataclass(frozen=True)
class Line:
    """A diameter in a tile's units: an SVG path with end strokes, and its length as text."""

    path: str
    words: str
    x: float
    y: float


def diameter_lines(lesions: Sequence[Lesion], analysis: Analysis, view: View) -> tuple[Line, ...]:
    """The diameters of some lesions; labels are placed so that they do not overlap.

    Lesions are numbered where the scan has several, as in the table.
    """
    known, several = analysis.scan.affine is not None, len(analysis.lesions) > 1
    lines: list[Line] = []
    for lesion in lesions:
        if lesion.diameters is None:
            continue
        number = f"{analysis.lesions.index(lesion) + 1}: " if several else ""
        longest, perpendicular = lesion.diameters.longest, lesion.diameters.perpendicular
        lines.append(_line(longest, number + length_text(longest.length, known), view, lines))
        lines.append(_line(perpendicular, length_text(perpendicular.length, known), view, lines))
    return tuple(lines)


def _line(diameter: Diameter, words: str, view: View, others: Sequence[Line]) -> Line:
    start, end = view.to_tile(np.array([diameter.start, diameter.end]))
    along = end - start
    length = float(np.linalg.norm(along))
    along = along / length if length else np.array([1.0, 0.0])
    across = np.array([-along[1], along[0]]) * _TICK
    corners = [start - across, start + across, start, end, end - across, end + across]
    path = "M{}L{}M{}L{}M{}L{}".format(*(f"{x:.1f} {y:.1f}" for x, y in corners))
    positions = [_beside(point, away, words, view) for point, away in ((end, along), (start, -along))]
    x, y = max(positions, key=lambda position: _clearance(position, others))
    return Line(path, words, round(x, 1), round(y, 1))


def _beside(point: np.ndarray, away: np.ndarray, words: str, view: View) -> tuple[float, float]:
    """The middle of a label's baseline beyond a line's end, kept within the tile."""
    half = len(words) * _LETTER / 2
    x, y = point + away * (_BESIDE + abs(away[0]) * half + abs(away[1]) * _HEIGHT / 2)
    inside = min(max(x, half + 2), max(view.width - half - 2, half + 2))
    return float(inside), float(min(max(y + _HEIGHT / 3, _HEIGHT), view.height - 4))


def _clearance(position: tuple[float, float], others: Sequence[Line]) -> float:
    """The distance to the nearest label; horizontally it counts a third, as labels are wide."""
    return min((abs(position[0] - other.x) / 3 + abs(position[1] - other.y) for other in others), default=0.0)
