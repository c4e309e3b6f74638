"""Shape of a region in one slice: IBSI's definitions carried over to the plane.

IBSI defines shape in three dimensions only; these names are therefore not IBSI's. Each
feature is its three-dimensional one with area in the place of volume and perimeter in the
place of surface, as in PyRadiomics' ``shape2D``.
"""

from __future__ import annotations

from itertools import pairwise
from math import pi

import numpy as np
from skimage.measure import find_contours

from tumorscope.measurement.radiomics.aggregation import ratio
from tumorscope.measurement.radiomics.shape import center_shift, principal_axes


def contour(image: np.ndarray, mask: np.ndarray, spacing: tuple[float, float]) -> dict[str, float]:
    """16 features of the contour (marching squares at level 0.5) and of the pixels' centers.

    Args:
        image: float ``(row, column)``.
        mask: boolean, the same shape, not empty.
        spacing: distance of pixel centers; 1 where it is unknown.
    """
    # A sixth of a second at every start of the program, if it were above.
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    contours = [line * spacing for line in find_contours(np.pad(mask, 1).astype(float), 0.5)]
    # Around a hole the line runs the other way, and its area counts against the region's.
    area = abs(sum(_signed_area(line) for line in contours))
    perimeter = sum(float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) for line in contours)
    points = np.concatenate(contours)
    hull = ConvexHull(points)
    height, width = np.ptp(points, axis=0)
    centers = np.argwhere(mask) * np.array(spacing)
    minor, major = principal_axes(centers)
    circularity = 2 * (pi * area) ** 0.5 / perimeter
    found = {
        "area": area,
        "area_pixels": float(mask.sum()) * spacing[0] * spacing[1],
        "perimeter": perimeter,
        "perimeter_to_area": perimeter / area,
        "circularity": circularity,
        "circular_disproportion": 1 / circularity,
        "center_shift": center_shift(centers, image[mask]),
        "diameter": float(pdist(points[hull.vertices]).max()),
        "major_axis": major,
        "minor_axis": minor,
        "elongation": ratio(minor, major),
        "box_area_density": area / float(height * width),
        "ellipse_area_density": ratio(area, pi * major * minor / 4),
        "hull_area_density": area / float(hull.volume),  # in the plane Qhull's volume is an area, its area a length
        "hull_perimeter_density": perimeter / float(hull.area),
        "integrated_intensity": float(image[mask].mean()) * area,
    }
    return {f"shape2d_{name}": float(value) for name, value in found.items()}


def _signed_area(line: np.ndarray) -> float:
    """Of a closed line of points ``(row, column)``, by the shoelace formula."""
    return sum(float(y0 * x1 - y1 * x0) for (y0, x0), (y1, x1) in pairwise(line)) / 2
