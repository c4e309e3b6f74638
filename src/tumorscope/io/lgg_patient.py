"""A patient folder of the LGG segmentation data set (Buda et al. 2019).

``TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_7.tif`` is slice 7; the file with ``_mask``
before the suffix is its mask. The three channels are pre-contrast T1, FLAIR and
post-contrast T1; where a patient lacks one of the T1s the publisher put FLAIR in its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.io.checks import is_file, label
from tumorscope.io.mask_names import is_mask_name
from tumorscope.io.raster import read_raster
from tumorscope.io.slice_stacking import stack_slices

CHANNELS = ("t1", "flair", "t1c")
_SLICE = re.compile(r"^(?P<case>.+)_(?P<index>\d+)\.tiff?$", re.IGNORECASE)

_COPY_MEAN, _COPY_MAX = 1.5 / 255, 16 / 255
"""How far a copy of FLAIR may be from FLAIR, of the full range: exact in the published
files, up to 9 gray levels where they were compressed again. True T1s differ by 6 on average."""


def is_published_name(name: str) -> bool:
    """Whether a file or folder bears the publisher's name, ``TCGA_<institution>_<patient>_<date>…``."""
    return re.match(r"TCGA_[A-Z0-9]{2}_[A-Z0-9]{4}_\d{8}", name) is not None


def slice_files(folder: Path) -> list[Path]:
    """The folder's slices in the order of their numbers, masks left out."""
    found = {}
    for path in folder.iterdir():
        match = _SLICE.match(path.name)
        if match and not is_mask_name(path.name) and not path.name.startswith("."):
            found[path] = int(match["index"])
    return sorted(found, key=lambda path: (found[path], path.name))


def is_lgg_folder(folder: Path) -> bool:
    """Whether the folder holds numbered TIFF slices, as the LGG data set has them."""
    return bool(slice_files(folder))


def mask_file(slice_file: Path) -> Path:
    """The path of the mask of a slice."""
    return slice_file.with_name(f"{slice_file.stem}_mask{slice_file.suffix}")


def read_lgg_folder(folder: Path) -> Scan:
    """All slices of one patient, each with the channels :data:`CHANNELS`.

    Raises:
        UnreadableScan: a slice is damaged, or slices differ in size.
    """
    files = slice_files(folder)
    voxels = stack_slices(folder, files, [read_raster(path) for path in files])
    sequences = CHANNELS if voxels.shape[-1] == 3 else ("unknown",) * voxels.shape[-1]
    missing = missing_sequences(voxels) if sequences == CHANNELS else []
    return Scan(
        voxels=voxels,
        sequences=sequences,
        case=folder.resolve().name,
        kind="slices",
        slice_names=tuple(path.name for path in files),
        source=folder,
        notes=notes_on_missing(missing),
    )


def missing_sequences(voxels: np.ndarray) -> list[str]:
    """Which T1 channels are only copies of FLAIR, by the publisher's rule.

    Args:
        voxels: ``(slice, row, column, 3)`` in the order of :data:`CHANNELS`.
    """
    flair = voxels[..., 1]
    return [name for channel, name in ((0, "t1"), (2, "t1c")) if copies_flair(voxels[..., channel], flair)]


def copies_flair(channel: np.ndarray, flair: np.ndarray) -> bool:
    """Whether a channel ``(slice, row, column)`` is FLAIR again, saved in place of a sequence that is missing."""
    reference = flair.astype(np.float32)
    full = 255.0 if flair.dtype == np.uint8 else max(float(reference.max()), 1e-12)
    difference = np.abs(channel - reference)
    return bool(difference.mean() <= _COPY_MEAN * full and difference.max() <= _COPY_MAX * full)


def notes_on_missing(missing: Sequence[str]) -> tuple[Note, ...]:
    """One note per sequence for which FLAIR was saved instead."""
    return tuple(Note("sequence_missing", f"{name} is missing; FLAIR is used instead") for name in missing)


def read_lgg_mask(folder: Path) -> np.ndarray:
    """The folder's masks, boolean ``(slice, row, column)``; slices without a file are empty.

    Raises:
        UnreadableScan: no mask at all, or masks of different sizes.
    """
    masks = [_read_mask(mask_file(path)) if is_file(mask_file(path)) else None for path in slice_files(folder)]
    known = [mask for mask in masks if mask is not None]
    if not known:
        raise UnreadableScan(f"{label(folder)}: no *_mask.tif beside the slices")
    if any(mask.shape != known[0].shape for mask in known):
        raise UnreadableScan(f"{label(folder)}: the masks differ in size")
    return np.stack([np.zeros_like(known[0]) if mask is None else mask for mask in masks])


def _read_mask(path: Path) -> np.ndarray:
    pixels = read_raster(path)
    if pixels.ndim != 3:
        raise UnreadableScan(f"{label(path)}: a mask of several pages; give one page per slice")
    return pixels[..., 0] > 0
