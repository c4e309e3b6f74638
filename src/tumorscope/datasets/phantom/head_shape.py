"""The head's shape and everything around the brain: scalp, skull, meninges, orbits.

Head coordinates are RAS+ in millimeters about the head's center. The plane through the
anterior commissure lies 20 mm below it, the eyes 50 mm below and the vertex 63 mm above.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tumorscope.datasets.phantom.contrast import Tissue
from tumorscope.datasets.phantom.fields import Field, Points, ellipsoid, inside, smooth_minimum, tube

Layer = tuple[Tissue, np.ndarray]
"""A tissue and the fraction of each voxel that it fills; later layers cover earlier ones."""

COMMISSURE_Z_MM = -20.0
_CENTER_Y_MM, _WIDEST_Z_MM = -4.0, -8.0
_BASE_DEPTH_MM, _FACE_DEPTH_MM = 100.0, 150.0


@dataclass(frozen=True)
class HeadShape:
    """Parameters of a head. Lengths in mm; the brain's half axes end at the dura."""

    half_width: float
    half_length: float
    height: float
    egg: float
    yaw: float
    roll: float
    scalp: float
    skull: float
    subarachnoid: float
    cortex: float
    gyrus: float
    sulcus_depth: float
    sulcus_width: float
    ventricles: float
    seed: int = field(repr=False)

    @classmethod
    def draw(cls, random: np.random.Generator, seed: int) -> HeadShape:
        """A head within the adult range."""
        size = random.uniform(0.95, 1.04)
        elongation = random.uniform(0.96, 1.04)
        return cls(
            half_width=67 * size / elongation,
            half_length=84 * size * elongation,
            height=57 * size,
            egg=random.uniform(0.06, 0.14),
            yaw=random.normal(0, 0.025),
            roll=random.normal(0, 0.02),
            scalp=random.uniform(3.5, 5.5),
            skull=random.uniform(5.0, 7.5),
            subarachnoid=random.uniform(0.8, 2.2),
            cortex=random.uniform(2.7, 3.4),
            gyrus=random.uniform(10.0, 12.5),
            sulcus_depth=random.uniform(12.0, 18.0),
            sulcus_width=random.uniform(0.5, 1.1),
            ventricles=random.uniform(0.75, 1.25),
            seed=seed,
        )

    def to_head(self, points: Points) -> Points:
        """Scanner coordinates to head coordinates: heads are tilted and asymmetric."""
        random = self.generator(7)
        uneven = [1.2 * Field.draw(random, 110.0).at(points) for _ in range(2)]
        cy, sy, cr, sr = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.roll), np.sin(self.roll)
        x, y = cy * points.x - sy * points.y, sy * points.x + cy * points.y
        x, y = x + uneven[0], y + uneven[1]
        return Points(*(axis.astype(np.float32) for axis in (cr * x - sr * points.z, y, sr * x + cr * points.z)))

    def generator(self, purpose: int) -> np.random.Generator:
        """An independent random stream for each purpose."""
        return np.random.default_rng((self.seed, purpose))


@dataclass(frozen=True, eq=False)
class Hull:
    """One of the head's egg-shaped surfaces, evaluated at the points.

    Attributes:
        level: 0 at the center, 1 on the surface.
        distance: signed distance in mm, negative inside.
        tilt: vertical component of the outward normal, 0 to 1.
    """

    level: np.ndarray
    distance: np.ndarray
    tilt: np.ndarray

    def take(self, index: np.ndarray) -> Hull:
        """The same surface for some of the points."""
        return Hull(self.level[index], self.distance[index], self.tilt[index])


def hull(shape: HeadShape, points: Points, grown_mm: float, depth_mm: float, temple: float = 0.0) -> Hull:
    """The surface ``grown_mm`` outside the dura, reaching ``depth_mm`` below its widest level.

    ``temple`` draws it in beside the forehead, below the widest level, where the temporal
    muscle lies.
    """
    a, b, c = (np.float32(length + grown_mm) for length in (shape.half_width, shape.half_length, shape.height))
    y, z = points.y - np.float32(_CENTER_Y_MM), points.z - np.float32(_WIDEST_Z_MM)
    narrowing = np.float32(shape.egg) * y / b
    if temple:
        narrowing = narrowing + np.float32(temple) * np.clip(y / b, 0, 1) * np.clip(-z / 35, 0, 1)
    x = points.x * (1 + narrowing)
    u, v, w = x / a, y / b, z / np.where(z > 0, c, np.float32(depth_mm))
    level = np.sqrt(u * u + v * v + w * w)
    vertical = np.abs(w) / np.where(z > 0, c, np.float32(depth_mm))
    slope = np.sqrt((u / a) ** 2 + (v / b) ** 2 + vertical**2) / np.maximum(level, 1e-3)
    distance = (level - 1) / np.maximum(slope, 1e-3)
    return Hull(level, distance, vertical / np.maximum(level * slope, 1e-6))


