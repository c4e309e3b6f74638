"""The tiles of a panel: MRI, mask, and MRI with a mask overlay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from tumorscope.core.scan import Scan
from tumorscope.preprocessing.head import head_box, head_mask
from tumorscope.preprocessing.percentiles import percentiles

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

TILE_HEIGHT = 256
TILE_WIDTH = 384
"""The largest size of a tile, in pixels."""
_DARKEST, _BRIGHTEST = 1.0, 99.5
"""Percentiles of the whole scan that are shown as black and white."""
_MOST_SAMPLES = 1_000_000
_FILL = 0.34
_FINER = 2
"""Masks are drawn at this multiple of the resolution and averaged, for smooth edges."""
_LINE = 3
"""Width of a contour on the finer grid."""

Color = tuple[int, int, int]
HEAT: tuple[Color, ...] = ((40, 11, 84), (140, 41, 129), (222, 73, 104), (254, 159, 109), (252, 253, 191))
"""From weak to strong with evenly rising brightness, legible in gray and with any color vision."""
_FAINTEST, _DENSEST = 0.15, 0.75
"""The strength from which on an activation map is seen, and its opacity at full strength."""


@dataclass(frozen=True)
class View:
    """The part of the slices that is shown, in pixels of the scan, and its size on the panel."""

    top: int
    left: int
    bottom: int
    right: int
    width: int
    height: int

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The shown part of ``(…, row, column)``."""
        return image[..., self.top : self.bottom, self.left : self.right]

    def fitted(self, width: float, height: float) -> View:
        """The same part at the largest size that fits a frame."""
        scale = min(width / self.width, height / self.height)
        return replace(self, width=max(1, round(self.width * scale)), height=max(1, round(self.height * scale)))

    def to_tile(self, points: np.ndarray) -> np.ndarray:
        """Positions of a slice's points on the tile.

        Args:
            points: ``(point, (row, column))``; whole numbers are pixel centers.

        Returns:
            ``(point, (x, y))`` from the tile's top left corner, in the tile's pixels.
        """
        rows, columns = np.asarray(points, float).T
        return np.stack(
            [
                (columns + 0.5 - self.left) * self.width / (self.right - self.left),
                (rows + 0.5 - self.top) * self.height / (self.bottom - self.top),
            ],
            axis=1,
        )


def background_channel(scan: Scan, used: Sequence[str]) -> int:
    """The channel that is shown: FLAIR, which shows most of a tumor, or the first that the bundle uses.

    Args:
        scan: may have channels that the bundle does not use.
        used: the sequences that the bundle takes.
    """
    wanted = [name for name in ("flair", *used) if name in used and name in scan.sequences]
    return scan.sequences.index(wanted[0]) if wanted else 0


@dataclass(frozen=True)
class Sides:
    """The patient's sides around a tile, as letters of R, L, A, P, S and I."""

    left: str
    right: str
    top: str
    bottom: str


def sides(scan: Scan) -> Sides | None:
    """The patient's sides around every slice, or None where the file does not state them."""
    if scan.affine is None:
        return None
    (left, right), (top, bottom) = (_ends(scan.affine[:3, axis]) for axis in (0, 1))
    return Sides(left, right, top, bottom)


def _ends(direction: np.ndarray) -> str:
    """The letters of the sides at both ends of an axis ``(x, y, z)`` in RAS+."""
    axis = int(np.abs(direction).argmax())
    letters = ("LR", "PA", "IS")[axis]
    return letters if direction[axis] > 0 else letters[::-1]


def frame_head(scan: Scan, channel: int, indices: tuple[int, ...], *masks: np.ndarray) -> View:
    """The view that holds the head and all masks of the given slices.

    Args:
        scan: gives the images and the aspect of a pixel.
        channel: the one that is shown.
        indices: the slices that will be shown.
        masks: boolean ``(slice, row, column)``, always within the view.
    """
    spacing = scan.spacing_mm
    aspect = 1.0 if spacing is None else spacing[1] / spacing[2]
    shown = scan.voxels[list(indices), :, :, channel : channel + 1]
    box = head_box(head_mask(shown), aspect)
    top, left, bottom, right = box.top, box.left, box.top + box.height, box.left + box.width
    for mask in masks:
        flat = np.any(mask[list(indices)], axis=0)
        if flat.any():
            rows, columns = np.flatnonzero(np.any(flat, axis=1)), np.flatnonzero(np.any(flat, axis=0))
            top, bottom = min(top, rows[0] - 2), max(bottom, rows[-1] + 3)
            left, right = min(left, columns[0] - 2), max(right, columns[-1] + 3)
    _, rows, columns = scan.shape
    top, left = max(0, int(np.floor(top))), max(0, int(np.floor(left)))
    bottom, right = min(rows, int(np.ceil(bottom))), min(columns, int(np.ceil(right)))
    height_mm, width_mm = (bottom - top) * aspect, right - left
    scale = min(TILE_HEIGHT / height_mm, TILE_WIDTH / width_mm)
    return View(top, left, bottom, right, max(1, round(width_mm * scale)), max(1, round(height_mm * scale)))


