"""What of a image is compared: its head, cut out, small, and free of its contrast window.

A image that is published again has been resized, compressed, windowed, sharpened,
mirrored or turned upside down; its anatomy stays. So the head is cut out (other margins, other sizes), the gray
values are divided by the local contrast (other windows), and what remains is compared at
two sizes: a thumbnail for finding candidates by one dot product, and the detail for
telling a copy from a neighboring slice.
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
"""A smaller image shows no anatomy to know it again by."""
_LEAST_VALUES = 12
"""Fewer gray values than this are a mask or air: of LGG's empty slices some have three."""
_DARKEST, _BRIGHTEST = 0.5, 99.8
"""Percentiles that become 0 and 255: a few bright pixels must not darken the rest."""
_EDGE = 0.03
"""Rows and columns with less head than this share of the fullest one lie outside the crop."""
_LEAST_CONTRAST = 0.15
"""Where the local contrast is below this share of the image's there is only noise to be raised."""

Orientation = Literal["same", "mirrored", "flipped", "turned"]
"""How a copy lies to its original: left for right, top for bottom, or both (half a turn)."""

_STEPS: dict[Orientation, tuple[int, int]] = {
    "same": (1, 1),
    "mirrored": (1, -1),
    "flipped": (-1, 1),
    "turned": (-1, -1),
}
ORIENTATIONS = tuple(_STEPS)


@dataclass(frozen=True, eq=False)
class Appearance:
    """What one image looks like.

    Attributes:
        hash: 64 bits, the signs of its lowest cosine frequencies.
        thumb: float32 ``(48, 48)``, zero mean and unit norm; all zero where there is nothing to compare.
        detail: float16 ``(96, 96)``, finer, otherwise the same.
    """

    hash: int
    thumb: np.ndarray
    detail: np.ndarray


def appearance_of(image: np.ndarray) -> Appearance:
    """Cut out the head and make it comparable.

    Args:
        image: ``(row, column)``, gray, any numbers. One that is tiny or of hardly any
            different values gets a look of zeros, which resembles nothing.
    """
    head = _cut_out(image)
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
    """``(…, row, column)`` as a copy of this orientation shows them; done twice it changes nothing."""
    down, right = _STEPS[orientation]
    return np.ascontiguousarray(images[..., ::down, ::right])


def hash_distance(first: int, second: int, orientation: Orientation = "same") -> int:
    """In how many of 64 bits two images' hashes differ, once the first is laid as the second.

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


def _cut_out(image: np.ndarray) -> np.ndarray | None:
    """The head at ``(96, 96)``, its window stretched to 0 … 255; none where nothing is seen."""
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
    """What stands out between two scales, divided by how much stands out around it."""

    def smooth(image: np.ndarray, deviation: float) -> np.ndarray:
        return ndimage.gaussian_filter(image, deviation, mode="nearest", truncate=3)

    band = smooth(image, fine) - smooth(image, coarse)
    least = max(_LEAST_CONTRAST * float(np.sqrt(np.square(band).mean())), 1e-3)
    return band / (np.sqrt(smooth(np.square(band), around)) + least)


def _perceptual_hash(small: np.ndarray) -> int:
    """Signs of the lowest 8×8 cosine frequencies, the mean left out (Zauner 2010, with zero for the median)."""
    low = np.asarray(fft.dctn(small, norm="ortho"))[:8, :8]
    bits = low > 0
    bits[0, 0] = False
    return _packed(bits)
