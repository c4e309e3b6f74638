"""NIfTI-1 and NIfTI-2 volumes, plain or compressed with gzip."""

from __future__ import annotations

import gc
import gzip
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import SIDES_ASSUMED, NiftiPlacement
from tumorscope.io.checks import MAX_VOXELS, label, reason
from tumorscope.io.file_heads import is_gzip, is_pair_head, read_head, voxels_of_pair
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.nifti_placement import placement_notes, placement_of, unit_mm
from tumorscope.io.volumes import StoredVolume, checked_affine, checked_shape, native, with_thickness


@quiet_libraries()
def read_stored_volume(path: Path) -> StoredVolume:
    """The array and the affine of a NIfTI file, nothing turned.

    Raises:
        UnreadableScan: damaged, RGB, complex, a time series, or without a usable affine.
    """
    array_proxy = _array_proxy()
    name = label(path)
    try:
        header, placement = _read_headers(path)
        with _opened(path if header.is_single else voxels_of_pair(path)) as stream:
            notes = _only_one_volume(header, stream)
            shape = _checked_shape(name, header)
            array = np.asarray(array_proxy(stream, header)).reshape(shape)
        affine = _affine(name, header, len(shape))
    except UnreadableScan:
        raise
    except MemoryError as error:
        raise UnreadableScan(f"{name}: does not fit into memory; crop or resample it") from error
    except Exception as error:  # nibabel, gzip and zlib raise many kinds on damaged files
        text = reason(error, path)
        raise UnreadableScan(f"{name}: damaged or truncated NIfTI ({text}); copy it again") from error
    spatial = min(len(shape), 3)
    if header["sform_code"] <= 0 and header["qform_code"] <= 0:
        notes = (*notes, SIDES_ASSUMED)
    notes = (*notes, *placement_notes(header, shape[:spatial]))
    return StoredVolume(native(array), spatial, affine, placement, header["descrip"].item(), notes)


@cache
def _array_proxy() -> Any:
    """The class by which nibabel reads voxels.

    Where packages that nibabel can do without are missing, its import (5.4) leaves exceptions in cycles, which keep the
    frames of all callers, and so the first scan as it was stored, until cycles are collected.
    """
    from nibabel.arrayproxy import ArrayProxy

    gc.collect(1)
    return ArrayProxy


def voxels_beside(path: Path) -> Path | None:
    """The other file of a pair."""
    return voxels_of_pair(path) if is_pair_head(read_head(path)) else None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with gzip.open(path) if is_gzip(path) else path.open("rb") as stream:
        yield cast("IO[bytes]", stream)


def _read_headers(path: Path) -> tuple[Any, NiftiPlacement]:
    """The header with the corrections of nibabel, and the placement of the voxels as stored."""
    from nibabel.nifti1 import Nifti1Header, Nifti1PairHeader
    from nibabel.nifti2 import Nifti2Header, Nifti2PairHeader

    head = read_head(path)
    if head[4:8] in (b"n+2\0", b"ni2\0"):
        header_class = Nifti2Header if head[4:6] == b"n+" else Nifti2PairHeader
    else:
        header_class = Nifti1Header if head[344:346] == b"n+" else Nifti1PairHeader
    with _opened(path) as stream:
        stored = header_class(stream.read(header_class.template_dtype.itemsize), check=False)
    # nibabel's checks correct what programs choose differently among.
    header = stored.copy()
    header.check_fix()
    return header, placement_of(stored)


def _only_one_volume(header: Any, stream: IO[bytes]) -> tuple[Note, ...]:
    """Correct the header where it promises several volumes and the file holds one; a note says so.

    Programs save a drawing under the header of the 4-D image that it was made on.
    """
    shape = header.get_data_shape()
    if len(shape) < 4 or math.prod(shape[3:]) <= 1 or not 0 < math.prod(shape[:3]) <= MAX_VOXELS:
        return ()
    end = header.get_data_offset() + math.prod(shape[:3]) * header.get_data_dtype().itemsize
    stream.seek(end - 1)
    if len(stream.read(2)) != 1:
        return ()
    header.set_data_shape(shape[:3])
    what = f"the header promises {math.prod(shape[3:])} volumes, but the file holds one, which is read"
    return (Note("single_volume", what),)


def _checked_shape(name: str, header: Any) -> tuple[int, ...]:
    """The shape without trailing axes of length one, if the file is one that can be a scan."""
    dtype = header.get_data_dtype()
    if dtype.names:
        raise UnreadableScan(f"{name}: holds colors (RGB), not MRI intensities; export the scan itself")
    if dtype.kind == "c":
        raise UnreadableScan(f"{name}: holds complex numbers; export the magnitude")
    return checked_shape(name, header.get_data_shape())


def _affine(name: str, header: Any, spatial: int) -> np.ndarray:
    affine = np.array(header.get_best_affine(), float)
    affine[:3] *= unit_mm(header)
    if spatial == 2 and np.linalg.norm(affine[:3, 2]) < 1e-6:  # an image has no thickness
        affine = with_thickness(affine)
    return checked_affine(name, affine)