def window(volume: np.ndarray) -> tuple[float, float]:
    """The values shown as black and white, from percentiles of the whole scan.

    Args:
        volume: ``(slice, row, column)`` of one channel.
    """
    step = max(1, int(np.ceil(np.sqrt(volume.size / _MOST_SAMPLES))))
    low, high = percentiles(volume[:, ::step, ::step], (_DARKEST, _BRIGHTEST))
    return float(low), float(high if high > low else low + 1)


def mri_tile(image: np.ndarray, limits: tuple[float, float], view: View) -> PillowImage:
    """One slice ``(row, column)`` in gray, as RGB."""
    from PIL import Image

    low, high = limits
    part = view.crop(image).astype(np.float32)
    gray = np.clip((part - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return Image.fromarray(gray).resize((view.width, view.height), Image.Resampling.BICUBIC).convert("RGB")


@dataclass(frozen=True, eq=False)
class Shape:
    """A slice's mask at the size of a tile; both images are gray, 255 inside.

    Attributes:
        inside: all of it.
        line: its contour, inside the mask.
    """

    inside: PillowImage
    line: PillowImage


def shape_tile(mask: np.ndarray, view: View) -> Shape:
    """One slice's mask ``(row, column)`` at the size of a tile, with smooth edges."""
    from PIL import Image

    part = Image.fromarray(view.crop(mask).astype(np.uint8) * np.uint8(255))
    size = (view.width * _FINER, view.height * _FINER)
    if size[0] < part.width or size[1] < part.height:
        # When shrinking, every pixel that touches the mask is kept, or a small lesion would vanish.
        fine = np.asarray(part.resize(size, Image.Resampling.BOX)) > 0
    else:
        fine = np.asarray(part.resize(size, Image.Resampling.BILINEAR)) > 127
    line = np.zeros_like(fine)
    if fine.any():
        rows, columns = np.flatnonzero(fine.any(axis=1)), np.flatnonzero(fine.any(axis=0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        line[box] = fine[box] & np.logical_not(ndimage.binary_erosion(fine[box], iterations=_LINE))
    return Shape(_averaged(fine), _averaged(line))


def mask_tile(shape: Shape) -> PillowImage:
    """A mask, white on black, as RGB."""
    return shape.inside.convert("RGB")


def overlay_tile(gray: PillowImage, shape: Shape, color: Color) -> PillowImage:
    """A semi-transparent mask with an opaque contour on an MRI tile."""
    tile = gray.copy()
    tile.paste(color, (0, 0), shape.inside.point([round(level * _FILL) for level in range(256)]))
    tile.paste(color, (0, 0), shape.line)
    return tile


def activation_tile(gray: PillowImage, strength: np.ndarray, view: View) -> PillowImage:
    """An activation map ``(row, column)`` from zero to one on an MRI tile; stronger values are warmer and denser."""
    from PIL import Image

    part = Image.fromarray(view.crop(strength).astype(np.float32))
    shown = np.clip(np.asarray(part.resize((view.width, view.height), Image.Resampling.BILINEAR)), 0, 1)
    warm = shown > _FAINTEST
    stops = np.linspace(0, 1, len(HEAT))
    heat = np.stack([np.interp(shown[warm], stops, [color[part] for color in HEAT]) for part in range(3)], axis=-1)
    density = np.interp(shown[warm], (_FAINTEST, 1), (0, _DENSEST))[:, None]
    mixed = np.array(gray)
    mixed[warm] = np.round(mixed[warm] * (1 - density) + heat * density)
    return Image.fromarray(mixed)


def _averaged(fine: np.ndarray) -> PillowImage:
    from PIL import Image

    return Image.fromarray(fine.astype(np.uint8) * np.uint8(255)).reduce(_FINER)
