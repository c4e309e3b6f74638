"""Volumes as files store them, and what every format of volumes shares.

A format of volumes reads a file into a :class:`StoredVolume`; here it becomes a scan that is shown
radiologically, or a segmentation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import NiftiPlacement, Scan, StoredGrid
from tumorscope.core.segmentation import Segment, Segmentation
from tumorscope.io.checks import MAX_VOXELS, label, size_text
from tumorscope.io.dataset_description import DESCRIPTION, described_channels
from tumorscope.io.formats import stem
from tumorscope.io.label_values import LabelOptions, split_labels
from tumorscope.io.mask_names import is_mask_name
from tumorscope.io.orientation import radiological_grid, scan_affine
from tumorscope.io.recognition import format_of
from tumorscope.io.sequence_sources import not_structural, sequence_by_name
from tumorscope.io.sequences import check_channels
from tumorscope.io.spacing import Spacing, with_spacing

MOST_CHANNELS = 16
"""A longer fourth axis is a time series: diffusion, perfusion or functional MRI."""

_SMALLEST_MM, _LARGEST_MM = 1e-3, 1e3
_FLATTEST = 0.01
"""Volume spanned by the three unit directions: 1 at right angles, 0 where they are in a plane."""

NO_VOXEL_SIZE = b"voxel size unknown"
"""The header of a mask of ours without a known voxel size contains this."""


@dataclass(frozen=True, eq=False)
class StoredVolume:
    """The array of a file as it is stored.

    Attributes:
        array: two or three spatial axes, then at most one of channels.
        spatial: how many of the axes are spatial.
        affine: 4×4, stored indices to millimeters in RAS+.
        placement: of a NIfTI file, the fields of its header that place the voxels.
        description: the header's, as a program wrote it.
        notes: what a reader of the results should know.
        segments: of a segmentation, where the header names them; layers are then channels.
    """

    array: np.ndarray
    spatial: int
    affine: np.ndarray
    placement: NiftiPlacement | None = None
    description: bytes = b""
    notes: tuple[Note, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def grid(self) -> StoredGrid:
        """How the volume is shown radiologically, and the way back."""
        grid = radiological_grid(self.array.shape[: self.spatial], self.affine)
        return replace(grid, placement=self.placement)

    def channels_last(self) -> np.ndarray:
        """The array with three spatial axes and one of channels."""
        array = self.array[:, :, None] if self.spatial == 2 else self.array
        return array[..., None] if array.ndim == 3 else array


def read_stored_volume(path: Path) -> StoredVolume:
    """A file of any format of volumes.

    Raises:
        UnreadableScan: damaged, RGB, complex, a time series, or without a usable affine.
    """
    return cast("StoredVolume", format_of(path).reader().read_stored_volume(path))


def voxels_beside(path: Path) -> Path | None:
    """The other file that holds a volume's voxels, where its header is a file of its own.

    Raises:
        UnreadableScan: it is missing, or in another folder.
    """
    entry = format_of(path)
    find = getattr(entry.reader(), "voxels_beside", None) if entry.volumes else None
    return None if find is None else find(path)


def read_volume(path: Path, channels: Sequence[str] | None = None, spacing_mm: Spacing | None = None) -> Scan:
    """A volume, shown radiologically.

    Args:
        path: of any format of volumes.
        channels: names of the fourth axis's channels.
        spacing_mm: column, row and slice spacing, where the file does not state it.

    Raises:
        UnreadableScan: damaged, a mask by its name, RGB, complex, or a time series.
    """
    name = label(path)
    if is_mask_name(path.name):
        raise UnreadableScan(f"{name}: this is a mask by its name; name the scan instead")
    volume = read_stored_volume(path)
    if volume.segments:
        raise UnreadableScan(f"{name}: this is a segmentation by its header; name the scan instead")
    array, grid = volume.channels_last(), volume.grid
    sequences, notes = _sequences(path, array.shape[3], channels)
    scan = Scan(
        voxels=np.ascontiguousarray(grid.to_scan(array)),
        sequences=sequences,
        case=stem(path),
        kind="volume",
        affine=scan_affine(grid),
        stored=grid,
        source=path,
        notes=(*notes, *volume.notes),
        rejection_reason=None if channels is not None else not_structural(path),
    )
    return scan if spacing_mm is None else with_spacing(scan, spacing_mm, name)


def read_volume_segmentation(path: Path, options: LabelOptions) -> Segmentation:
    """The mask in a volume; see :func:`tumorscope.io.open_segmentation`."""
    name, volume = label(path), read_stored_volume(path)
    grid = volume.grid
    values = np.ascontiguousarray(grid.to_scan(volume.channels_last()))
    if values.shape[3] > 1 and not volume.segments:
        raise UnreadableScan(f"{name}: {values.shape[3]} volumes; a mask has one, name or save one of them")
    slices, rows, columns = values.shape[:3]
    geometry = Geometry((slices, rows, columns), scan_affine(grid))
    if volume.segments and options.threshold is None:
        layers = np.moveaxis(values, 3, 0)
        segments, notes = volume.segments, ()
        if options.whole:
            layers, segments = np.any(layers > 0, axis=0)[None], (Segment("mask", 1),)
    else:
        labels, segments, notes = split_labels(values[..., 0], name, options)
        layers = labels[None]
    return Segmentation(
        layers=layers,
        segments=segments,
        case=stem(path),
        kind="volume",
        geometry=None if NO_VOXEL_SIZE in volume.description else geometry,
        notes=(*notes, *volume.notes),
    )


def checked_shape(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape without trailing axes of length one, if it is one that a scan can have.

    Raises:
        UnreadableScan: no voxels, too many axes or voxels, or a time series.
    """
    shape = tuple(int(length) for length in shape)
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


def checked_affine(name: str, affine: np.ndarray) -> np.ndarray:
    """The affine, if voxels have a size by it.

    Raises:
        UnreadableScan: it is singular, or not finite.
    """
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    usable = np.isfinite(affine).all() and lengths.min() > _SMALLEST_MM and lengths.max() < _LARGEST_MM
    if not usable or abs(np.linalg.det(affine[:3, :3] / lengths)) < _FLATTEST:
        raise UnreadableScan(f"{name}: the affine is singular, so voxels have no size; export it again")
    return affine


def with_thickness(affine: np.ndarray) -> np.ndarray:
    """An affine of two spatial axes with a third of 1 mm at a right angle to them."""
    affine = affine.copy()
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    affine[:3, 2] = normal / max(float(np.linalg.norm(normal)), 1e-12)
    return affine


def native(array: np.ndarray) -> np.ndarray:
    """The array in the machine's byte order; floats of other widths as float32."""
    if array.dtype.kind == "f" and array.dtype.itemsize != 4:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _sequences(path: Path, count: int, channels: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[Note, ...]]:
    if channels is not None:
        return check_channels(channels, count, label(path)), ()
    described = described_channels(path)
    if count == len(described) and set(described) != {"unknown"}:
        what = f"sequences {', '.join(described)} taken from {DESCRIPTION}"
        return described, (Note("sequence_source", what),)
    return sequence_by_name(path) if count == 1 else (("unknown",) * count, ())
