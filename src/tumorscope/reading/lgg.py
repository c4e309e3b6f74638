"""A patient folder of the LGG segmentation data set (Buda et al. 2019).

``TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_7.tif`` is slice 7; the file with ``_mask``
before the suffix is its mask. The three channels are pre-contrast T1, FLAIR and
post-contrast T1; where a patient lacks one of the T1s the publisher put FLAIR in its place.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.raster import read_raster
from tumorscope.scan import Scan

CHANNELS = ("t1", "flair", "t1c")
_SLICE = re.compile(r"^(?P<case>.+)_(?P<index>\d+)\.tiff?$", re.IGNORECASE)


def is_mask_name(name: str) -> bool:
    """Whether a file's name marks it as a mask, in this data set and its relatives."""
    return re.search(r"(^|[_\-.])(mask|seg|label)s?\.[A-Za-z.]+$", name, re.IGNORECASE) is not None


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
    """Where the mask of a slice lies."""
    return slice_file.with_name(f"{slice_file.stem}_mask{slice_file.suffix}")


def read_lgg_folder(folder: Path) -> Scan:
    """All slices of one patient.

    Raises:
        UnreadableScan: a slice is damaged, or slices differ in size.
    """
    files = slice_files(folder)
    slices = [read_raster(path) for path in files]
    for path, pixels in zip(files, slices, strict=True):
        if pixels.shape != slices[0].shape:
            raise UnreadableScan(
                f"{folder.name}: {path.name} is {pixels.shape[0]}×{pixels.shape[1]} with {pixels.shape[2]} channels, "
                f"the first slice {slices[0].shape[0]}×{slices[0].shape[1]} with {slices[0].shape[2]}"
            )
    voxels = np.stack(slices)
    sequences = CHANNELS if voxels.shape[-1] == 3 else ("unknown",) * voxels.shape[-1]
    notes = tuple(_missing_sequences(voxels)) if sequences == CHANNELS else ()
    return Scan(
        voxels=voxels,
        sequences=sequences,
        case=folder.name,
        kind="slices",
        slice_names=tuple(path.name for path in files),
        source=folder,
        notes=notes,
    )


def missing_sequences(voxels: np.ndarray) -> list[str]:
    """Which T1 channels are only copies of FLAIR, by the publisher's rule.

    Args:
        voxels: ``(slice, row, column, 3)`` in the order of :data:`CHANNELS`.
    """
    flair = voxels[..., 1]
    return [name for channel, name in ((0, "t1"), (2, "t1c")) if np.array_equal(voxels[..., channel], flair)]


def _missing_sequences(voxels: np.ndarray) -> list[str]:
    return [f"{name} is missing; FLAIR stands in its place" for name in missing_sequences(voxels)]


def read_lgg_mask(folder: Path) -> np.ndarray:
    """The folder's masks, boolean ``(slice, row, column)``; slices without a file are empty.

    Raises:
        UnreadableScan: no mask at all, or one of another size than its slice.
    """
    files = slice_files(folder)
    masks = [read_raster(mask_file(path))[..., 0] > 0 if mask_file(path).exists() else None for path in files]
    known = [mask for mask in masks if mask is not None]
    if not known:
        raise UnreadableScan(f"{folder.name}: no *_mask.tif beside the slices")
    if any(mask.shape != known[0].shape for mask in known):
        raise UnreadableScan(f"{folder.name}: the masks differ in size")
    return np.stack([np.zeros_like(known[0]) if mask is None else mask for mask in masks])
