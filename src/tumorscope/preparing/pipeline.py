"""The steps between a scan and a network, in their one order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tumorscope.preparing.clahe import equalize
from tumorscope.preparing.framing import Framing
from tumorscope.preparing.head import head_box, head_mask
from tumorscope.preparing.intensity import normalize, standardize


class Preparation(BaseModel):
    """The settings of :func:`prepare`. A recipe chooses them, a card carries them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=192, ge=32, le=1024, multiple_of=16, description="side of the square the network sees")
    context: int = Field(default=0, ge=0, le=3, description="neighbouring slices seen on each side")
    intensity: Literal["linear", "standardized"] = Field(
        default="linear", description="linear scaling, or percentiles mapped onto those of an average head MRI slice"
    )
    slice_distance_mm: float | None = Field(
        default=None, gt=0, description="distance of adjacent slices in training; thinner scans are sampled at it"
    )
    clahe: bool = Field(default=False, description="equalise the contrast of every slice first")
    clahe_clip_limit: float = Field(default=0.01, gt=0, le=1)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scan as a network sees it.

    Attributes:
        pictures: float32 ``(slice, channel, size, size)``, in robust standard deviations.
        framing: where those pictures lie in the scan's slices, and the way back.
    """

    pictures: np.ndarray
    framing: Framing


def prepare(voxels: np.ndarray, settings: Preparation, pixel_aspect: float = 1.0) -> Prepared:
    """Normalize, crop to the head, resize, and equalise if asked.

    Args:
        voxels: ``(slice, row, column, channel)``; the channels the network expects.
        settings: from the recipe or the bundle's card.
        pixel_aspect: height of a pixel divided by its width.
    """
    head = head_mask(voxels)
    framing = Framing(head.shape[1:], head_box(head, pixel_aspect), settings.size)
    slices, _, _, channels = voxels.shape
    pictures = np.empty((slices, channels, settings.size, settings.size), np.float32)
    if settings.intensity == "standardized":
        # Percentiles hardly depend on the resolution, and the network's is the cheaper one.
        inside = framing.apply(head) > 0.5
        for channel in range(channels):
            pictures[:, channel] = standardize(framing.apply(voxels[..., channel]), inside)
    else:
        for channel in range(channels):
            pictures[:, channel] = framing.apply(normalize(voxels[..., channel], head))
    if settings.clahe:
        pictures = equalize(pictures, settings.clahe_clip_limit)
    return Prepared(pictures, framing)


def with_neighbours(pictures: np.ndarray, indices: np.ndarray, context: int, step: int = 1) -> np.ndarray:
    """Each slice with its neighbours as further channels; a scan's ends repeat.

    Args:
        pictures: ``(slice, channel, size, size)``.
        indices: the slices wanted, ``(n,)``.
        context: neighbours on each side.
        step: from a slice to the next neighbour.

    Returns:
        ``(n, (2·context + 1)·channel, size, size)``, from the slice below to the one above.
    """
    if context == 0:
        return pictures[indices]
    offsets = step * np.arange(-context, context + 1)
    chosen = np.clip(indices[:, None] + offsets, 0, len(pictures) - 1)
    stacked = pictures[chosen]
    return stacked.reshape(len(indices), -1, *pictures.shape[2:])
