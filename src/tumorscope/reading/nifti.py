"""NIfTI-1 and NIfTI-2 volumes, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import MAX_VOXELS, label, reason, size_text
from tumorscope.reading.formats import is_gzip, read_head
from tumorscope.reading.lgg import is_mask_name
from tumorscope.reading.orientation import radiological_grid, scan_affine
from tumorscope.reading.quiet import quiet_libraries
from tumorscope.reading.sequences import check_channels, recognize_sequence
from tumorscope.scan import SIDES_ASSUMED, Scan

MOST_CHANNELS = 16
"""A longer fourth axis is a time series: diffusion, perfusion or functional MRI."""

_SMALLEST_MM, _LARGEST_MM = 1e-3, 1e3
_FLATTEST = 0.01
"""Volume spanned by the three unit directions: 1 at right angles, 0 where they lie in a plane."""

_MM = {"meter": 1000.0, "micron": 0.001}


@dataclass(frozen=True, eq=False)
class StoredVolume:
    """The array of a NIfTI file as it is stored.

    Attributes:
        array: two or three spatial axes, then at most one of channels.
        spatial: how many of the axes are spatial.
        affine: 4×4, stored indices to millimetres in RAS+.
        oriented: whether the header says how the volume lies in the patient.
    """

    array: np.ndarray
    spatial: int
    affine: np.ndarray
    oriented: bool


def read_nifti(path: Path, channels: Sequence[str] | None = None) -> Scan:
    """A NIfTI file of two to four dimensions, shown radiologically.

    Args:
        path: ``.nii`` or ``.nii.gz``; the content decides, not the suffix.
        channels: names of the fourth axis's channels.

    Raises:
        UnreadableScan: damaged, a mask by its name, RGB, complex, or a time series.
    """
    name = label(path)
    if is_mask_name(path.name):
        raise UnreadableScan(f"{name}: this is a mask by its name; name the scan instead")
    volume = read_stored_volume(path)
    array = volume.array
    grid = radiological_grid(array.shape[: volume.spatial], volume.affine)
    if volume.spatial == 2:
        array = array[:, :, None]
    if array.ndim == 3:
        array = array[..., None]
    sequences, notes = _sequences(path, array.shape[3], channels)
    if not volume.oriented:
        notes = (*notes, SIDES_ASSUMED)
    return Scan(
        voxels=np.ascontiguousarray(grid.to_scan(array)),
        sequences=sequences,
        case=stem(path),
        kind="volume",
        affine=scan_affine(grid),
        stored=grid,
        source=path,
        notes=notes,
    )


@quiet_libraries()
def read_stored_volume(path: Path) -> StoredVolume:
    """The array and the affine of a NIfTI file, nothing turned.

    Raises:
        UnreadableScan: damaged, RGB, complex, a time series, or without a usable affine.
    """
    name = label(path)
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as stream:
            image = _image_class(path).from_stream(stream)
            shape = _checked_shape(name, image)
            array = np.asarray(image.dataobj).reshape(shape)
            affine, oriented = _affine(name, image, len(shape))
    except UnreadableScan:
        raise
    except MemoryError as error:
        raise UnreadableScan(f"{name}: does not fit into memory; crop or resample it") from error
    except Exception as error:  # nibabel, gzip and zlib raise many kinds on damaged files
        text = reason(error, path)
        raise UnreadableScan(f"{name}: damaged or truncated NIfTI ({text}); copy it again") from error
    if array.dtype.kind == "f" and array.dtype.itemsize != 4:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return StoredVolume(array, min(len(shape), 3), affine, oriented)


def stem(path: Path) -> str:
    """The file's name without ``.nii`` or ``.nii.gz``.

    >>> stem(Path("scans/case_flair.nii.gz"))
    'case_flair'
    """
    name = path.name
    for suffix in (".nii.gz", ".nii", ".gz"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def _image_class(path: Path) -> Any:
    import nibabel

    return nibabel.Nifti2Image if read_head(path)[4:8] == b"n+2\0" else nibabel.Nifti1Image


def _checked_shape(name: str, image: Any) -> tuple[int, ...]:
    """The shape without trailing axes of length one, if the file is one that can be a scan."""
    dtype = image.get_data_dtype()
    if dtype.names:
        raise UnreadableScan(f"{name}: holds colours (RGB), not MRI intensities; export the scan itself")
    if dtype.kind == "c":
        raise UnreadableScan(f"{name}: holds complex numbers; export the magnitude")
    shape = tuple(int(length) for length in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if min(shape, default=0) < 1:
        raise UnreadableScan(f"{name}: holds no slices ({size_text(shape)}); export it again")
    if len(shape) < 2:
        raise UnreadableScan(f"{name}: has {len(shape)} dimension; a scan has two or three, and one for channels")
    if len(shape) > 4:
        raise UnreadableScan(f"{name}: has {len(shape)} dimensions ({size_text(shape)}); give one 3-D or 4-D volume")
    if len(shape) == 4 and shape[3] > MOST_CHANNELS:
        raise UnreadableScan(
            f"{name}: a time series of {shape[3]} volumes, not a structural scan; give T1, T2 or FLAIR volumes"
        )
    if math.prod(shape) > MAX_VOXELS:
        raise UnreadableScan(f"{name}: {size_text(shape)} voxels are more than the {MAX_VOXELS:,} allowed")
    return shape


def _affine(name: str, image: Any, spatial: int) -> tuple[np.ndarray, bool]:
    header = image.header
    affine = np.array(image.affine, float)
    affine[:3] *= _MM.get(header.get_xyzt_units()[0], 1.0)
    if spatial == 2 and np.linalg.norm(affine[:3, 2]) < 1e-6:  # a picture has no thickness
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        affine[:3, 2] = normal / max(float(np.linalg.norm(normal)), 1e-12)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    usable = np.isfinite(affine).all() and lengths.min() > _SMALLEST_MM and lengths.max() < _LARGEST_MM
    if not usable or abs(np.linalg.det(affine[:3, :3] / lengths)) < _FLATTEST:
        raise UnreadableScan(f"{name}: the affine is singular, so voxels have no size; export it again")
    return affine, bool(header["sform_code"] > 0 or header["qform_code"] > 0)


def _sequences(path: Path, count: int, channels: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if channels is not None:
        return check_channels(channels, count, label(path)), ()
    sequence = recognize_sequence(stem(path)) if count == 1 else "unknown"
    if sequence == "unknown":
        return ("unknown",) * count, ()
    return (sequence,), (f"sequence {sequence} taken from the name {stem(path)}",)
