"""Appearance changes by other software: gray levels, resolution, noise, skull stripping, burnt-in text.

Training applies random changes and the evaluation of consistency fixed ones, with the same functions. All
take and return float32 images ``(slice, row, column, channel)`` within 0 to 1; all slices of a volume are changed alike.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from tumorscope.preprocessing.head import head_mask

Change = Callable[[np.ndarray], np.ndarray]

_LETTERS = "ABCDEFGHIKLMNPRSTUVWXYZ0123456789:/.- "


def to_unit(voxels: np.ndarray) -> np.ndarray:
    """Gray levels of each channel from its lowest to its 99.9th percentile (the largest of 8-bit images) onto 0 to 1."""
    result = np.empty(voxels.shape, np.float32)
    for channel in range(voxels.shape[3]):
        image = voxels[..., channel].astype(np.float64)
        low = image.min()
        high = image.max() if voxels.dtype == np.uint8 else np.percentile(image, 99.9)
        result[..., channel] = np.clip((image - low) / max(high - low, 1e-9), 0, 1)
    return result


def gamma(images: np.ndarray, exponent: float) -> np.ndarray:
    """Raise gray levels to a power; above one darkens."""
    return images**exponent


def window(images: np.ndarray, low: float, high: float) -> np.ndarray:
    """Stretch percentiles ``low`` to ``high`` of each slice to the whole range and clip the rest."""
    ends = np.percentile(images, (low, high), axis=(1, 2), keepdims=True)
    return np.clip((images - ends[0]) / np.maximum(ends[1] - ends[0], 1e-3), 0, 1)


def equalize(images: np.ndarray) -> np.ndarray:
    """Histogram equalization of each slice over 256 levels, air included, as image viewers do it."""
    levels = np.round(images * 255).astype(np.uint8)
    result = np.empty(images.shape, np.float32)
    for index in np.ndindex(images.shape[0], images.shape[3]):
        image = levels[index[0], ..., index[1]]
        cumulative = np.cumsum(np.bincount(image.ravel(), minlength=256)) - np.count_nonzero(image == image.min())
        result[index[0], ..., index[1]] = (np.maximum(cumulative, 0) / max(cumulative[-1], 1))[image]
    return result


def clahe(images: np.ndarray, clip_limit: float, tiles: int = 8) -> np.ndarray:
    """Contrast-limited adaptive histogram equalization of each slice (Zuiderveld 1994)."""
    from skimage.exposure import equalize_adapthist

    size = [max(1, side // tiles) for side in images.shape[1:3]]
    result = np.empty(images.shape, np.float32)
    for index in np.ndindex(images.shape[0], images.shape[3]):
        image = images[index[0], ..., index[1]]
        flat = image.max() - image.min() < 1e-6
        result[index[0], ..., index[1]] = image if flat else equalize_adapthist(image, size, clip_limit)
    return result


def curve(images: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A tone curve through ``values`` at equal distances over 0 to 1; it need not be monotone."""
    return np.interp(images, np.linspace(0, 1, len(values)), values).astype(np.float32)


def invert(images: np.ndarray) -> np.ndarray:
    """Invert gray levels."""
    return 1 - images


def coarsen(images: np.ndarray, factor: float) -> np.ndarray:
    """Reduce the in-plane resolution to ``factor`` and resize to the original grid."""
    rows, columns = images.shape[1:3]
    small = np.asarray(ndimage.zoom(images, (1, factor, factor, 1), order=1))
    back = (1, rows / small.shape[1], columns / small.shape[2], 1)
    return np.clip(np.asarray(ndimage.zoom(small, back, order=1)), 0, 1)[:, :rows, :columns]


def sharpen(images: np.ndarray, amount: float) -> np.ndarray:
    """Unsharp masking with a Gaussian of one pixel."""
    return np.clip(images + amount * (images - ndimage.gaussian_filter(images, (0, 1, 1, 0))), 0, 1)


def add_noise(images: np.ndarray, deviation: float, chance: np.random.Generator) -> np.ndarray:
    """Add Rician noise, as in magnitude images; it brightens air, too."""
    real, imaginary = (chance.normal(0, deviation, images.shape).astype(np.float32) for _ in range(2))
    return np.clip(np.hypot(images + real, imaginary), 0, 1)


def shade(images: np.ndarray, strength: float, chance: np.random.Generator) -> np.ndarray:
    """Apply a smooth bias field: gray levels times ``1 - strength`` to ``1 + strength``."""
    knots = chance.uniform(-1, 1, (3, 3))
    rows, columns = images.shape[1:3]
    field = np.asarray(ndimage.zoom(knots, (rows / 3, columns / 3), order=3))[:rows, :columns]
    return np.clip(images * (1 + strength * np.clip(field, -1, 1)[None, ..., None]), 0, 1).astype(np.float32)


