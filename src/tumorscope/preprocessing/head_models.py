"""What the average brain is compared with a scan as: a brain alone, and a brain within a skull and a scalp.

No freely installable package holds an average head with its skull. Around the brain of a head there is fluid, then
bone, dark in every sequence, then the bright fat of the scalp, then air. Mutual information needs no more than that the
layers differ, so three of even thickness around the upper half of the average brain are enough to keep it from growing
into the skull. Thicknesses: Li et al., PLoS One 2015;10:e0127322 (bone, 4 to 9 mm), Oostenveld's and Haeussinger's
scalp-to-cortex distances (PLoS One 2011;6:e26377, 13 mm on average).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from scipy import ndimage

from tumorscope.preprocessing.head import head_mask
from tumorscope.preprocessing.rigid_search import image_of
from tumorscope.preprocessing.template import Template, load_template

_FLUID_MM, _BONE_MM, _SCALP_MM, _AIR_MM = 3.0, 9.0, 16.0, 28.0
"""Outer borders of the layers, from the brain."""

_FLUID, _BONE, _SCALP, _AIR = 0.25, 0.15, 1.4, -0.3
"""Brightness of the layers, where 1 is white matter's: each has bins of its own in the joint histogram."""

_SKULL_BASE_MM = ((-120.0, -45.0), (-60.0, -30.0), (40.0, 10.0), (80.0, 10.0))
"""Anterior and superior in MNI space: below this line the brain is not surrounded by a plain skull."""

_MARGIN_MM = 8.0
"""So much of the dark surroundings of a brain without skull is compared, too."""

_LAYER_MM, _DEEPEST_MM = 3.0, 24.0
_PIXEL_MM, _SLICES = 2.0, 16
_DROP = 1.25
"""By how much brightness drops below the surface: by 1.04 at most in brains without skull (FLAIR, T1, T1c), by 1.7 and
more in heads with one."""

_PAD = 16
_CLOSING = 6


@dataclass(frozen=True, eq=False)
class HeadModel:
    """An image of the average brain with its surroundings, in MNI space.

    Attributes:
        voxels: brightness ``(slice, row, column)``, float64; white matter is about 1.
        compared: where it is compared with a scan, boolean.
        affine: ``(column, row, slice, 1)`` to RAS+ mm.
    """

    voxels: np.ndarray
    compared: np.ndarray
    affine: np.ndarray

    def level(self, sitk: Any, size_mm: float) -> tuple[Any, Any]:
        """SimpleITK's image of voxels averaged to about a size, and the mask of what is compared."""
        factor = max(1, round(size_mm / float(self.affine[0, 0])))
        image = sitk.BinShrink(image_of(sitk, self.voxels, self.affine), [factor] * 3)
        mask = sitk.BinShrink(image_of(sitk, self.compared.astype(np.float32), self.affine), [factor] * 3) > 0.5
        return image, mask


@cache
def stripped_model() -> HeadModel:
    """A brain without skull, and a margin of nothing."""
    voxels, outside_mm, affine = _padded(load_template())
    return HeadModel(voxels, outside_mm <= _MARGIN_MM, affine)


@cache
def whole_head_model() -> HeadModel:
    """A brain within fluid, bone, scalp and air; below the skull's base the brain alone counts."""
    voxels, outside_mm, affine = _padded(load_template())
    outside = outside_mm > 0
    layers = np.select(
        [outside_mm <= _FLUID_MM, outside_mm <= _BONE_MM, outside_mm <= _SCALP_MM], [_FLUID, _BONE, _SCALP], _AIR
    )
    slices, rows = (
        affine[axis, 3] + affine[axis, axis] * np.arange(count)
        for axis, count in ((2, voxels.shape[0]), (1, voxels.shape[1]))
    )
    base = np.interp(rows, *np.array(_SKULL_BASE_MM).T)
    surrounded = np.broadcast_to((slices[:, None] > base)[..., None], voxels.shape)
    return HeadModel(np.where(outside, layers, voxels), (outside_mm <= _AIR_MM) & (surrounded | ~outside), affine)


def has_skull(volume: np.ndarray, affine: np.ndarray) -> bool:
    """Whether a scan shows the skull: below its bright surface a head is dark where bone is, a brain is not.

    Args:
        volume: ``(slice, row, column)`` of any sequence.
        affine: ``(column, row, slice, 1)`` to mm.
    """
    row_mm, column_mm = (float(np.linalg.norm(affine[:3, axis])) for axis in (1, 0))
    rows, columns = (max(1, round(_PIXEL_MM / size)) for size in (row_mm, column_mm))
    some = volume[:: max(1, len(volume) // _SLICES)]
    height, width = some.shape[1] // rows, some.shape[2] // columns
    blocks = some[:, : height * rows, : width * columns].reshape(len(some), height, rows, width, columns)
    pixels = blocks.mean(axis=(2, 4), dtype=np.float32)
    heads = head_mask(pixels[..., None])
    sampling = (rows * row_mm, columns * column_mm)
    depth = np.stack(
        [cast(np.ndarray, ndimage.distance_transform_edt(ndimage.binary_fill_holes(head), sampling)) for head in heads]
    )
    if not (depth > _DEEPEST_MM).any():
        return False
    air = np.median(pixels[depth == 0]) if (depth == 0).any() else 0.0
    layers = [
        abs(float(np.median(pixels[(depth > low) & (depth <= low + _LAYER_MM)]) - air))
        for low in np.arange(_LAYER_MM, _DEEPEST_MM, _LAYER_MM)  # the outermost layer is half air
    ]
    drops = [max(layers[: index + 1]) / max(layer, 1e-6) for index, layer in enumerate(layers)]
    return max(drops) > _DROP


def _padded(template: Template) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Brightness, distance from the brain in mm and affine, with room around the brain."""
    affine = template.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, float(_PAD))
    brain = _filled(np.pad(template.brain > 0.5, _PAD))
    return np.pad(_scaled(template), _PAD), ndimage.distance_transform_edt(~brain) * affine[0, 0], affine


def _filled(brain: np.ndarray) -> np.ndarray:
    """The brain with the fissures between its parts."""
    room = np.pad(brain, _CLOSING)
    inner = slice(_CLOSING, -_CLOSING)
    return brain | ndimage.binary_closing(room, iterations=_CLOSING)[inner, inner, inner]


def _scaled(template: Template) -> np.ndarray:
    return template.voxels.astype(float) / float(np.percentile(template.voxels[template.brain > 0.5], 99))
