"""Distances that a person drew between two places of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorscope.core.geometry import Geometry

Axis = Literal["slice", "row", "column"]
Place = tuple[float, float, float]


@dataclass(frozen=True)
class Ruler:
    """A straight line in one plane of a scan.

    Attributes:
        axis: the one that is perpendicular to the plane it was drawn in.
        start, end: ``(slice, row, column)`` in voxels, fractions allowed.

    >>> Ruler("slice", (2, 0, 0), (2, 3, 4)).length(None)
    5.0
    """

    axis: Axis
    start: Place
    end: Place

    def length(self, geometry: Geometry | None) -> float:
        """In mm, or in pixels where the geometry is not known."""
        ends = np.array([self.start, self.end], float)
        places = ends if geometry is None else geometry.to_mm(ends)
        return float(np.linalg.norm(places[1] - places[0]))
