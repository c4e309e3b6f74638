"""Lesions of known contour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import pi, prod
from typing import Literal, get_args

import numpy as np

from tumorscope.datasets.phantom.fields import Field, Points, inside

LesionContrast = Literal["flair_bright", "enhancing", "meningioma"]

_CONTOUR_RADIUS_MM, _CONTOUR_WAVELENGTH_MM = 20.0, 40.0
_TEXTURE_WAVELENGTH_MM, _MOTTLE_WAVELENGTH_MM = 8.0, 24.0


@dataclass(frozen=True)
class Lesion:
    """A lesion to be drawn into a head.

    Attributes:
        center_mm: ``(x, y, z)`` in RAS+ from the head's center, which is the grid's center.
        radii_mm: half axes of the ellipsoid along x, y and z.
        contrast: ``flair_bright`` is a lower-grade glioma: bright on FLAIR, a little dark on
            T1, not enhancing. ``enhancing`` has an enhancing ring around a necrotic core,
            within a FLAIR-bright edema. ``meningioma`` enhances as a whole and is almost
            as bright as gray matter elsewhere; put its center near the skull.
        irregularity: standard deviation of the contour's radius, as a share of it; zero
            draws the ellipsoid itself.

    >>> round(Lesion((0, 0, 0), (10, 10, 10)).ellipsoid_volume_mm3)
    4189
    """

    center_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    contrast: LesionContrast = "flair_bright"
    irregularity: float = 0.15

    def __post_init__(self) -> None:
        if self.contrast not in get_args(LesionContrast):
            raise ValueError(f"contrast is one of {', '.join(get_args(LesionContrast))}, not {self.contrast!r}")
        if min(self.radii_mm) <= 0 or not 0 <= self.irregularity <= 0.4:
            raise ValueError("radii_mm must be positive and irregularity between 0 and 0.4")

    @property
    def ellipsoid_volume_mm3(self) -> float:
        """Volume of the ellipsoid that the contour varies about."""
        return 4 / 3 * pi * prod(self.radii_mm)


@dataclass(frozen=True, eq=False)
class DrawnLesion:
    """A lesion with its contour and texture fixed by a seed.

    Attributes:
        lesion: what was asked for.
        random: draws the contour, then the texture; used once.
    """

    lesion: Lesion
    random: np.random.Generator

    @cached_property
    def _contour(self) -> Field:
        return Field.draw(self.random, _CONTOUR_WAVELENGTH_MM, band=0.35)

    @cached_property
    def _texture(self) -> tuple[Field, Field]:
        _ = self._contour  # always drawn first, so that the order of access has no effect
        return Field.draw(self.random, _TEXTURE_WAVELENGTH_MM, band=0.5), Field.draw(self.random, _MOTTLE_WAVELENGTH_MM)

    def radius(self, points: Points) -> np.ndarray:
        """Distance from the center as a fraction of the contour's: below 1 is inside."""
        offsets = [axis - np.float32(c) for axis, c in zip(points, self.lesion.center_mm, strict=True)]
        scaled = [offset / np.float32(r) for offset, r in zip(offsets, self.lesion.radii_mm, strict=True)]
        radius = np.sqrt(scaled[0] ** 2 + scaled[1] ** 2 + scaled[2] ** 2)
        if self.lesion.irregularity == 0:
            return radius
        # The contour's noise is taken on a sphere, in the point's direction, so that every
        # ray leaves the lesion once.
        reach = np.float32(_CONTOUR_RADIUS_MM) / np.maximum(radius, 0.05)
        surface = Points(*(axis * reach for axis in scaled))
        return radius / np.exp(np.float32(self.lesion.irregularity) * np.clip(self._contour.at(surface), -2, 2))

    def painted(
        self, signals: np.ndarray, points: Points, sequences: tuple[str, ...], edge_mm: float, room: np.ndarray
    ) -> np.ndarray:
        """The signals with this lesion drawn over them.

        Args:
            signals: float32 ``(sequence, n)`` with white matter at one.
            points: where those are.
            sequences: their names.
            edge_mm: width of a voxel, the sharpest edge there can be.
            room: the share of each voxel that may change, ``(n,)``.
        """
        size = np.float32(min(self.lesion.radii_mm))
        radius = self.radius(points)
        distance = (radius - 1) * size
        fine, coarse = (field.at(points) for field in self._texture)
        texture = 1 + 0.05 * fine + 0.09 * coarse
        result = signals.copy()
        for image, sequence in zip(result, sequences, strict=True):
            for share, signal in self._layers(sequence, radius, distance, size, edge_mm):
                image += room * share * (signal * texture - image)
        return result

    def _layers(
        self, sequence: str, radius: np.ndarray, distance: np.ndarray, size: np.floating, edge_mm: float
    ) -> list[tuple[np.ndarray, float]]:
        """The lesion's layers, as (fraction, signal)."""
        infiltrating = inside(distance, max(5.0, edge_mm))
        if self.lesion.contrast == "meningioma":
            return [(inside(distance, edge_mm), _MENINGIOMA[sequence])]
        layers = [(0.88 * infiltrating, _GLIOMA[sequence])]
        if self.lesion.contrast == "enhancing":
            ring = inside((radius - 0.62) * size, max(1.5, edge_mm))
            core = inside((radius - 0.42) * size, max(2.5, edge_mm))
            layers += [(ring, _RING[sequence]), (core, _NECROSIS[sequence])]
        return layers


# Signals relative to white matter, read off TCGA-LGG scans through their masks.
_GLIOMA = {"t1": 0.76, "flair": 1.85, "t1c": 0.76, "t2": 1.9}
_RING = {"t1": 0.85, "flair": 1.5, "t1c": 2.3, "t2": 1.4}
_NECROSIS = {"t1": 0.5, "flair": 1.2, "t1c": 0.55, "t2": 2.3}
_MENINGIOMA = {"t1": 0.88, "flair": 1.35, "t1c": 2.2, "t2": 1.2}
