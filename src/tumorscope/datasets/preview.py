"""A preview of a data set of examinations: a few patients, their sequences and their masks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets.labeled import VolumeCase, VolumeDataset

_TITLES = {"t1": "T1", "flair": "FLAIR", "t1c": "T1 contrast", "t2": "T2"}
_TILE, _GAP, _LEFT, _TOP = 160, 4, 150, 26
_RED = (255, 48, 48)
_FILL = 0.28
"""Opacity of the red inside the contour."""
_BACKGROUND, _TEXT = (16, 18, 22), (222, 226, 232)


def draw_preview(dataset: VolumeDataset, count: int = 6, seed: int = 0) -> Image.Image:
    """Draw two rows per patient: the slice with the largest tumor, and one without tumor.

    The columns are the data set's sequences, the true mask, and FLAIR, or else the first sequence, with the mask in red.
    A sequence that the patient lacks stays empty. Each slice is windowed to its own 1st to 99.5th percentile.

    Args:
        dataset: of examinations.
        count: the largest number of patients; drawn at random.
        seed: makes the draw reproducible.

    Returns:
        An RGB image.

    Raises:
        BadDataset: not one of the patients can be read.
    """
    titles = [_TITLES.get(sequence, sequence) for sequence in dataset.sequences]
    columns = (*titles, "true mask", f"{titles[dataset.sequences.index(_under_mask(dataset.sequences))]} and mask")
    rows = list(_rows(dataset, count, seed))
    if not rows:
        raise BadDataset(f"{dataset.root}: not one patient can be shown")
    width = _LEFT + len(columns) * (_TILE + _GAP)
    sheet = Image.new("RGB", (width, _TOP + len(rows) * (_TILE + _GAP)), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, name in enumerate(columns):
        left = _LEFT + column * (_TILE + _GAP)
        draw.text((left + _TILE / 2, _TOP / 2), name, _TEXT, font, anchor="mm")
    for row, (label, images) in enumerate(rows):
        top = _TOP + row * (_TILE + _GAP)
        draw.multiline_text((8, top + _TILE / 2), label, _TEXT, font, anchor="lm", spacing=5)
        for column, image in enumerate(images):
            if image is None:
                continue
            tile = Image.fromarray(image).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
            sheet.paste(tile, (_LEFT + column * (_TILE + _GAP), top))
    return sheet


_Row = tuple[str, list[np.ndarray | None]]
"""The label of a row, and its images; None for a missing sequence."""


def _rows(dataset: VolumeDataset, count: int, seed: int) -> Iterator[_Row]:
    cases = list(dataset.cases)
    random.Random(seed).shuffle(cases)
    shown = 0
    for case in cases:
        if shown == count:
            return
        try:
            yield from _case_rows(case, dataset.sequences)
        except TumorscopeError:
            continue  # the summary names what cannot be read
        shown += 1


def _case_rows(case: VolumeCase, sequences: Sequence[str]) -> list[_Row]:
    scan, mask = case.scan_and_mask()
    areas = mask.sum(axis=(1, 2))
    chosen = [int(areas.argmax())]
    empty = np.flatnonzero(areas == 0)
    if len(empty) and areas.any():
        # The ends of a scan show little, so take the empty slice nearest to the middle.
        chosen.append(int(empty[np.abs(empty - len(areas) // 2).argmin()]))
    fields = case.case.split("_")
    name = "_".join(fields[:3]) + "\n" + "_".join(fields[3:])
    name = name.rstrip("\n")
    rows = []
    for index in chosen:
        shown = {sequence: _gray(scan.channel(sequence)[index]) for sequence in scan.sequences}
        truth = np.where(mask[index], 255, 0).astype(np.uint8)[..., None].repeat(3, axis=-1)
        area = f"{int(areas[index]):,} px" if areas[index] else "no tumor"
        label = f"{name}\nslice {index + 1} of {len(areas)}\n{area}"
        below = shown.get(_under_mask(sequences))
        overlay = None if below is None else _overlay(below, mask[index])
        rows.append((label, [*(shown.get(sequence) for sequence in sequences), truth, overlay]))
    return rows


def _under_mask(sequences: Sequence[str]) -> str:
    """The sequence that the mask is drawn on."""
    return "flair" if "flair" in sequences else sequences[0]


def _gray(image: np.ndarray) -> np.ndarray:
    """uint8 ``(row, column, 3)``."""
    low, high = np.percentile(image, (1, 99.5))
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    return np.round(255 * scaled).astype(np.uint8)[..., None].repeat(3, axis=-1)


def _overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with the mask tinted and its contour drawn in red."""
    blended = image.astype(float)
    blended[mask] = (1 - _FILL) * blended[mask] + _FILL * np.array(_RED)
    blended[mask & ~np.asarray(ndimage.binary_erosion(mask), bool)] = _RED
    return np.round(blended).astype(np.uint8)
