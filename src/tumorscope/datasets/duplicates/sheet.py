"""A figure of pairs, to verify copies by eye."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageDraw

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.duplicates.appearance import oriented
from tumorscope.datasets.duplicates.fingerprints import Fingerprints, read_gray
from tumorscope.datasets.duplicates.matching import DuplicatePair
from tumorscope.reporting.typography import write

_COLUMNS, _TILE, _GAP, _BETWEEN, _TITLE, _CAPTION = 5, 144, 2, 18, 40, 34
_BACKGROUND, _TEXT, _FAINT = (16, 18, 22), (222, 226, 232), (150, 156, 166)


def draw_pairs(
    fingerprints: Fingerprints,
    pairs: Sequence[DuplicatePair],
    roots: Mapping[str, Path],
    rows: int = 4,
    seed: int = 0,
) -> Image.Image:
    """Draw near copies side by side: the least similar, some at random, the most similar.

    The first image of a pair is mirrored or turned if that is how they match.
    Each is windowed to its own 0.5th to 99.8th percentile.

    Args:
        fingerprints: of the images.
        pairs: of copies; exact ones are not shown.
        roots: each set's folder.
        rows: of each of the three sections, five pairs per row.
        seed: makes the draw reproducible.

    Returns:
        An RGB image.
    """
    near = sorted((pair for pair in pairs if pair.kind == "near"), key=lambda pair: (pair.correlation, pair))
    count = rows * _COLUMNS
    least = near[:count]
    most = near[max(count, len(near) - _COLUMNS) :]
    others = near[count : len(near) - len(most)]
    drawn = sorted(random.Random(seed).sample(others, min(count, len(others))), key=lambda pair: pair.correlation)
    sections = [("the least similar", least), ("drawn at random", drawn), ("the most similar", most)]
    shown = [(title, some) for title, some in sections if some] or [("no near copies", [])]
    step = _TILE + _CAPTION + 10
    height = sum(_TITLE + -(-len(some) // _COLUMNS) * step for _, some in shown) + 8
    wide = 2 * _TILE + _GAP + _BETWEEN
    sheet = Image.new("RGB", (_COLUMNS * wide + _BETWEEN, height), _BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    top = 0
    for title, some in shown:
        text = f"Near copies: {title}" if some else "No near copies"
        write(pen, (_BETWEEN, top + 26), text, 17, _TEXT, sheet.width - 2 * _BETWEEN)
        top += _TITLE
        for index, pair in enumerate(some):
            left, upper = _BETWEEN + index % _COLUMNS * wide, top + index // _COLUMNS * step
            sheet.paste(_tile(fingerprints, pair.first, roots, pair), (left, upper))
            sheet.paste(_tile(fingerprints, pair.second, roots), (left + _TILE + _GAP, upper))
            note = "" if pair.orientation == "same" else f", {pair.orientation}"
            score = f"{pair.correlation:.3f}{note}"
            write(pen, (left, upper + _TILE + 14), score, 12, _TEXT, 2 * _TILE)
            for end, which in enumerate((pair.first, pair.second)):
                name = f"{fingerprints.sets[which]}/{PurePosixPath(fingerprints.names[which]).name}"
                write(pen, (left + end * (_TILE + _GAP), upper + _TILE + 28), name, 10, _FAINT, _TILE)
        top += -(-len(some) // _COLUMNS) * step
    return sheet


def _tile(
    fingerprints: Fingerprints, index: int, roots: Mapping[str, Path], oriented_as: DuplicatePair | None = None
) -> Image.Image:
    try:
        image = read_gray(roots[fingerprints.sets[index]] / fingerprints.names[index]).astype(np.float32)
    except TumorscopeError:  # the file was removed after the comparison
        return Image.new("RGB", (_TILE, _TILE), _BACKGROUND)
    image = image if oriented_as is None else oriented(image, oriented_as.orientation)
    low, high = np.percentile(image, (0.5, 99.8))
    gray = np.clip((image - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    scale = _TILE / max(gray.shape)
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    tile = Image.new("RGB", (_TILE, _TILE))
    tile.paste(Image.fromarray(gray).resize(size, Image.Resampling.LANCZOS))
    return tile
