"""Whether images whose names count up are the slices of one scan, or images of their own as data sets number them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.lgg_patient import is_published_name
from tumorscope.io.raster import image_size, read_raster
from tumorscope.io.sequence_words import word_set

_DIAGNOSES = word_set(
    "notumor nontumor tumor tumour tumors tumours pituitary normal healthy yes no positive negative "  # codespell:ignore
    "metastasis metastases glioma meningioma"
)
"""Names of folders that data sets of single images use for their classes, besides all that end in ``oma``."""

_SIDE = 32
_LIKE = 0.5
"""Neighbors in the middle half of a scan correlate by more than this, at 32×32 pixels. Of the 88 LGG patients the
lowest neighbors do by 0.74, by 0.54 where every second slice is left out."""
_BREAKS = 3
"""So many unlike neighbors, or more, and the images are no scan: one or two may be at the midline of sagittal slices."""
_MOST_PAIRS = 150
_OF_ONE_SIZE = 0.9
"""Where fewer have the commonest size these are no slices; where more have it, their reader names the odd one."""


def is_one_scan(files: Sequence[Path]) -> bool:
    """Whether images that count up may be slices of one scan: of one size, alike, and not in a folder of a class.

    Args:
        files: in the order of their numbers. What cannot be read is left to its reader.
    """
    if all(is_published_name(path.name) for path in files):
        return True
    if _is_class_folder(files[0].parent):
        return False
    sizes: Counter[tuple[int, int]] = Counter()
    for path in files:
        with suppress(UnreadableScan):
            sizes[image_size(path)] += 1
    if sizes and max(sizes.values()) < _OF_ONE_SIZE * sizes.total():
        return False
    return len(sizes) != 1 or _unlike_neighbors(files) < _BREAKS


def _is_class_folder(folder: Path) -> bool:
    """Whether a folder is named after a diagnosis, and so is another one beside it."""
    if not _is_diagnosis(folder.resolve().name):
        return False
    with suppress(OSError):
        beside = folder.resolve().parent.iterdir()
        return sum(_is_diagnosis(path.name) and path.is_dir() for path in beside) > 1
    return False


def _is_diagnosis(name: str) -> bool:
    words = re.findall(r"[a-z]+", name.lower())
    joined = "".join(words)
    return joined in _DIAGNOSES or any(re.fullmatch(r"[a-z]{3,}oma", word) or word in _DIAGNOSES for word in words)


def _unlike_neighbors(files: Sequence[Path]) -> int:
    """How many neighbors in the middle half are unlike, of at most 150 that are looked at."""
    first, last = len(files) // 4, len(files) - len(files) // 4 - 1
    if last - first < _BREAKS:
        return 0
    starts = np.unique(np.linspace(first, last - 1, min(last - first, _MOST_PAIRS)).round().astype(int))
    small: dict[int, np.ndarray] = {}
    unlike = 0
    for start in starts:
        pair = []
        for index in (start, start + 1):
            if index not in small:
                try:
                    small[index] = _thumbnail(files[index])
                except UnreadableScan:
                    return 0
            pair.append(small[index])
        unlike += float((pair[0] * pair[1]).mean()) < _LIKE
    return unlike


def _thumbnail(path: Path) -> np.ndarray:
    """An image of 32×32 pixels in gray, of mean 0 and deviation 1."""
    pixels = read_raster(path)
    gray = (pixels if pixels.ndim == 3 else pixels[0]).mean(axis=-1, dtype=np.float64)
    for axis in (0, 1):
        edges = np.linspace(0, gray.shape[axis], _SIDE + 1).astype(int)[:-1]
        widths = np.diff([*edges, gray.shape[axis]]).clip(1)
        summed = np.add.reduceat(gray, np.minimum(edges, gray.shape[axis] - 1), axis=axis)
        gray = summed / np.expand_dims(widths, 1 - axis)
    return (gray - gray.mean()) / max(float(gray.std()), 1e-12)
