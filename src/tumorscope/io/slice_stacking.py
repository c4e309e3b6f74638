"""Slices in files of their own, stacked into a volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import MAX_VOXELS, label, size_text


def stack_slices(folder: Path, files: list[Path], slices: list[np.ndarray]) -> np.ndarray:
    """``(slice, row, column, channel)`` from images of one size.

    Gray slices among slices of three channels are taken as equal in all three.

    Args:
        folder: named in errors.
        files: one per slice, named in errors.
        slices: ``(row, column, channel)`` each.

    Raises:
        UnreadableScan: several pages in one file, or slices of different sizes.
    """
    channels = max(pixels.shape[-1] for pixels in slices)
    first = slices[0]
    for path, pixels in zip(files, slices, strict=True):
        if pixels.ndim != 3:
            raise UnreadableScan(f"{label(folder)}: {label(path)} holds several pages; give one page per file")
        if pixels.shape[:2] != first.shape[:2]:
            raise UnreadableScan(
                f"{label(folder)}: {label(path)} is {size_text(pixels.shape[:2])} pixels, "
                f"{label(files[0])} {size_text(first.shape[:2])}; keep one series in a folder"
            )
    if len(slices) * first.shape[0] * first.shape[1] * channels > MAX_VOXELS:
        raise UnreadableScan(f"{label(folder)}: {len(slices)} slices are more than fit; keep one series in a folder")
    same = [np.repeat(pixels, channels, axis=-1) if pixels.shape[-1] == 1 else pixels for pixels in slices]
    return np.stack(same)
