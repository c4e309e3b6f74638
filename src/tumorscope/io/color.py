"""The meaning of an image's three channels: gray, three sequences, or a photograph.

MRI slices have a background of one color: air is the darkest value of every sequence,
at the image's borders and in its corners (after normalization it need not be black). Of
the 3,216 LGG slices at hand the one with the least background has 68 % of its border within
0.08 of the border's median color, and no slice has more than 11 % of its pixels clearly
darker. A photograph fills its frame: sky above, ground below, or a bright backdrop.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

_BORDER_PX = 4
_CLOSE = 0.08
_DARKER = 0.06
_LEAST_BACKGROUND = 0.55
_MOST_DARKER = 0.20
_GRAY = 0.035
"""Channels that differ by less (9 of 255) come from JPEG, not from three sequences."""

Meaning = Literal["gray", "sequences", "photograph"]


def classify_channels(pixels: np.ndarray) -> Meaning:
    """What an image's three channels show.

    Args:
        pixels: ``(row, column, 3)``, uint8, uint16 or float32.

    >>> classify_channels(np.zeros((64, 64, 3), np.uint8))
    'gray'
    """
    if np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 1], pixels[..., 2]):
        return "gray"
    scaled = _unit_scale(pixels)
    if _mostly_gray(scaled):
        return "gray"
    return "sequences" if _stands_on_background(scaled) else "photograph"


def to_gray(pixels: np.ndarray) -> np.ndarray:
    """One channel from ``(…, 3)``: the green one, which colored labels and JPEG change least."""
    return pixels[..., 1:2]


def _unit_scale(pixels: np.ndarray) -> np.ndarray:
    scaled = pixels.astype(np.float32)
    if pixels.dtype == np.uint8:
        return scaled / 255
    scaled = np.nan_to_num(scaled)
    low, high = float(scaled.min()), float(np.percentile(scaled, 99.9))
    return (scaled - low) / max(high - low, 1e-12)


def _mostly_gray(scaled: np.ndarray) -> bool:
    """Whether the bright pixels are gray but for labels and logos in color."""
    brightest, darkest = scaled.max(axis=-1), scaled.min(axis=-1)
    bright = brightest > 0.1
    if bright.mean() < 0.05:  # too little to decide by: nearly empty LGG slices stay three sequences
        return False
    colored = (brightest - darkest) > _GRAY
    return bool(colored[bright].mean() < 0.10)


def _stands_on_background(scaled: np.ndarray) -> bool:
    width = min(_BORDER_PX, scaled.shape[0] // 4, scaled.shape[1] // 4)
    width = max(width, 1)
    sides = (scaled[:width], scaled[-width:], scaled[:, :width], scaled[:, -width:])
    border = np.concatenate([side.reshape(-1, 3) for side in sides])
    background = np.median(border, axis=0)
    alike = (np.abs(border - background).max(axis=-1) < _CLOSE).mean()
    darker = (scaled < background - _DARKER).mean(axis=(0, 1)).max()
    return bool(alike >= _LEAST_BACKGROUND and darker <= _MOST_DARKER)
