"""Sources of predicted masks."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.io import read_mask
from tumorscope.io.formats import IMAGE_SUFFIXES
from tumorscope.training.feature_model.feature_table import MaskOf


def mask_source(masks_from: MaskOf | Path) -> MaskOf:
    """A function that returns the mask of each slice.

    Args:
        masks_from: such a function itself; or a ``.npz`` file with an array for each case;
            or a folder with ``CASE.npz`` (its array ``mask``, or its only one), ``CASE.png``
            or ``CASE_mask.png`` (or another kind of image) for each case. A case that is
            not there is an error; one without a tumor has an empty mask.

    Raises:
        TumorscopeError: there is no such file or folder.
    """
    if callable(masks_from):
        return masks_from
    if masks_from.is_dir():
        return lambda scan: _from_folder(masks_from, scan)
    if masks_from.suffix == ".npz" and masks_from.is_file():
        return lambda scan: _array(masks_from, scan, scan.case)
    raise TumorscopeError(f"{masks_from}: no folder of masks and no .npz file; name one")


def _from_folder(folder: Path, scan: Scan) -> np.ndarray:
    arrays = folder / f"{scan.case}.npz"
    if arrays.is_file():
        return _array(arrays, scan, "mask")
    for stem in (f"{scan.case}_mask", scan.case):
        for suffix in sorted(IMAGE_SUFFIXES):
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                return read_mask(path, scan)
    raise TumorscopeError(f"{folder}: no mask of {scan.case}; make all masks first, empty ones too")


def _array(path: Path, scan: Scan, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            key = arrays.files[0] if name == "mask" and len(arrays.files) == 1 else name
            mask = np.asarray(arrays[key]) != 0
    except KeyError as error:
        raise TumorscopeError(f"{path.name}: no mask of {scan.case}; make all masks first, empty ones too") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise TumorscopeError(f"{path.name}: damaged; make the masks again") from error
    if mask.shape not in {scan.shape, scan.shape[1:]}:
        raise TumorscopeError(f"{path.name}: the mask of {scan.case} is {mask.shape}, the slice {scan.shape[1:]}")
    return mask.reshape(scan.shape)
