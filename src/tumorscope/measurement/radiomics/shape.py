"""Morphological features of a volume (IBSI 3.1)."""

from __future__ import annotations

from math import comb, pi

import numpy as np
from scipy.special import eval_legendre
from skimage.measure import marching_cubes, mesh_surface_area

from tumorscope.measurement.radiomics.aggregation import ratio


def shape(image: np.ndarray, mask: np.ndarray, spacing: tuple[float, float, float]) -> dict[str, float]:
    """23 features of the surface mesh, of the voxels' centers and of solids around them.

    Left out are the four of the smallest oriented box and ellipsoid, for which IBSI found
    no reference values. The mesh is marching cubes' at level 0.5.

    Args:
        image: float ``(slice, row, column)``.
        mask: boolean, the same shape, not empty.
        spacing: distance of voxel centers; 1 where it is unknown.
    """
    # A sixth of a second at every start of the program, if it were above.
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    vertices, faces, *_ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=spacing)
    area = float(mesh_surface_area(vertices, faces))
    volume = _mesh_volume(vertices, faces)
    hull = ConvexHull(vertices)
    sides = np.ptp(vertices, axis=0)
    centers = np.argwhere(mask) * np.array(spacing)
    least, minor, major = principal_axes(centers)
    compact = 36 * pi * volume**2 / area**3
    found = {
        "volume": volume,
        "vol_approx": int(mask.sum()) * float(np.prod(spacing)),
        "area_mesh": area,
        "av": area / volume,
        "comp_1": volume / (pi**0.5 * area**1.5),
        "comp_2": compact,
        "sph_dispr": compact ** (-1 / 3),
        "sphericity": compact ** (1 / 3),
        "asphericity": compact ** (-1 / 3) - 1,
        "com": center_shift(centers, image[mask]),
        "diam": float(pdist(vertices[hull.vertices]).max()),
        "pca_maj_axis": major,
        "pca_min_axis": minor,
        "pca_least_axis": least,
        "pca_elongation": ratio(minor, major),
        "pca_flatness": ratio(least, major),
        "vol_dens_aabb": volume / float(np.prod(sides)),
        "area_dens_aabb": area / (2 * float(sides[0] * sides[1] + sides[1] * sides[2] + sides[2] * sides[0])),
        "vol_dens_aee": ratio(volume, pi * major * minor * least / 6),
        "area_dens_aee": ratio(area, ellipsoid_area(major / 2, minor / 2, least / 2)),
        "vol_dens_conv_hull": volume / float(hull.volume),
        "area_dens_conv_hull": area / float(hull.area),
        "integ_int": float(image[mask].mean()) * volume,
    }
    return {f"morph_{name}": float(value) for name, value in found.items()}


def principal_axes(centers: np.ndarray) -> tuple[float, ...]:
    """Lengths of the principal axes, the shortest first: four standard deviations of the points along each.

    The variance is that of a sample (divided by one less than the number of points):
    the published values of the digital phantom are met only so.
    """
    spread = np.linalg.eigvalsh(np.cov(centers.T)) if len(centers) > 1 else np.zeros(centers.shape[1])
    # Rounding gives a flat region a variance of about 1e-16, whose root would look like a thickness.
    spread[spread < 1e-9 * max(spread.max(), 1e-300)] = 0
    return tuple(float(axis) for axis in 4 * np.sqrt(spread))


def center_shift(centers: np.ndarray, values: np.ndarray) -> float:
    """Distance between the region's center and its center weighted by intensity; 0 where intensities cancel."""
    total = float(values.sum())
    return float(np.linalg.norm(centers.mean(axis=0) - values @ centers / total)) if total else 0.0


def ellipsoid_area(a: float, b: float, c: float, terms: int = 21) -> float:
    """IBSI's area of an ellipsoid with semi-axes ``a >= b >= c``, a series of Legendre polynomials (IBSI 3.1.22).

    It is not quite the area: with these eccentricities the series is off by some per cent
    where the axes differ (3 % for the digital phantom). The reference value rests on it.
    """
    if not a or not b:
        return 0.0
    alpha, beta = (1 - (b / a) ** 2) ** 0.5, (1 - (c / a) ** 2) ** 0.5
    if not alpha * beta:  # the limit of a series whose polynomials have no argument
        return 4 * pi * a * b * sum(comb(2 * n, n) * (beta / 2) ** (2 * n) / (1 - 4 * n**2) for n in range(terms))
    order = np.arange(terms)
    series = (alpha * beta) ** order / (1 - 4.0 * order**2)
    return float(4 * pi * a * b * (series @ eval_legendre(order, (alpha**2 + beta**2) / (2 * alpha * beta))))


def _mesh_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Of a closed mesh, as the sum of signed tetrahedra (IBSI 3.1.1)."""
    a, b, c = (vertices[faces[:, corner]].astype(float) for corner in range(3))
    return abs(float(np.einsum("ij,ij->", a, np.cross(b, c)))) / 6
