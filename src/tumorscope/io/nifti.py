"""NIfTI-1 and NIfTI-2 volumes, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import SIDES_ASSUMED, NiftiPlacement, Scan, StoredGrid
from tumorscope.io.checks import MAX_VOXELS, label, reason, size_text
from tumorscope.io.formats import is_gzip, read_head, voxels_of_pair
from tumorscope.io.lgg import is_mask_name
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.orientation import radiological_grid, scan_affine
from tumorscope.io.placement import placement_notes, placement_of, unit_mm
from tumorscope.io.sequences import check_channels, recognize_sequence

MOST_CHANNELS = 16
"""A longer fourth axis is a time series: diffusion, perfusion or functional MRI."""

_SMALLEST_MM, _LARGEST_MM = 1e-3, 1e3
_FLATTEST = 0.01
"""Volume spanned by the three unit directions: 1 at right angles, 0 where they lie in a plane."""


@dataclass(frozen=True, eq=False)
class StoredVolume:
    """The array of a NIfTI file as it is stored.

    Attributes:
        array: two or three spatial axes, then at most one of channels.
        spatial: how many of the axes are spatial.
        affine: 4×4, stored indices to millimeters in RAS+.
        placement: what the header says of where the voxels lie.
        description: the header's, as a program wrote it.
        notes: what a reader of the results should know.
    """

    array: np.ndarray
    spatial: int
    affine: np.ndarray
    placement: NiftiPlacement
    description: bytes
    notes: tuple[Note, ...]

    @property
    def grid(self) -> StoredGrid:
        """How the volume is shown radiologically, and the way back."""
        grid = radiological_grid(self.array.shape[: self.spatial], self.affine)
        return replace(grid, placement=self.placement)


def read_nifti(path: Path, channels: Sequence[str] | None = None) -> Scan:
    """A NIfTI file of two to four dimensions, shown radiologically.

    Args:
        path: ``.nii`` or ``.nii.gz``, or the header of a pair; the content decides, not the suffix.
        channels: names of the fourth axis's channels.

    Raises:
        UnreadableScan: damaged, a mask by its name, RGB, complex, or a time series.
    """
    name = label(path)
    if is_mask_name(path.name):
        raise UnreadableScan(f"{name}: this is a mask by its name; name the scan instead")
    volume = read_stored_volume(path)
    array, grid = volume.array, volume.grid
    if volume.spatial == 2:
        array = array[:, :, None]
    if array.ndim == 3:
        array = array[..., None]
    sequences, notes = _sequences(path, array.shape[3], channels)
    return Scan(
        voxels=np.ascontiguousarray(grid.to_scan(array)),
        sequences=sequences,
        case=stem(path),
        kind="volume",
        affine=scan_affine(grid),
        stored=grid,
        source=path,
        notes=(*notes, *volume.notes),
    )


@quiet_libraries()
def read_stored_volume(path: Path) -> StoredVolume:
    """The array and the affine of a NIfTI file, nothing turned.

    Raises:
        UnreadableScan: damaged, RGB, complex, a time series, or without a usable affine.
    """
    from nibabel.arrayproxy import ArrayProxy

    name = label(path)
    try:
        header, placement = _read_headers(path)
        with _opened(path if header.is_single else voxels_of_pair(path)) as stream:
            notes = _only_one_volume(header, stream)
            shape = _checked_shape(name, header)
            array = np.asarray(ArrayProxy(stream, header)).reshape(shape)
        affine = _affine(name, header, len(shape))
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
    spatial = min(len(shape), 3)
    if header["sform_code"] <= 0 and header["qform_code"] <= 0:
        notes = (*notes, SIDES_ASSUMED)
    notes = (*notes, *placement_notes(header, shape[:spatial]))
    return StoredVolume(array, spatial, affine, placement, header["descrip"].item(), notes)


def stem(path: Path) -> str:
    """The file's name without ``.nii`` or ``.nii.gz``.

    >>> stem(Path("scans/case_flair.nii.gz"))
    'case_flair'
    """
    name = path.name
    for suffix in (".nii.gz", ".nii", ".hdr.gz", ".hdr", ".gz"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with gzip.open(path) if is_gzip(path) else path.open("rb") as stream:
        yield cast("IO[bytes]", stream)


def _read_headers(path: Path) -> tuple[Any, NiftiPlacement]:
    """The header that nibabel makes of it, and where the header as it is stored places the voxels."""
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
    shape = tuple(int(length) for length in header.get_data_shape())
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


def _affine(name: str, header: Any, spatial: int) -> np.ndarray:
    affine = np.array(header.get_best_affine(), float)
    affine[:3] *= unit_mm(header)
    if spatial == 2 and np.linalg.norm(affine[:3, 2]) < 1e-6:  # a image has no thickness
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        affine[:3, 2] = normal / max(float(np.linalg.norm(normal)), 1e-12)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    usable = np.isfinite(affine).all() and lengths.min() > _SMALLEST_MM and lengths.max() < _LARGEST_MM
    if not usable or abs(np.linalg.det(affine[:3, :3] / lengths)) < _FLATTEST:
        raise UnreadableScan(f"{name}: the affine is singular, so voxels have no size; export it again")
    return affine


def _sequences(path: Path, count: int, channels: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[Note, ...]]:
    if channels is not None:
        return check_channels(channels, count, label(path)), ()
    sequence = recognize_sequence(stem(path)) if count == 1 else "unknown"
    if sequence == "unknown":
        return ("unknown",) * count, ()
    return (sequence,), (Note("sequence_source", f"sequence {sequence} taken from the name {stem(path)}"),)
