"""FreeSurfer's MGH volumes, plain or compressed with gzip.

https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import SIDES_ASSUMED
from tumorscope.io.checks import label, reason
from tumorscope.io.file_heads import is_gzip, read_head
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.volumes import StoredVolume, checked_affine, checked_shape, native

_GOOD_RAS_FLAG = slice(28, 30)
_DEFAULT_DIRECTIONS = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""FreeSurfer's coronal default where the header states no position: columns to the left, rows to inferior, slices
to anterior; voxels of 1 mm, the center of the volume at the origin."""


@quiet_libraries()
def read_stored_volume(path: Path) -> StoredVolume:
    """The array and the affine of an MGH file, nothing turned.

    Raises:
        UnreadableScan: damaged, a time series, or without a usable affine.
    """
    from nibabel.arrayproxy import ArrayProxy
    from nibabel.freesurfer.mghformat import MGHHeader

    name = label(path)
    try:
        stated = int.from_bytes(read_head(path)[_GOOD_RAS_FLAG], "big") > 0
        with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
            stream = cast("IO[bytes]", file)
            header = _header(stream, MGHHeader)
            shape = checked_shape(name, header.get_data_shape())
            array = np.asarray(ArrayProxy(stream, header)).reshape(shape)
        lengths = np.array((*header.get_data_shape(), 1)[:3])
        affine = np.array(header.get_affine(), float) if stated else _default_affine(lengths)
    except UnreadableScan:
        raise
    except MemoryError as error:
        raise UnreadableScan(f"{name}: does not fit into memory; crop or resample it") from error
    except Exception as error:  # nibabel, gzip and zlib raise many kinds on damaged files
        raise UnreadableScan(f"{name}: damaged or truncated MGH ({reason(error, path)}); copy it again") from error
    notes = () if stated else (SIDES_ASSUMED,)
    return StoredVolume(native(array), 3, checked_affine(name, affine), notes=notes)


def _header(stream: IO[bytes], header_class: Any) -> Any:
    """The header alone: nibabel would look for the footer behind voxels that may not be there."""
    size = header_class.template_dtype.itemsize
    return header_class(stream.read(size).ljust(size, b"\0"))


def _default_affine(lengths: np.ndarray) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = _DEFAULT_DIRECTIONS
    affine[:3, 3] = -_DEFAULT_DIRECTIONS @ (lengths / 2)
    return affine
