"""The steps between a scan and a network, in their one order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tumorscope.preprocessing.clahe import equalize
from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.head import head_box, head_mask
from tumorscope.preprocessing.intensity import normalize, standardize


class Preparation(BaseModel):
    """The settings of :func:`prepare`. A recipe chooses them, a card carries them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=192, ge=32, le=1024, multiple_of=16, description="side of the square the network sees")
    adjacent_slices: int = Field(default=0, ge=0, le=3, description="neighboring slices seen on each side")
    intensity: Literal["linear", "standardized"] = Field(
        default="linear", description="linear scaling, or percentiles mapped onto those of an average head MRI slice"
    )
    slice_distance_mm: float | None = Field(
        default=None, gt=0, description="distance of adjacent slices in training; thinner scans are sampled at it"
    )
    clahe: bool = Field(default=False, description="equalize the contrast of every slice first")
    clahe_clip_limit: float = Field(default=0.01, gt=0, le=1)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scan as a network sees it.

    Attributes:
        images: float32 ``(slice, channel, size, size)``, in robust standard deviations.
        crop_resize: the position of those images in the scan's slices, and the way back.
    """

    images: np.ndarray
    crop_resize: CropResize


def prepare(voxels: np.ndarray, settings: Preparation, pixel_aspect: float = 1.0) -> Prepared:
    """Normalize, crop to the head, resize, and equalize if asked.

    Args:
        voxels: ``(slice, row, column, channel)``; the channels the network expects.
        settings: from the recipe or the bundle's card.
        pixel_aspect: height of a pixel divided by its width.
    """
    head = head_mask(voxels)
    crop_resize = CropResize(head.shape[1:], head_box(head, pixel_aspect), settings.size)
    slices, _, _, channels = voxels.shape
    images = np.empty((slices, channels, settings.size, settings.size), np.float32)
    if settings.intensity == "standardized":
        # Percentiles hardly depend on the resolution, and the network's is the cheaper one.
        inside = crop_resize.forward(head) > 0.5
        for channel in range(channels):
            images[:, channel] = standardize(crop_resize.forward(voxels[..., channel]), inside)
    else:
        for channel in range(channels):
            images[:, channel] = crop_resize.forward(normalize(voxels[..., channel], head))
    if settings.clahe:
        images = equalize(images, settings.clahe_clip_limit)
    return Prepared(images, crop_resize)


def stack_adjacent_slices(images: np.ndarray, indices: np.ndarray, adjacent_slices: int, step: int = 1) -> np.ndarray:
    """Each slice with its neighbors as further channels; a scan's ends repeat.

    Args:
        images: ``(slice, channel, size, size)``.
        indices: the slices wanted, ``(n,)``.
        adjacent_slices: neighbors on each side.
        step: from a slice to the next neighbor.

    Returns:
        ``(n, (2·adjacent_slices + 1)·channel, size, size)``, from the slice below to the one above.
    """
    if adjacent_slices == 0:
        return images[indices]
    offsets = step * np.arange(-adjacent_slices, adjacent_slices + 1)
    chosen = np.clip(indices[:, None] + offsets, 0, len(images) - 1)
    stacked = images[chosen]
    return stacked.reshape(len(indices), -1, *images.shape[2:])