def compress(images: np.ndarray, quality: int) -> np.ndarray:
    """Compress and decompress each slice as JPEG."""
    from PIL import Image

    result = np.empty(images.shape, np.float32)
    for index in np.ndindex(images.shape[0], images.shape[3]):
        file = io.BytesIO()
        Image.fromarray(np.round(images[index[0], ..., index[1]] * 255).astype(np.uint8)).save(
            file, "JPEG", quality=quality
        )
        result[index[0], ..., index[1]] = np.asarray(Image.open(file), np.float32) / 255
    return result


def strip_skull(images: np.ndarray, share: float, keep: np.ndarray | None = None) -> np.ndarray:
    """Remove skull and scalp approximately: pixels nearer to the head's surface than ``share`` of its width.

    Args:
        images: the slices.
        share: of the head's width in a slice; 0.1 removes most skulls.
        keep: boolean ``(slice, row, column)`` to keep at any depth, a tumor for example.
    """
    head = head_mask(images)
    result = np.zeros_like(images)
    for index, slice_ in enumerate(head):
        filled = np.asarray(ndimage.binary_fill_holes(slice_))
        width = np.sqrt(max(1, np.count_nonzero(filled)))
        brain = np.asarray(ndimage.distance_transform_edt(filled)) > share * width
        if keep is not None:
            brain |= keep[index]
        result[index] = images[index] * brain[..., None]
    return result


def add_border(images: np.ndarray, share: float, level: float) -> np.ndarray:
    """Set the outermost ``share`` of every side to one gray level, as in screenshots."""
    result = images.copy()
    rows, columns = (max(1, round(share * side)) for side in images.shape[1:3])
    result[:, :rows] = result[:, -rows:] = result[:, :, :columns] = result[:, :, -columns:] = level
    return result


def add_letters(images: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Add one to four lines of burnt-in text near the corners."""
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = images.shape[1:3]
    canvas = Image.new("L", (columns, rows))
    draw = ImageDraw.Draw(canvas)
    for _ in range(chance.integers(1, 5)):
        text = "".join(chance.choice(list(_LETTERS), chance.integers(1, 12)))
        corner = (chance.choice([0.02, 0.6, 0.8]) * columns, chance.choice([0.02, 0.07, 0.85, 0.92]) * rows)
        draw.text(corner, text, fill=255, font=ImageFont.load_default(size=float(chance.uniform(0.035, 0.08) * rows)))
    written = np.asarray(canvas, np.float32)[None, ..., None] / 255
    return np.maximum(images, written * chance.uniform(0.6, 1))


def restyle(voxels: np.ndarray, chance: np.random.Generator, keep: np.ndarray | None = None) -> np.ndarray:
    """Change a scan at random as other software would: one change of contrast, and others by chance.

    Args:
        voxels: ``(slice, row, column, channel)``, any gray levels.
        chance: draws the changes.
        keep: boolean ``(slice, row, column)`` that skull stripping must not remove.

    Returns:
        uint8 of the same shape.
    """
    images = to_unit(voxels)
    if chance.random() < 0.2:
        images = strip_skull(images, chance.uniform(0.05, 0.13), keep)
    if chance.random() < 0.25:
        images = shade(images, chance.uniform(0.1, 0.5), chance)
    if chance.random() < 0.2:
        images = coarsen(images, chance.uniform(0.35, 0.8))
    if chance.random() < 0.25:
        images = add_noise(images, chance.uniform(0.01, 0.06), chance)
    images = _draw_contrast(chance)(images)
    if chance.random() < 0.1:
        images = sharpen(images, chance.uniform(0.5, 2))
    if chance.random() < 0.2:
        images = compress(images, int(chance.integers(15, 70)))
    if chance.random() < 0.12:
        images = add_letters(images, chance)
    if chance.random() < 0.08:
        images = add_border(images, chance.uniform(0.01, 0.06), chance.choice([0.5, 0.8, 1.0]))
    return np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)


def _draw_contrast(chance: np.random.Generator) -> Change:
    """A random change of contrast."""
    kind = chance.choice(["clahe", "equalize", "gamma", "window", "curve", "any curve", "invert"], p=_CONTRAST_SHARES)
    if kind == "clahe":
        clip, tiles = float(np.exp(chance.uniform(np.log(0.004), np.log(0.05)))), int(chance.integers(2, 12))
        return lambda images: clahe(images, clip, tiles)
    if kind == "equalize":
        share = chance.uniform(0.4, 1)
        return lambda images: share * equalize(images) + (1 - share) * images
    if kind == "gamma":
        exponent = float(np.exp(chance.uniform(np.log(0.4), np.log(2.5))))
        return lambda images: gamma(images, exponent)
    if kind == "window":
        low, high = chance.uniform(0, 40), chance.uniform(90, 99.9)
        return lambda images: window(images, low, high)
    if kind == "curve":
        steps = chance.exponential(1, 6)
        values = np.concatenate([[0], np.cumsum(steps) / steps.sum()])
        return lambda images: curve(images, values)
    if kind == "any curve":
        values = np.clip(np.linspace(0, 1, 7) + chance.normal(0, 0.15, 7), 0, 1)
        return lambda images: curve(images, values)
    return invert


_CONTRAST_SHARES = (0.34, 0.22, 0.12, 0.12, 0.1, 0.06, 0.04)
