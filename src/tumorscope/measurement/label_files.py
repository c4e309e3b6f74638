"""Anyone's mask, whatever program drew it: NIfTI, DICOM SEG, images, MATLAB.

A mask may have several labels, and in DICOM SEG they may overlap; each is a mask of its own
here. Slices lie as the scan's do (:mod:`tumorscope.core.scan`), in the acquired plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import Kind, Scan
from tumorscope.io.checks import label
from tumorscope.io.dicom.seg_reader import read_segmentation
from tumorscope.io.formats import file_format, header_of_pair
from tumorscope.io.images import natural
from tumorscope.io.label_values import HALF, LabelRaster, of_one_kind, read_label_raster, split_labels
from tumorscope.io.lgg import is_mask_name
from tumorscope.io.matlab import read_cjdata
from tumorscope.io.nifti import read_stored_volume, stem
from tumorscope.io.orientation import scan_affine
from tumorscope.io.raster import read_raster
from tumorscope.io.slice_stacking import stack_slices


@dataclass(frozen=True, eq=False)
class LabeledMask:
    """One mask a label, all on one grid.

    Attributes:
        parts: name and boolean ``(slice, row, column)`` of each label that is not empty.
        shape: ``(slices, rows, columns)``.
        case: a short name; never a patient's name.
        kind: a single image, a folder of slices, or a volume.
        affine: as a scan's, or None where the voxel size is not known.
        slice_positions: as a scan's; None where slices are evenly spaced.
        notes: what was assumed on the way.
    """

    parts: tuple[tuple[str, np.ndarray], ...]
    shape: tuple[int, int, int]
    case: str
    kind: Kind
    affine: np.ndarray | None
    notes: tuple[Note, ...] = ()
    slice_positions: np.ndarray | None = None

    @property
    def geometry(self) -> Geometry | None:
        """Where the voxels are in the patient, or None without an affine."""
        return None if self.affine is None else Geometry(self.shape, self.affine, self.slice_positions)

    @property
    def whole(self) -> np.ndarray:
        """All labels as one mask, boolean ``(slice, row, column)``."""
        mask = np.zeros(self.shape, bool)
        for _name, part in self.parts:
            mask |= part
        return mask

    def on_nothing(self) -> Scan:
        """A scan of the mask's grid on which nothing is to be seen."""
        empty = np.broadcast_to(np.uint8(0), (*self.shape, 1))
        return Scan(
            empty,
            ("unknown",),
            self.case,
            self.kind,
            affine=self.affine,
            slice_positions=self.slice_positions,
            notes=self.notes,
        )


def read_labels(path: Path | str, threshold: float | None = None) -> LabeledMask:
    """Read a mask with one or more labels.

    Args:
        path: a NIfTI file, a DICOM SEG, a image, a TIFF with a page a slice, a ``cjdata``
            file; or a folder of mask images, one a slice, or with one file of the others.
        threshold: take what is at least this in a NIfTI file or a image for the mask. Without it
            an image is refused.

    Raises:
        UnreadableScan: no mask, damaged, of four dimensions, with NaN, or an image.
    """
    path = header_of_pair(Path(path))
    if path.is_dir():
        return _read_folder(path, threshold)
    if not path.is_file():
        raise UnreadableScan(f"{label(path)}: no such mask; check the path")
    kind = file_format(path)
    if kind == "nifti":
        return _read_nifti(path, threshold)
    if kind == "image":
        return _of_slices(_raster(path, threshold), path, path.stem, threshold)
    if threshold is not None:
        raise UnreadableScan(f"{label(path)}: a threshold is for NIfTI and images; this file says what is inside")
    if kind == "dicom":
        return _read_segmentation(path)
    return _of_slices(LabelRaster(read_cjdata(path).mask[None]), path, path.stem)


def _read_folder(folder: Path, threshold: float | None) -> LabeledMask:
    files = sorted(
        (path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")), key=_natural
    )
    marked = [path for path in files if is_mask_name(path.name)]
    known = [path for path in marked or files if _format(path)]
    images = [path for path in known if _format(path) == "image"]
    if images and len(images) == len(known):
        rasters = of_one_kind([_raster(path, threshold) for path in images])
        slices = [raster.values[0][..., None] if len(raster.values) == 1 else raster.values for raster in rasters]
        stacked = LabelRaster(stack_slices(folder, images, slices)[..., 0], rasters[0].colored)
        return _of_slices(stacked, folder, folder.resolve().name, threshold)
    if len(known) == 1:
        return read_labels(known[0], threshold)
    what = "no mask" if not known else f"{len(known)} files that may be masks"
    raise UnreadableScan(f"{label(folder)}: holds {what}; name the mask itself")


def _natural(path: Path) -> list[tuple[int, int, str]]:
    return natural(path.name)


def _format(path: Path) -> str | None:
    try:
        return file_format(path)
    except UnreadableScan:
        return None


def _raster(path: Path, threshold: float | None) -> LabelRaster:
    """The labels, or the brightness that a threshold cuts."""
    if threshold is None:
        return read_label_raster(path)
    pixels = read_raster(path)
    return LabelRaster((pixels if pixels.ndim == 4 else pixels[None]).max(axis=-1))


def _read_nifti(path: Path, threshold: float | None) -> LabeledMask:
    volume = read_stored_volume(path)
    array = volume.array
    if array.ndim > 3:
        raise UnreadableScan(f"{label(path)}: {array.shape[3]} volumes; a mask has one, name or save one of them")
    grid = volume.grid
    values = np.ascontiguousarray(grid.to_scan(array.reshape((*array.shape, 1)[:3])))
    named, notes = split_labels(values, label(path), threshold)
    # A mask of ours that was made without a known voxel size says so.
    affine = None if b"voxel size unknown" in volume.description else scan_affine(grid)
    return LabeledMask(named, _shape(values), stem(path), "volume", affine, (*notes, *volume.notes))


def _read_segmentation(path: Path) -> LabeledMask:
    found = read_segmentation(path)
    return LabeledMask(
        parts=found.segments,
        shape=found.geometry.shape,
        case=found.case,
        kind="slices",
        affine=found.geometry.affine,
        slice_positions=found.geometry.slice_positions,
        notes=(*((HALF,) if found.fractional else ()), *found.notes),
    )


def _of_slices(raster: LabelRaster, path: Path, case: str, threshold: float | None = None) -> LabeledMask:
    named, notes = split_labels(raster.values, label(path), threshold, raster.colored)
    kind: Kind = "image" if len(raster.values) == 1 else "slices"
    return LabeledMask(named, _shape(raster.values), case, kind, None, notes)


def _shape(values: np.ndarray) -> tuple[int, int, int]:
    slices, rows, columns = values.shape[:3]
    return slices, rows, columns
