"""The lobes and other large regions of the brain, made of an atlas's structures.

Gyri are grouped into lobes as FreeSurfer's documentation does ("CorticalParcellation", after Desikan et al., NeuroImage
2006;31:968, and Klein and Tourville, Front Neurosci 2012;6:171): the cingulate gyrus is divided between frontal and
parietal lobe, the insula is apart. Hippocampus and amygdala are in the temporal lobe. The atlas does not divide white
matter; here it belongs to the nearest gray matter, cortical or deep, as in FreeSurfer's white matter parcellation (Salat
et al., NeuroImage 2009;48:21).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, cast, get_args

import numpy as np
from scipy import ndimage

from tumorscope.preprocessing.template import load_parcellation

Region = Literal[
    "frontal", "parietal", "temporal", "occipital", "insula", "deep", "cerebellum", "brainstem", "ventricles", "outside"
]
"""``deep``: basal ganglia, thalamus, corpus callosum and the white matter nearest to them. ``outside``: not the brain."""

REGIONS: tuple[Region, ...] = get_args(Region)

_GYRI: dict[Region, tuple[int, ...]] = {
    # caudal anterior cingulate, caudal middle frontal, lateral and medial orbitofrontal, paracentral, pars opercularis,
    # orbitalis and triangularis, precentral, rostral anterior cingulate, rostral middle and superior frontal, pole
    "frontal": (2, 3, 12, 14, 17, 18, 19, 20, 24, 26, 27, 28, 32),
    # inferior parietal, isthmus of cingulate, postcentral, posterior cingulate, precuneus, superior parietal,
    # supramarginal
    "parietal": (8, 10, 22, 23, 25, 29, 31),
    # banks of the superior sulcus, entorhinal, fusiform, inferior, middle, parahippocampal, superior, pole, transverse
    "temporal": (1, 6, 7, 9, 15, 16, 30, 33, 34),
    # cuneus, lateral, lingual, pericalcarine
    "occipital": (5, 11, 13, 21),
    "insula": (35,),
}
_LEFT_CORTEX, _RIGHT_CORTEX = 1000, 2000

_OTHERS: dict[Region, tuple[int, ...]] = {
    "temporal": (17, 18, 53, 54),  # hippocampus, amygdala
    # thalamus, caudate, putamen, pallidum, accumbens, ventral diencephalon, optic chiasm, corpus callosum
    "deep": (10, 11, 12, 13, 26, 28, 49, 50, 51, 52, 58, 60, 80, 85, 251, 252, 253, 254, 255),
    "cerebellum": (7, 8, 46, 47),
    "brainstem": (16,),
    "ventricles": (4, 5, 14, 15, 31, 43, 44, 63),  # with choroid plexus
}
_WHITE_MATTER = (2, 41, 77)

_OUTSIDE = REGIONS.index("outside")
_REACH_MM = 8.0
"""What is nearer to a region than this belongs to it although it is outside the atlas: gaps between gyri, and a brain's
surface where the registration is not exact."""

_PAD = 6


@dataclass(frozen=True, eq=False)
class RegionMap:
    """The regions on a grid of 2 mm in MNI space.

    Attributes:
        regions: an index into :data:`REGIONS` per voxel ``(slice, row, column)``, uint8.
        affine: ``(column, row, slice, 1)`` to RAS+ mm.
    """

    regions: np.ndarray
    affine: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """Indices into :data:`REGIONS` at points ``(n, 3)`` in MNI space: the nearest voxel's."""
        index = np.rint((points - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T)[:, ::-1].astype(int)
        inside = ((index >= 0) & (index < self.regions.shape)).all(axis=1)
        found = np.full(len(points), _OUTSIDE, np.uint8)
        found[inside] = self.regions[tuple(index[inside].T)]
        return found


@cache
def load_region_map() -> RegionMap:
    """The regions, from the installed atlas.

    Raises:
        TumorscopeError: it is not installed.
    """
    parcellation = load_parcellation()
    labels = np.pad(parcellation.labels, _PAD)
    affine = parcellation.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, float(_PAD))
    size = float(affine[0, 0])
    table = _region_of_label(int(labels.max()))
    regions = table[labels]
    gray = np.isin(regions, [REGIONS.index(name) for name in (*_GYRI, "deep")])
    nearest, _ = _nearest(regions, gray, size)
    regions = np.where(np.isin(labels, _WHITE_MATTER), nearest, regions)
    nearest, distance = _nearest(regions, regions != _OUTSIDE, size)
    return RegionMap(np.where(distance <= _REACH_MM, nearest, _OUTSIDE).astype(np.uint8), affine)


def _region_of_label(largest: int) -> np.ndarray:
    """The region of each of FreeSurfer's labels, as an index; what is not listed is outside."""
    table = np.full(largest + 1, _OUTSIDE, np.uint8)
    for name, labels in _OTHERS.items():
        table[[label for label in labels if label <= largest]] = REGIONS.index(name)
    for name, gyri in _GYRI.items():
        for start in (_LEFT_CORTEX, _RIGHT_CORTEX):
            table[[start + gyrus for gyrus in gyri]] = REGIONS.index(name)
    return table


def _nearest(regions: np.ndarray, known: np.ndarray, size_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """The region of the nearest known voxel, and its distance in mm."""
    found = ndimage.distance_transform_edt(~known, sampling=size_mm, return_indices=True)
    distance, index = cast(tuple[np.ndarray, np.ndarray], found)
    return regions[tuple(index)], distance
