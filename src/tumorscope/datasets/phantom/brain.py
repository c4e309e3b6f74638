"""The brain: folded cortex, white matter, ventricles, deep nuclei, brainstem and cerebellum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tumorscope.datasets.phantom.contrast import Tissue
from tumorscope.datasets.phantom.fields import Field, Points, ellipsoid, inside, smooth_maximum, smooth_minimum, tube
from tumorscope.datasets.phantom.head_shape import COMMISSURE_Z_MM, HeadShape, Hull, Layer

# Half of a symmetric brain: (x, y, z above the commissure, radius), from atlas sections.
_Path = list[tuple[float, float, float, float]]
_LATERAL_VENTRICLE: _Path = [
    (14, 34, 6, 1.5),
    (8.5, 20, 13, 4.2),
    (7.5, -8, 22, 4.8),
    (21, -38, 14, 6.0),
    (25, -60, 7, 1.5),
]
_TEMPORAL_HORN: _Path = [(22, -38, 13, 5.0), (35, -22, -12, 2.2), (33, -4, -17, 1.5)]
_BRAINSTEM: _Path = [(0, -27, -4, 8), (0, -26, -28, 13), (0, -40, -60, 9)]
_PEDUNCLE: _Path = [(15, -8, 6, 5), (9, -17, -6, 6.5), (6.5, -21, -26, 9), (2, -38, -60, 8)]


@dataclass(frozen=True, eq=False)
class Parts:
    """Signed distances in mm to the brain's large parts, negative inside."""

    cerebrum: np.ndarray
    cerebellum: np.ndarray

    def take(self, index: np.ndarray) -> Parts:
        """The same parts for some of the points."""
        return Parts(self.cerebrum[index], self.cerebellum[index])

    @property
    def brain(self) -> np.ndarray:
        """Distance to the union of both."""
        return np.minimum(self.cerebrum, self.cerebellum)


def large_parts(points: Points, skull: Hull) -> Parts:
    """Divide the inside of the skull at the tentorium and the skull base."""
    x, y, h = np.abs(points.x), points.y, points.z - np.float32(COMMISSURE_Z_MM)
    side = Points(x, y, h)
    temporal = ellipsoid(side, (39, 4, -24), (25, 36, 30))
    above_base = smooth_minimum(-(h + 20) * 0.9, temporal, 6.0)
    tentorium = ellipsoid(side, (0, -54, -42), (60, 48, 36))
    petrous = (y + 26 + 0.22 * x) * 0.95
    behind = smooth_maximum(tentorium, petrous, 4.0)
    # The cortex that lies flat on the tentorium is cut along, and would be a broad bright
    # patch at its true thickness; here it counts as nearer to white matter.
    cerebrum = np.maximum(smooth_maximum(skull.distance, above_base, 5.0), -1.8 * (behind + 1))
    cerebellum = smooth_maximum(skull.distance + 2, behind + 0.5, 5.0)
    return Parts(cerebrum, cerebellum)


def brain_layers(
    shape: HeadShape, points: Points, skull: Hull, parts: Parts, voxel_mm: tuple[float, float]
) -> Iterator[Layer]:
    """Everything inside the dura, outermost first; the fluid is below all of it."""
    width, thickness = voxel_mm
    edge = width + 0.5 * thickness * skull.tilt
    random = shape.generator(2)
    deformation = [2.5 * Field.draw(random, 60.0, band=0.5).at(points) for _ in range(3)]
    x, y = points.x + deformation[0], points.y + deformation[1]
    h = points.z - np.float32(COMMISSURE_Z_MM) + deformation[2]
    side = Points(np.abs(x), y, h)

    yield Tissue.CSF, np.ones_like(skull.distance)
    pial = _pial_depth(shape, points, skull, parts, deformation)
    yield Tissue.GRAY_MATTER, inside(-pial, edge)
    thickness_noise = 1 + 0.15 * deformation[2] / 2.5
    yield Tissue.WHITE_MATTER, inside(np.float32(shape.cortex) * thickness_noise - pial, edge + 0.8)
    yield from _nuclei(side, width)
    yield from _ventricles(shape, side, width)
    yield from _posterior_fossa(shape, points, side, parts, width)
    veins = Field.draw(shape.generator(4), 10.0, band=0.35).at(points)
    yield Tissue.VESSEL, inside(np.abs(pial + 0.3) - 0.4, width) * np.clip(2.5 * (veins - 1.25), 0, 0.9)


