"""Zones of one gray level: how large (GLSZM, IBSI 3.8) and how far inside (GLDZM, IBSI 3.9)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.measure import label

from tumorscope.measurement.radiomics.aggregation import by_part
from tumorscope.measurement.radiomics.counts import Counts, count, emphases, merge

SIZE_TAGS = [
    "sze",
    "lze",
    "lgze",
    "hgze",
    "szlge",
    "szhge",
    "lzlge",
    "lzhge",
    "glnu",
    "glnu_norm",
    "zsnu",
    "zsnu_norm",
    "z_perc",
    "gl_var",
    "zs_var",
    "zs_entr",
]
DISTANCE_TAGS = [
    "sde",
    "lde",
    "lgze",
    "hgze",
    "sdlge",
    "sdhge",
    "ldlge",
    "ldhge",
    "glnu",
    "glnu_norm",
    "zdnu",
    "zdnu_norm",
    "z_perc",
    "gl_var",
    "zd_var",
    "zd_entr",
]


def size_zones(levels: np.ndarray, aggregation: str) -> dict[str, float]:
    """The 16 features of zone sizes; a zone's voxels share a face, an edge or a corner."""
    return by_part(levels, aggregation, _sizes, merge, lambda counts: _named("szm", SIZE_TAGS, counts))


def distance_zones(levels: np.ndarray, aggregation: str) -> dict[str, float]:
    """The 16 features of zone distances: voxels, by faces, from a zone's outermost voxel to the region's edge."""
    flat = not aggregation.startswith("3D")
    return by_part(
        levels,
        aggregation,
        lambda part: _distances(part, flat),
        merge,
        lambda counts: _named("dzm", DISTANCE_TAGS, counts),
    )


def _sizes(part: np.ndarray) -> Counts:
    zones, level = _zones(part)
    return count(level, np.bincount(zones.ravel())[1:], int((part > 0).sum()))


def _distances(part: np.ndarray, flat: bool) -> Counts:
    zones, level = _zones(part)
    region = np.pad(part[0] > 0 if flat else part > 0, 1)
    inward = np.asarray(ndimage.distance_transform_cdt(region, metric="taxicab"))
    inward = inward[(slice(1, -1),) * inward.ndim].reshape(part.shape)
    nearest = ndimage.minimum(inward, zones, np.arange(1, len(level) + 1))
    return count(level, np.asarray(nearest).astype(np.intp), int((part > 0).sum()))


def _zones(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zones numbered from 1, and the level of each."""
    zones = np.asarray(label(part, background=0, connectivity=3))
    first = np.unique(zones, return_index=True)[1]
    level = part.ravel()[first]
    return zones, level[level > 0]


def _named(family: str, names: list[str], counts: Counts) -> dict[str, float]:
    return {f"{family}_{name}": value for name, value in zip(names, emphases(counts), strict=True)}
