"""A glance at a data set of classes: a row a class, some images of each, the tumor's contour in red."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets.figshare import FigshareSlice
from tumorscope.datasets.images import AnnotatedImage
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset
from tumorscope.reporting.typography import drawable, width

_TILE, _GAP, _LEFT, _TOP, _CAPTION = 176, 6, 116, 8, 20
_FINER = 2
"""Contours are drawn this much finer and then averaged, for smooth edges."""
_LINE = 3
"""Width of a contour on the finer grid."""
_RED = (255, 48, 48)
_BACKGROUND, _TEXT, _FAINT = (16, 18, 22), (222, 226, 232), (140, 146, 156)


def draw_class_preview(dataset: LabeledDataset, count: int = 6, seed: int = 0) -> Image.Image:
    """A row a class, ``count`` images in each, of as many patients where patients are known.

    Each image is stretched to its own 1st to 99.5th percentile and shown whole; a tumor
    whose mask is known is segmented.

    Args:
        dataset: of images with a class each.
        count: how many images of a class, at most; drawn at random.
        seed: makes the draw repeatable.

    Returns:
        An RGB image.

    Raises:
        BadDataset: not one image can be read.
    """
    rows = [(kind, len(cases), list(_shown(cases, count))) for kind, cases in _shuffled(dataset, seed).items()]
    if not any(tiles for _, _, tiles in rows):
        raise BadDataset(f"{dataset.root}: not one image can be shown")
    columns = max(len(tiles) for _, _, tiles in rows)
    height = _TILE + _CAPTION + _GAP
    sheet = Image.new("RGB", (_LEFT + columns * (_TILE + _GAP), _TOP + len(rows) * height), _BACKGROUND)
    draw, bold, small = ImageDraw.Draw(sheet), ImageFont.load_default(15), ImageFont.load_default(11)
    for row, (kind, known, tiles) in enumerate(rows):
        top = _TOP + row * height
        draw.text((10, top + _TILE / 2 - 9), _shortened(kind, 15, _LEFT - 16), _TEXT, bold, anchor="lm")
        draw.text((10, top + _TILE / 2 + 9), f"{len(tiles)} of {known:,}", _FAINT, small, anchor="lm")
        for column, (tile, caption) in enumerate(tiles):
            left = _LEFT + column * (_TILE + _GAP)
            sheet.paste(tile, (left + (_TILE - tile.width) // 2, top + (_TILE - tile.height) // 2))
            middle = (left + _TILE / 2, top + _TILE + _CAPTION / 2 + 1)
            draw.text(middle, _shortened(caption, 11, _TILE), _FAINT, small, anchor="mm")
    return sheet


def _shuffled(dataset: LabeledDataset, seed: int) -> dict[str, list[LabeledCase]]:
    """Each class's cases in the order in which they are tried; the patients take turns."""
    chance = random.Random(seed)
    cases = list(dataset.cases)
    chance.shuffle(cases)
    turns: dict[str, int] = {}
    order = []
    for case in cases:
        turns[case.patient] = turns.get(case.patient, 0) + 1
        order.append(turns[case.patient])
    classes = dataset.classes or sorted({_class_of(case) for case in cases})
    by_class: dict[str, list[LabeledCase]] = {kind: [] for kind in classes}
    for _, case in sorted(zip(order, cases, strict=True), key=lambda pair: pair[0]):
        by_class[_class_of(case)].append(case)
    return by_class


def _class_of(case: LabeledCase) -> str:
    """Without reading the case's image, where its file list says it."""
    if isinstance(case, AnnotatedImage):
        return case.kind
    known = case.tumor_type if isinstance(case, FigshareSlice) else getattr(case, "tumor_class", None)
    return known or case.truth().tumor_class or ""


def _shown(cases: Sequence[LabeledCase], count: int) -> Iterator[tuple[Image.Image, str]]:
    shown = 0
    for case in cases:
        if shown == count:
            return
        try:
            scan, truth = case.scan(), case.truth()
        except TumorscopeError:
            continue  # a preview shows what can be shown; the summary names the others
        mask = None if truth.mask is None else truth.mask[0]
        by_name = isinstance(case, AnnotatedImage) or case.patient == case.case
        name = case.case.rsplit("/", 1)[-1] if by_name else f"{case.patient} · slice {case.case}"
        yield _tile(scan.voxels[0, ..., 0], mask), name
        shown += 1


def _tile(image: np.ndarray, mask: np.ndarray | None) -> Image.Image:
    """The whole image within the tile, its sides in proportion."""
    scale = _TILE / max(image.shape)
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    low, high = np.percentile(image, (1, 99.5))
    gray = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    tile = Image.fromarray(np.round(255 * gray).astype(np.uint8)).resize(size, Image.Resampling.LANCZOS).convert("RGB")
    if mask is not None and mask.any():
        fine = (size[0] * _FINER, size[1] * _FINER)
        enlarged = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(fine, Image.Resampling.BILINEAR)
        inside = np.asarray(enlarged) > 127
        line = np.asarray(ndimage.binary_dilation(inside, iterations=_LINE), bool) & ~inside  # around, not over it
        tile.paste(_RED, (0, 0), Image.fromarray(line.astype(np.uint8) * np.uint8(255)).reduce(_FINER))
    return tile


def _shortened(text: str, size: int, room: float) -> str:
    text = drawable(text)
    while len(text) > 1 and width(text, size) > room:
        text = text[:-2].rstrip() + "…"
    return text