def outer_hull(shape: HeadShape, points: Points) -> Hull:
    """The skin, with a nose below the level of the eyes."""
    skin = hull(shape, points, shape.skull + shape.scalp, _FACE_DEPTH_MM)
    nose = ellipsoid(points, (0, shape.half_length + 7, -74), (13, 17, 24))
    ear_x = shape.half_width + shape.skull + shape.scalp
    side = Points(np.abs(points.x), points.y, points.z)
    ear = tube(side, [(ear_x - 6, -12, -64, 4.5), (ear_x + 1, -25, -52, 3.0), (ear_x - 2, -24, -42, 2.5)])
    distance = smooth_minimum(smooth_minimum(skin.distance, nose, 8.0), ear, 4.0)
    return Hull(skin.level, distance, skin.tilt)


def inner_hull(shape: HeadShape, points: Points) -> Hull:
    """The inner table of the skull."""
    return hull(shape, points, 0.0, _BASE_DEPTH_MM, temple=0.3)


def coverings(
    shape: HeadShape, points: Points, skin: Hull, skull: Hull, base: np.ndarray, voxel_mm: tuple[float, float]
) -> Iterator[Layer]:
    """From the skin to the cerebrospinal fluid, outermost first.

    Args:
        shape: the head.
        points: ``(n,)`` each.
        skin: from :func:`outer_hull`.
        skull: from :func:`inner_hull`.
        base: signed distance to the brain with its coverings; the skull base is inside
            the skull's egg but outside this.
        voxel_mm: a voxel's width and the slice's thickness; where a surface lies flat, as
            at the vertex, a slice averages over its layers.
    """
    width, thickness = voxel_mm
    random = shape.generator(1)
    patches = Field.draw(random, 14.0, band=0.5).at(points)
    waves = Field.draw(random, 45.0, band=0.5).at(points)
    edge = width + 0.8 * thickness * skin.tilt
    depth = -skin.distance
    bone = np.maximum(skull.distance, base) - np.float32(shape.skull) * (1 + 0.12 * waves)
    yield Tissue.SKIN, inside(skin.distance, edge)
    fat = 1.6 - depth
    yield Tissue.FAT, inside(fat, edge)
    muscle = np.float32(shape.scalp + 0.5) * (1 + 0.1 * waves) - depth
    yield Tissue.MUSCLE, inside(muscle, edge)
    deep = np.maximum(muscle, 2 - bone)  # fat between the muscles of the face
    yield Tissue.FAT, inside(deep, edge) * np.clip(patches - 0.4, 0, 0.8)
    yield Tissue.BONE, inside(bone, edge)
    marrow = np.abs(bone + np.float32(0.5 * shape.skull)) - np.float32(0.2 * shape.skull)
    yield Tissue.MARROW, inside(marrow, edge + 1) * np.clip(0.45 + 0.15 * patches, 0.2, 0.7)
    yield Tissue.DURA, inside(np.maximum(skull.distance, base) - 0.3, width + 0.8 * thickness * skull.tilt)


def orbits(shape: HeadShape, points: Points, edge_mm: float) -> Iterator[Layer]:
    """Eyes in their fat, and the air cells between them."""
    ripples = 1.2 * Field.draw(shape.generator(8), 22.0, band=0.5).at(points)
    x = np.abs(points.x)
    side = Points(x, points.y + ripples, points.z)
    cone = tube(side, [(33, 66, -52, 16), (17, 34, -50, 5)])
    yield Tissue.BONE, inside(cone - 2.5, edge_mm)
    yield Tissue.FAT, inside(cone, edge_mm)
    for path in ([(43, 64, -52, 1.8), (20, 36, -50, 2.2)], [(22, 64, -52, 1.8), (15, 36, -50, 2.2)]):
        yield Tissue.MUSCLE, inside(tube(side, path), edge_mm)
    yield Tissue.MUSCLE, inside(tube(side, [(32, 60, -52, 2.0), (17, 34, -50, 2.0)]), edge_mm)  # optic nerve
    globe = ellipsoid(side, (33, 70, -52), (12.5, 12.5, 12))
    yield Tissue.MUSCLE, inside(globe - 1.2, edge_mm)
    yield Tissue.VITREOUS, inside(globe, edge_mm)
    cells = ellipsoid(Points(points.x + ripples, points.y, points.z), (0, 59, -61), (12.5, 29, 20))
    yield Tissue.BONE, inside(cells - 2, edge_mm)
    yield Tissue.AIR, inside(cells, edge_mm)
    septa = np.abs(np.mod(points.x + 2.5 * ripples + 3.6, 7.3) - 3.6) - 0.9
    yield Tissue.MUSCLE, 0.9 * inside(np.maximum(cells, septa), edge_mm)


def sinuses(points: Points, skull: Hull, edge_mm: float) -> Iterator[Layer]:
    """The falx and the superior sagittal sinus in its upper edge."""
    depth = -skull.distance
    x = np.abs(points.x)
    behind = np.clip(0.5 - points.y / 120, 0.15, 1)  # it grows towards the back
    sinus = np.maximum(np.maximum(x - 4.5 * behind * (1 - depth / (8 * behind)), depth - 8 * behind), -depth)
    sinus = np.maximum(sinus, -10 - points.z)
    yield Tissue.DURA, inside(sinus - 1.2, edge_mm)
    yield Tissue.VESSEL, inside(sinus, edge_mm)
