"""The appearance by which images are compared: the head, cropped, small, with normalized local contrast.

Republished images may be resized, compressed, windowed, sharpened,
mirrored or turned upside down. So the head is cropped (other margins, other sizes), the gray
values are divided by the local contrast (other windows), and the result is compared at
two sizes: a thumbnail finds candidates by one dot product, and the detail
distinguishes a copy from a neighboring slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image
from scipy import fft, ndimage

from tumorscope.preprocessing.head import head_mask

THUMB_PX, DETAIL_PX = 48, 96
SMALLEST_SIDE = 16
"""Smaller images show too little anatomy."""
_LEAST_VALUES = 12
"""Images with fewer gray values are a mask or air: some of LGG's empty slices have three."""
_DARKEST, _BRIGHTEST = 0.5, 99.8
"""Percentiles that become 0 and 255, so that a few bright pixels do not darken the rest."""
_EDGE = 0.03
"""Rows and columns with less head than this fraction of the fullest one are cropped."""
_LEAST_CONTRAST = 0.15
"""Lower limit of the local contrast, as a fraction of the image's, so that noise is not amplified."""

Orientation = Literal["same", "mirrored", "flipped", "turned"]
"""Orientation of a copy relative to its original: left-right, top-bottom, or both (half a turn)."""

_STEPS: dict[Orientation, tuple[int, int]] = {
    "same": (1, 1),
    "mirrored": (1, -1),
    "flipped": (-1, 1),
    "turned": (-1, -1),
}
ORIENTATIONS = tuple(_STEPS)


@dataclass(frozen=True, eq=False)
class Appearance:
    """The appearance of one image.

    Attributes:
        hash: 64 bits, the signs of its lowest cosine frequencies.
        thumb: float32 ``(48, 48)``, zero mean and unit norm; all zero if there is nothing to compare.
        detail: float16 ``(96, 96)``, the same at a finer resolution.
    """

    hash: int
    thumb: np.ndarray
    detail: np.ndarray


def appearance_of(image: np.ndarray) -> Appearance:
    """Crop the head and normalize it.

    Args:
        image: ``(row, column)``, gray, any numbers. A tiny or nearly constant image
            has an appearance of zeros, which resembles nothing.
    """
    head = _crop_head(image)
    if head is None:
        return Appearance(0, np.zeros((THUMB_PX, THUMB_PX), np.float32), np.zeros((DETAIL_PX, DETAIL_PX), np.float16))
    small = head.reshape(THUMB_PX, DETAIL_PX // THUMB_PX, THUMB_PX, DETAIL_PX // THUMB_PX).mean(axis=(1, 3))
    return Appearance(
        hash=_perceptual_hash(small),
        thumb=unit(_local_contrast(small, fine=1, coarse=6, around=8)),
        detail=_local_contrast(head, fine=1, coarse=4, around=6).astype(np.float16),
    )


def unit(images: np.ndarray) -> np.ndarray:
    """``(…, row, column)`` with zero mean and unit norm, so that correlation is a dot product."""
    centered = images - images.mean(axis=(-2, -1), keepdims=True, dtype=np.float32)
    norm = np.sqrt(np.square(centered).sum(axis=(-2, -1), keepdims=True))
    return np.divide(centered, norm, out=np.zeros_like(centered), where=norm > 1e-6)


def oriented(images: np.ndarray, orientation: Orientation) -> np.ndarray:
    """``(…, row, column)`` in another orientation; its own inverse."""
    down, right = _STEPS[orientation]
    return np.ascontiguousarray(images[..., ::down, ::right])


def hash_distance(first: int, second: int, orientation: Orientation = "same") -> int:
    """Number of different bits of two images' hashes, with the first in the orientation of the second.

    Mirroring changes the signs of the odd horizontal frequencies, flipping those of the
    odd vertical ones.
    """
    return (int(first) ^ int(second) ^ _odd_bits(orientation)).bit_count()


def _odd_bits(orientation: Orientation) -> int:
    odd = np.zeros((8, 8), bool)
    down, right = _STEPS[orientation]
    if down < 0:
        odd[1::2] ^= True
    if right < 0:
        odd[:, 1::2] ^= True
    return _packed(odd)


def _packed(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _crop_head(image: np.ndarray) -> np.ndarray | None:
    """The head at ``(96, 96)``, windowed to 0 … 255; None for an empty image."""
    if min(image.shape) < SMALLEST_SIDE:
        return None
    image = np.nan_to_num(image.astype(np.float32), posinf=0, neginf=0)
    low, high = np.percentile(image, (_DARKEST, _BRIGHTEST))
    stride = max(1, min(image.shape) // 128)
    if not high > low or len(np.unique(image[::stride, ::stride])) < _LEAST_VALUES:
        return None
    head = head_mask(image[None, :, :, None])[0]
    top, bottom = _extent(head.sum(axis=1))
    left, right = _extent(head.sum(axis=0))
    windowed = Image.fromarray(np.clip((image - low) * (255 / (high - low)), 0, 255))
    small = windowed.resize((DETAIL_PX, DETAIL_PX), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(small)


def _extent(profile: np.ndarray) -> tuple[int, int]:
    inside = np.flatnonzero(profile > _EDGE * profile.max())
    return int(inside[0]), int(inside[-1]) + 1


def _local_contrast(image: np.ndarray, fine: float, coarse: float, around: float) -> np.ndarray:
    """A band-pass image divided by its local standard deviation."""

    def smooth(image: np.ndarray, deviation: float) -> np.ndarray:
        return ndimage.gaussian_filter(image, deviation, mode="nearest", truncate=3)

    band = smooth(image, fine) - smooth(image, coarse)
    least = max(_LEAST_CONTRAST * float(np.sqrt(np.square(band).mean())), 1e-3)
    return band / (np.sqrt(smooth(np.square(band), around)) + least)


def _perceptual_hash(small: np.ndarray) -> int:
    """Signs of the lowest 8×8 cosine frequencies, without the mean (Zauner 2010, with zero instead of the median)."""
    low = np.asarray(fft.dctn(small, norm="ortho"))[:8, :8]
    bits = low > 0
    bits[0, 0] = False
    return _packed(bits)
