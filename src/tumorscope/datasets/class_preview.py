"""A preview of a data set of single images: one row per class, with the tumor's contour in red."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets.labeled import ImageCase, ImageDataset
from tumorscope.reporting.typography import drawable, width

_TILE, _GAP, _LEFT, _TOP, _CAPTION = 176, 6, 116, 8, 20
_FINER = 2
"""Contours are drawn this much finer and then averaged, for smooth edges."""
_LINE = 3
"""Width of a contour on the finer grid."""
_RED = (255, 48, 48)
_BACKGROUND, _TEXT, _FAINT = (16, 18, 22), (222, 226, 232), (140, 146, 156)


def draw_class_preview(dataset: ImageDataset, count: int = 6, seed: int = 0) -> Image.Image:
    """Draw one row per class with ``count`` images, each of another patient if patients are known.

    Each image is windowed to its own 1st to 99.5th percentile and shown whole, with the contour of its mask if there
    is one.

    Args:
        dataset: of images with a class each.
        count: the largest number of images per class; drawn at random.
        seed: makes the draw reproducible.

    Returns:
        An RGB image.

    Raises:
        BadDataset: not one image can be read.
    """
    rows = [(label, len(cases), list(_tiles(cases, count))) for label, cases in _shuffled(dataset, seed).items()]
    if not any(tiles for _, _, tiles in rows):
        raise BadDataset(f"{dataset.root}: not one image can be shown")
    columns = max(len(tiles) for _, _, tiles in rows)
    height = _TILE + _CAPTION + _GAP
    sheet = Image.new("RGB", (_LEFT + columns * (_TILE + _GAP), _TOP + len(rows) * height), _BACKGROUND)
    draw, bold, small = ImageDraw.Draw(sheet), ImageFont.load_default(15), ImageFont.load_default(11)
    for row, (label, total, tiles) in enumerate(rows):
        top = _TOP + row * height
        draw.text((10, top + _TILE / 2 - 9), _shortened(label, 15, _LEFT - 16), _TEXT, bold, anchor="lm")
        draw.text((10, top + _TILE / 2 + 9), f"{len(tiles)} of {total:,}", _FAINT, small, anchor="lm")
        for column, (tile, caption) in enumerate(tiles):
            left = _LEFT + column * (_TILE + _GAP)
            sheet.paste(tile, (left + (_TILE - tile.width) // 2, top + (_TILE - tile.height) // 2))
            middle = (left + _TILE / 2, top + _TILE + _CAPTION / 2 + 1)
            draw.text(middle, _shortened(caption, 11, _TILE), _FAINT, small, anchor="mm")
    return sheet


def _shuffled(dataset: ImageDataset, seed: int) -> dict[str, list[ImageCase]]:
    """The cases of each class in random order: first one of each patient, then the second ones, and so on."""
    cases = list(dataset.cases)
    random.Random(seed).shuffle(cases)
    ordinals: Counter[str] = Counter()
    ranked = []
    for case in cases:
        ordinals[case.patient] += 1
        ranked.append((ordinals[case.patient], case))
    by_class: dict[str, list[ImageCase]] = {
        label: [] for label in dataset.classes or sorted({case.label for case in cases})
    }
    for _, case in sorted(ranked, key=lambda pair: pair[0]):
        by_class.setdefault(case.label, []).append(case)
    return by_class


def _tiles(cases: Sequence[ImageCase], count: int) -> Iterator[tuple[Image.Image, str]]:
    shown = 0
    for case in cases:
        if shown == count:
            return
        try:
            scan, truth = case.scan(), case.truth()
        except TumorscopeError:
            continue  # the summary names what cannot be read
        mask = None if truth.mask is None else truth.mask[0]
        yield _tile(scan.voxels[0, ..., 0], mask), case.caption
        shown += 1


def _tile(image: np.ndarray, mask: np.ndarray | None) -> Image.Image:
    """The whole image within the tile, with its aspect ratio."""
    scale = _TILE / max(image.shape)
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    low, high = np.percentile(image, (1, 99.5))
    gray = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    tile = Image.fromarray(np.round(255 * gray).astype(np.uint8)).resize(size, Image.Resampling.LANCZOS).convert("RGB")
    if mask is not None and mask.any():
        fine = (size[0] * _FINER, size[1] * _FINER)
        enlarged = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(fine, Image.Resampling.BILINEAR)
        inside = np.asarray(enlarged) > 127
        line = np.asarray(ndimage.binary_dilation(inside, iterations=_LINE), bool) & ~inside  # around the tumor
        tile.paste(_RED, (0, 0), Image.fromarray(line.astype(np.uint8) * np.uint8(255)).reduce(_FINER))
    return tile


def _shortened(text: str, size: int, room: float) -> str:
    text = drawable(text)
    while len(text) > 1 and width(text, size) > room:
        text = text[:-2].rstrip() + "…"
    return text
