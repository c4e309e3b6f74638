"""The viewer's images on the scan's grid: every sequence, the segmentation and the activation map.

Files are NIfTI with the axes column, row and slice and the scan's affine, or the identity if the affine
is unknown.
"""

from __future__ import annotations

import gzip
import math
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_together
from tumorscope.core.scan import Scan
from tumorscope.inference.activation_maps import ActivationMap
from tumorscope.inference.analysis import Analysis
from tumorscope.io.checks import size_text
from tumorscope.reporting.nifti_files import encode_nifti

if TYPE_CHECKING:
    from nibabel import Nifti1Header

MASK, ACTIVATION = "mask", "activation"
_SUFFIX = ".nii.gz"
_AS_STORED = (np.uint8, np.int16, np.uint16)
_AFFINE_TOLERANCE_MM = 1e-2
_HEADER_BYTES, _MAX_VOXEL_OFFSET = 352, 2**16


def write_views(analysis: Analysis, folder: Path, earlier: Path | None = None) -> None:
    """Write the images of a revision.

    Args:
        analysis: the revision.
        folder: created if it does not exist.
        earlier: images of another revision of the same scan, whose sequences are linked instead of written.

    Raises:
        TumorscopeError: a file cannot be written.
    """
    scan = analysis.scan
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in _sequences(scan):
        existing = None if earlier is None else earlier / f"{name}{_SUFFIX}"
        if existing is None or not existing.is_file():
            save_together(
                folder, {f"{name}{_SUFFIX}": encode_nifti(_swap_axes(_storable(values)), scan.affine, name, top=None)}
            )
        else:
            _link(existing, folder / existing.name)
    made = {f"{MASK}{_SUFFIX}": encode_nifti(_swap_axes(analysis.mask.astype(np.uint8)), scan.affine)}
    if analysis.activation is not None:
        shown = activation_gray_levels(analysis.activation, scan.shape[0])
        made[f"{ACTIVATION}{_SUFFIX}"] = encode_nifti(_swap_axes(shown), scan.affine, "activation map", top=255)
    save_together(folder, made)


def view_names(folder: Path) -> list[str]:
    """The images in a folder of views: sequences first, then segmentation and activation map."""
    names = sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    last = [name for name in (MASK, ACTIVATION) if name in names]
    return [name for name in names if name not in last] + last


def activation_gray_levels(activation: ActivationMap, slices: int) -> np.ndarray:
    """An activation map as gray levels, uint8 ``(slice, row, column)``: 255 is the maximum of the whole scan.

    Scaled slice by slice, slices with and without a tumor would look equally bright.
    """
    tops = activation.peaks
    peak = float(tops.max()) or 1.0
    return np.stack(
        [(activation.on_slice(index) * (tops[index] / peak) * 255 + 0.5).astype(np.uint8) for index in range(slices)]
    )


def read_segmentation(path: Path, like: Path) -> np.ndarray:
    """Read a corrected segmentation, boolean ``(slice, row, column)``.

    Args:
        path: ``.nii`` or ``.nii.gz``, from an untrusted source.
        like: the ``mask.nii.gz`` of the viewer's images, which has the required grid.

    Raises:
        TumorscopeError: it cannot be read, or has another grid.
    """
    import nibabel as nib
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    from tumorscope.io.library_warnings import quiet_libraries

    broken = (WrapStructError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, zlib.error)
    expected = nib.Nifti1Image.from_filename(like)
    try:
        with quiet_libraries(), _decompressed(path) as content:
            # Not by nibabel, which would first read all bytes that the header places before the voxels.
            header = nib.Nifti1Header(content.read(nib.Nifti1Header.sizeof_hdr))
            _check_grid(header, expected.header)
            content.seek(int(header["vox_offset"]))
            size = header.get_data_dtype().itemsize * math.prod(expected.shape)
            raw = content.read(size)
            if len(raw) < size:
                raise EOFError
    except broken as error:
        raise TumorscopeError("the segmentation cannot be read; send a complete NIfTI file (.nii.gz)") from error
    values = np.frombuffer(raw, header.get_data_dtype()).reshape(expected.shape, order="F")
    return np.ascontiguousarray(_swap_axes(values)) > 0


def _check_grid(header: Nifti1Header, expected: Nifti1Header) -> None:
    shape, wanted = header.get_data_shape(), expected.get_data_shape()
    if shape != wanted:
        raise TumorscopeError(f"the segmentation has {size_text(shape)} voxels, the scan {size_text(wanted)}")
    if header.get_data_dtype().kind not in "bui":
        raise TumorscopeError("the segmentation's voxels are not integers; save it as uint8")
    if not np.allclose(
        *(np.asarray(each.get_best_affine(), float) for each in (header, expected)), atol=_AFFINE_TOLERANCE_MM
    ):
        raise TumorscopeError("the segmentation has another affine than the scan; draw it on the scan's images")
    if not _HEADER_BYTES <= float(header["vox_offset"]) <= _MAX_VOXEL_OFFSET:
        raise TumorscopeError("the segmentation's file has data before the voxels; save it without header extensions")


@contextmanager
def _decompressed(path: Path) -> Iterator[IO[bytes]]:
    """The content of a file, decompressed if it is gzip, whatever its suffix."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not compressed:
            yield file
            return
        with gzip.open(file) as content:
            yield cast("IO[bytes]", content)


def _sequences(scan: Scan) -> Iterator[tuple[str, np.ndarray]]:
    """Each channel with a unique name."""
    taken: set[str] = set()
    for channel, sequence in enumerate(scan.sequences):
        name, number = sequence, 2
        while name in taken:
            name, number = f"{sequence}-{number}", number + 1
        taken.add(name)
        yield name, scan.voxels[..., channel]


def _storable(values: np.ndarray) -> np.ndarray:
    native = values.dtype.newbyteorder("=")
    kind = native.type if native.type in _AS_STORED else np.uint8 if native.kind == "b" else np.float32
    return values.astype(kind, copy=False)


def _swap_axes(values: np.ndarray) -> np.ndarray:
    return values.transpose(2, 1, 0)


def _link(existing: Path, target: Path) -> None:
    try:
        os.link(existing, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(existing, target)
