"""A glance at a data set: a few patients, their sequences and their masks."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from tumorscope.datasets.lgg import LggDataset, LggPatient
from tumorscope.errors import BadDataset, TumorscopeError
from tumorscope.reading.lgg import CHANNELS

COLUMNS = ("T1", "FLAIR", "T1 contrast", "true mask", "FLAIR and mask")
_TILE, _GAP, _LEFT, _TOP = 160, 4, 150, 26
_RED = (255, 48, 48)
_FILL = 0.28
"""How much of the red shows inside the outline; what lies beneath stays visible."""
_BACKGROUND, _TEXT = (16, 18, 22), (222, 226, 232)


def draw_preview(dataset: LggDataset, count: int = 6, seed: int = 0) -> Image.Image:
    """Two rows a patient: the slice with the largest tumour, and one without any.

    The columns are T1, FLAIR, T1 with contrast agent, the true mask, and FLAIR with the
    mask in red. Each picture is stretched to its own 1st to 99.5th percentile.

    Args:
        dataset: where the patients come from.
        count: how many patients, at most; drawn at random.
        seed: makes the draw repeatable.

    Returns:
        An RGB picture.

    Raises:
        BadDataset: not one of the patients can be read.
    """
    rows = list(_rows(dataset, count, seed))
    if not rows:
        raise BadDataset(f"{dataset.root}: not one patient can be shown")
    width = _LEFT + len(COLUMNS) * (_TILE + _GAP)
    sheet = Image.new("RGB", (width, _TOP + len(rows) * (_TILE + _GAP)), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, name in enumerate(COLUMNS):
        left = _LEFT + column * (_TILE + _GAP)
        draw.text((left + _TILE / 2, _TOP / 2), name, _TEXT, font, anchor="mm")
    for row, (label, pictures) in enumerate(rows):
        top = _TOP + row * (_TILE + _GAP)
        draw.multiline_text((8, top + _TILE / 2), label, _TEXT, font, anchor="lm", spacing=5)
        for column, picture in enumerate(pictures):
            tile = Image.fromarray(picture).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
            sheet.paste(tile, (_LEFT + column * (_TILE + _GAP), top))
    return sheet


def _rows(dataset: LggDataset, count: int, seed: int) -> Iterator[tuple[str, list[np.ndarray]]]:
    patients = list(dataset.patients)
    random.Random(seed).shuffle(patients)
    shown = 0
    for patient in patients:
        if shown == count:
            return
        try:
            yield from _patient_rows(patient)
        except TumorscopeError:
            continue  # a preview shows what can be shown; the summary names the others
        shown += 1


def _patient_rows(patient: LggPatient) -> list[tuple[str, list[np.ndarray]]]:
    scan, mask = patient.scan(), patient.mask
    if scan.sequences != CHANNELS or mask.shape != scan.shape:
        raise BadDataset(f"{patient.case}: not slices of T1, FLAIR and T1c with masks of their size")
    areas = mask.sum(axis=(1, 2))
    chosen = [int(areas.argmax())]
    empty = np.flatnonzero(areas == 0)
    if len(empty) and areas.any():
        # The ends of a scan show little: the empty slice nearest to the middle is the fairest.
        chosen.append(int(empty[np.abs(empty - len(areas) // 2).argmin()]))
    fields = patient.case.split("_")
    name = "_".join(fields[:3]) + "\n" + "_".join(fields[3:])
    rows = []
    for index in chosen:
        sequences = [_grey(scan.channel(sequence)[index]) for sequence in CHANNELS]
        truth = np.where(mask[index], 255, 0).astype(np.uint8)[..., None].repeat(3, axis=-1)
        found = f"{int(areas[index]):,} px" if areas[index] else "no tumour"
        label = f"{name}\nslice {index + 1} of {len(areas)}\n{found}"
        rows.append((label, [*sequences, truth, _overlay(sequences[1], mask[index])]))
    return rows


def _grey(image: np.ndarray) -> np.ndarray:
    """uint8 ``(row, column, 3)``."""
    low, high = np.percentile(image, (1, 99.5))
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    return np.round(255 * scaled).astype(np.uint8)[..., None].repeat(3, axis=-1)


def _overlay(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with the mask tinted and its edge drawn in red."""
    blended = picture.astype(float)
    blended[mask] = (1 - _FILL) * blended[mask] + _FILL * np.array(_RED)
    blended[mask & ~np.asarray(ndimage.binary_erosion(mask), bool)] = _RED
    return np.round(blended).astype(np.uint8)
