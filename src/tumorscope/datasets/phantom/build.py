"""A whole phantom: a procedural head in several sequences, with lesions of known contour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.core.scan import Scan, StoredGrid
from tumorscope.datasets.phantom.brain import brain_layers, large_parts
from tumorscope.datasets.phantom.contrast import Tissue, add_rician_noise, draw_shading, draw_signals
from tumorscope.datasets.phantom.fields import Field, Points, inside
from tumorscope.datasets.phantom.head_shape import HeadShape, Layer, coverings, inner_hull, orbits, outer_hull, sinuses
from tumorscope.datasets.phantom.lesion_shapes import DrawnLesion, Lesion

FIELD_OF_VIEW_MM = (132.0, 230.4, 230.4)
WHITE_MATTER_SIGNAL = 400.0
"""Stored value of white matter, before shading and noise."""

_POSE_SLACK_MM = 18.0
"""Upper limit of the skin's displacement by tilt and unevenness; only nearer points are evaluated exactly."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """A phantom with its ground truth.

    Attributes:
        scan: uint16 voxels, axial, with affine.
        mask: boolean ``(slice, row, column)``, the lesions at voxel centers.
        lesions: what was drawn.
        labels: uint8 ``(slice, row, column)``, values of :class:`Tissue`, of the healthy head.
        seed, noise, bias: as given to :func:`make_phantom`.
    """

    scan: Scan
    mask: np.ndarray
    lesions: tuple[Lesion, ...]
    labels: np.ndarray
    seed: int
    noise: float
    bias: float

    @property
    def volume_mm3(self) -> float:
        """Volume of the mask, counted in voxels."""
        return float(self.mask.sum()) * (self.scan.voxel_volume_mm3 or 0.0)


def make_phantom(
    lesions: Sequence[Lesion] = (),
    *,
    seed: int = 0,
    shape: tuple[int, int, int] = (24, 256, 256),
    spacing_mm: tuple[float, float, float] | None = None,
    sequences: Sequence[str] = ("t1", "flair", "t1c"),
    noise: float = 0.03,
    bias: float = 0.2,
) -> Phantom:
    """Draw a head.

    The seed decides the head (size, folding, ventricles, contrast, shading) and, with each
    lesion's index in the list, its contour; the grid decides nothing but the sampling.

    Args:
        lesions: what to draw into the brain; nothing is drawn outside the skull's inside.
        seed: same seed, same voxels.
        shape: slices, rows, columns.
        spacing_mm: between voxel centers ``(slice, row, column)``; by default the field of
            view is 132 × 230.4 × 230.4 mm, whatever the shape.
        sequences: from ``t1``, ``flair``, ``t1c`` and ``t2``.
        noise: standard deviation relative to white matter's signal.
        bias: typical relative unevenness of the coil's gain.

    >>> phantom = make_phantom([Lesion((30, 10, 10), (18, 20, 18))], shape=(8, 96, 96))
    >>> phantom.scan.voxels.shape, phantom.scan.spacing_mm
    ((8, 96, 96, 3), (16.5, 2.4, 2.4))
    >>> bool(phantom.mask.any())
    True
    """
    sequences = tuple(sequences)
    depth, height, width = (length / count for length, count in zip(FIELD_OF_VIEW_MM, shape, strict=True))
    spacing = spacing_mm or (depth, height, width)
    affine = centered_affine(shape, spacing)
    form = HeadShape.draw(np.random.default_rng((seed, 0)), seed)
    grid = _centers(shape, spacing)
    rough = np.flatnonzero(outer_hull(form, grid).distance < _POSE_SLACK_MM)
    posed = form.to_head(grid.take(rough))
    kept = np.flatnonzero(outer_hull(form, posed).distance < 2 * spacing[1] + 2)
    head = rough[kept]
    points = grid.take(head)
    signals, labels, room = _draw_head(form, posed.take(kept), sequences, (spacing[1], spacing[0]))

    mask = np.zeros(grid.x.shape, bool)
    for index, lesion in enumerate(lesions):
        drawn = DrawnLesion(lesion, np.random.default_rng((seed, 100, index)))
        near = np.flatnonzero((room > 0) & _close(points, lesion))
        place_mm = points.take(near)
        signals[:, near] = drawn.painted(signals[:, near], place_mm, sequences, spacing[1], room[near])
        mask[head[near]] |= (drawn.radius(place_mm) < 1) & (room[near] >= 0.5)

    random = np.random.default_rng((seed, 6))
    signals *= draw_shading(random, points, bias)
    image = np.full((len(sequences), mask.size), 0.01, np.float32)
    image[:, head] = signals
    image = _acquire(image.reshape(-1, *shape), noise, random)
    whole = np.zeros(mask.size, np.uint8)
    whole[head] = labels
    scan = Scan(
        voxels=np.moveaxis(image, 0, -1),
        sequences=sequences,
        case=f"phantom-{seed}",
        kind="volume",
        affine=affine,
        stored=StoredGrid(shape[::-1], affine, (2, 1, 0), (False, False, False)),
    )
    return Phantom(scan, mask.reshape(shape), tuple(lesions), whole.reshape(shape), seed, noise, bias)


def healthy_twin(phantom: Phantom) -> Phantom:
    """The same head with the same shading and noise, without its lesions."""
    scan = phantom.scan
    return make_phantom(
        (),
        seed=phantom.seed,
        shape=scan.shape,
        spacing_mm=scan.spacing_mm,
        sequences=scan.sequences,
        noise=phantom.noise,
        bias=phantom.bias,
    )


def centered_affine(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """``(column, row, slice, 1)`` to RAS+ mm, axial, with the origin in the grid's middle."""
    affine = np.diag([-spacing_mm[2], -spacing_mm[1], spacing_mm[0], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    return affine


def _centers(shape: tuple[int, int, int], spacing: tuple[float, ...]) -> Points:
    z, y, x = ((np.arange(n, dtype=np.float32) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True))
    whole = np.broadcast_arrays(-x[None, None, :], -y[None, :, None], z[:, None, None])
    return Points(*(np.ascontiguousarray(axis, np.float32).ravel() for axis in whole))


def _close(points: Points, lesion: Lesion) -> np.ndarray:
    reach = [radius * np.exp(2 * lesion.irregularity) + 6 for radius in lesion.radii_mm]
    close = [np.abs(axis - c) < r for axis, c, r in zip(points, lesion.center_mm, reach, strict=True)]
    return close[0] & close[1] & close[2]


def _draw_head(
    form: HeadShape, points: Points, sequences: tuple[str, ...], voxel_mm: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signals ``(sequence, n)``, labels ``(n,)`` and the fraction of a voxel inside the meninges ``(n,)``."""
    width, thickness = voxel_mm
    table = draw_signals(form.generator(5), sequences)
    skin, skull = outer_hull(form, points), inner_hull(form, points)
    parts = large_parts(points, skull)
    dura = parts.brain - 1.5
    canvas = _Canvas.blank(table, len(points.x))
    canvas.paint(coverings(form, points, skin, skull, dura, voxel_mm))
    low = np.flatnonzero((points.z < -28) & (points.y > 20))
    canvas.paint_at(low, orbits(form, points.take(low), width))

    meninges = np.maximum(skull.distance, dura) + 1.0
    brain = np.flatnonzero(meninges < width + thickness)
    inner = points.take(brain)
    seen = skull.take(brain)
    contents = _Canvas.blank(table, len(brain))
    contents.paint(brain_layers(form, inner, seen, parts.take(brain), voxel_mm))
    contents.paint(sinuses(inner, seen, width))
    contents.signals[:] *= 1 + 0.025 * Field.draw(form.generator(9), 11.0, band=0.5).at(inner)
    share = inside(meninges[brain], width + 0.8 * thickness * seen.tilt)
    canvas.signals[:, brain] += share * (contents.signals - canvas.signals[:, brain])
    canvas.labels[brain] = np.where(share > 0.5, contents.labels, canvas.labels[brain])
    room = np.zeros(len(points.x), np.float32)
    room[brain] = share
    return canvas.signals, canvas.labels, room


@dataclass(frozen=True, eq=False)
class _Canvas:
    """Signals and labels to which layers are added."""

    table: np.ndarray
    signals: np.ndarray
    labels: np.ndarray

    @classmethod
    def blank(cls, table: np.ndarray, count: int) -> _Canvas:
        signals = np.repeat(table[:, Tissue.AIR, None], count, axis=1)
        return cls(table, signals, np.zeros(count, np.uint8))

    def paint(self, layers: Iterable[Layer]) -> None:
        for tissue, share in layers:
            for row, signal in zip(self.signals, self.table[:, tissue], strict=True):
                row += share * (signal - row)
            self.labels[share > 0.5] = tissue

    def paint_at(self, index: np.ndarray, layers: Iterable[Layer]) -> None:
        part = _Canvas(self.table, self.signals[:, index], self.labels[index])
        part.paint(layers)
        self.signals[:, index], self.labels[index] = part.signals, part.labels


def _acquire(image: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    """Noise, the slight blur of a clinical matrix, and whole numbers."""
    image = add_rician_noise(image, noise, random)
    for axis in (2, 3):
        image = _blurred(image, axis)
    return np.clip(image * WHITE_MATTER_SIGNAL + 0.5, 0, 65535).astype(np.uint16)


def _blurred(image: np.ndarray, axis: int) -> np.ndarray:
    """Three taps, 1/6 4/6 1/6: the blur of interpolation to a finer matrix."""
    image = np.moveaxis(image, axis, -1)
    result = image * np.float32(4 / 6)
    result[..., 1:] += image[..., :-1] * np.float32(1 / 6)
    result[..., :-1] += image[..., 1:] * np.float32(1 / 6)
    return np.moveaxis(result, -1, axis)