def _pial_depth(
    shape: HeadShape, points: Points, skull: Hull, parts: Parts, deformation: list[np.ndarray]
) -> np.ndarray:
    """Depth in mm under the cortex's folded surface; negative in the fluid.

    A sulcus is a sheet that hangs from the surface to its own depth. The sheets are where a
    band-limited random field on the surface is zero, carried inwards along the rays, so
    that they are as far apart as gyri are wide and meet the surface at right angles.
    """
    random = shape.generator(3)
    h = points.z - np.float32(COMMISSURE_Z_MM)
    under_dura = -parts.cerebrum - np.float32(shape.subarachnoid)
    wander = [3.0 * Field.draw(random, 28.0, band=0.4).at(points) for _ in range(3)]
    folds = Field.draw(random, 2 * shape.gyrus, band=0.16, steepness=True)
    depths = np.float32(shape.sulcus_depth) * (1 + 0.35 * Field.draw(random, 40.0, band=0.5).at(points))

    outward = 1 / np.maximum(skull.level, 0.3)
    at_surface = Points(*((axis + shift) * outward for axis, shift in zip(points, wander, strict=True)))
    sheet = folds.distance_to_zero(at_surface) / outward
    # Above the skull base only the vault's sulci reach in; below it each temporal lobe has its own.
    reach = np.where(h > -16, -skull.distance, under_dura)
    beyond = np.maximum(reach - depths, 0)
    # A sulcus is a cleft that narrows inwards.
    cleft = np.float32(shape.sulcus_width) * np.clip(1.2 - 0.8 * under_dura / depths, 0.3, 1.2)
    sulcus = np.sqrt(sheet**2 + beyond**2) - cleft

    # The midline: the fissure ends at the corpus callosum, and has sulci of its own.
    midline = np.abs(points.x + 0.5 * deformation[0])
    callosum = np.sqrt(((points.y + 8) / 46) ** 2 + ((h - 4) / 28) ** 2)
    within = np.maximum(1 - callosum, 0) * 24
    fissure = np.sqrt(midline**2 + within**2) - 0.9
    beside = Points(np.sign(points.x) * np.float32(50), points.y + 1.5 * wander[1], points.z + 1.5 * wander[2])
    medial = np.sqrt(folds.distance_to_zero(beside) ** 2 + np.maximum(fissure - 0.55 * depths, 0) ** 2 + within**2)

    # The Sylvian fissure: a stem from the side that opens over the insula.
    lateral = np.abs(points.x)
    gap = lambda value, low, high: np.maximum(np.maximum(low - value, value - high), 0)  # noqa: E731
    insula_x = 41 - 0.014 * (points.y - 2) ** 2 + 0.7 * wander[0]
    insula = np.sqrt((lateral - insula_x) ** 2 + gap(points.y, -22, 20) ** 2 + gap(h, -8, 14) ** 2)
    stem_h = 2 - 0.3 * (points.y - 5) + 0.5 * wander[2]
    stem = np.sqrt(((h - stem_h) * 0.9) ** 2 + gap(points.y, -38, 24) ** 2 + gap(lateral, 38, 90) ** 2)
    sylvian = np.minimum(insula, stem) - 0.8

    clefts = smooth_minimum(smooth_minimum(sulcus, medial - 0.5, 2.0), np.minimum(fissure, sylvian), 2.5)
    return smooth_minimum(under_dura, clefts, 3.0)


def _nuclei(side: Points, edge: float) -> Iterator[Layer]:
    thalamus = ellipsoid(side, (11, -17, 8), (8.5, 15, 10))
    caudate = ellipsoid(side, (14.5, 17, 11), (5.5, 11, 10))
    lentiform = ellipsoid(Points(side.x + 0.25 * (side.y - 2), side.y, side.z), (25, 2, 4), (7.5, 18, 10))
    yield Tissue.DEEP_GRAY_MATTER, inside(np.minimum(np.minimum(thalamus, caudate), lentiform), edge + 1.2)


def _ventricles(shape: HeadShape, side: Points, edge: float) -> Iterator[Layer]:
    # Narrow and tall, hence the stretched x and the squeezed z.
    squeezed = Points(side.x / np.float32(0.75), side.y, side.z / np.float32(1.3))
    paths = [
        [(x / 0.75, y, z / 1.3, r * shape.ventricles) for x, y, z, r in path]
        for path in (_LATERAL_VENTRICLE, _TEMPORAL_HORN)
    ]
    lateral = np.minimum(tube(squeezed, paths[0]), tube(squeezed, paths[1]))
    lateral = np.maximum(lateral, 0.9 - side.x)  # the septum
    third = ellipsoid(side, (0, -9, 1), (2.4 * shape.ventricles, 14, 12))
    yield Tissue.WHITE_MATTER, inside(lateral - 1.2, edge)
    yield Tissue.CSF, inside(np.minimum(lateral, third), edge)
    plexus = ellipsoid(side, (20, -36, 14), (2.2, 4.5, 5))
    yield Tissue.CHOROID_PLEXUS, 0.8 * inside(plexus, edge)


def _posterior_fossa(shape: HeadShape, points: Points, side: Points, parts: Parts, edge: float) -> Iterator[Layer]:
    h = side.z
    below = h + 5
    stem = smooth_minimum(tube(side, _BRAINSTEM), tube(side, _PEDUNCLE), 3.0)
    suprasellar = ellipsoid(side, (0, 4, -18), (11, 9, 9))
    yield Tissue.CSF, inside(smooth_minimum(np.maximum(stem - 2.4, below), suprasellar, 3.0), edge)
    cerebellum = parts.cerebellum
    yield Tissue.CSF, inside(cerebellum - 1.2, edge)
    yield Tissue.GRAY_MATTER, inside(cerebellum, edge)
    arms = np.sqrt((side.x - 18) ** 2 + (0.6 * (side.y + 50)) ** 2 + (h + 38) ** 2) - 15
    yield Tissue.WHITE_MATTER, inside(np.maximum(arms, cerebellum + 5), 5.0)
    # Folia are finer than a voxel: they only darken. Coarse grids would turn them to moiré.
    visible = float(np.clip(2 - edge, 0, 1))
    rings = np.sqrt(side.x**2 * 0.5 + (side.y + 20) ** 2 + (h + 30) ** 2)
    folia = np.clip(np.cos(rings * (2 * np.pi / 4.6)) * 2 - 1, 0, 1)
    yield Tissue.CSF, 0.32 * visible * folia * inside(cerebellum + 1, edge) * inside(cerebellum * -1 - 16, 6.0)
    yield Tissue.WHITE_MATTER, inside(np.maximum(stem, below), edge + 0.5)
    fourth = ellipsoid(side, (0, -43, -34), (7, 5, 13))
    yield Tissue.CSF, inside(fourth, edge)
