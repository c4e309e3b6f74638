"""Anyone's mask, whatever program drew it: NIfTI, DICOM SEG, pictures, MATLAB.

A mask may have several labels, and in DICOM SEG they may overlap; each is a mask of its own
here. Slices lie as the scan's do (:mod:`tumorscope.scan`), in the acquired plane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import label, printable, reason, size_text
from tumorscope.reading.dicom.files import read_header
from tumorscope.reading.dicom.privacy import names_patient, patient_words, series_code
from tumorscope.reading.formats import file_format, header_of_pair
from tumorscope.reading.label_values import HALF, LabelRaster, of_one_kind, read_label_raster, split_labels
from tumorscope.reading.lgg import is_mask_name
from tumorscope.reading.matlab import read_cjdata
from tumorscope.reading.nifti import read_stored_volume, stem
from tumorscope.reading.orientation import scan_affine, slice_direction
from tumorscope.reading.pictures import natural
from tumorscope.reading.quiet import quiet_libraries
from tumorscope.reading.raster import read_raster
from tumorscope.reading.stacking import stack_slices
from tumorscope.scan import Kind, Scan

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes: Segmentation Storage and Label Map Segmentation Storage."""

_SAME_PLACE = 0.1
"""In voxels: how far a mask's voxels may lie from the scan's and still be the same ones."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class LabelledMask:
    """One mask a label, all on one grid.

    Attributes:
        parts: name and boolean ``(slice, row, column)`` of each label that is not empty.
        shape: ``(slices, rows, columns)``.
        case: a short name; never a patient's name.
        kind: a single picture, a folder of slices, or a volume.
        affine: as a scan's, or None where the voxel size is not known.
        notes: what was assumed on the way.
    """

    parts: tuple[tuple[str, np.ndarray], ...]
    shape: tuple[int, int, int]
    case: str
    kind: Kind
    affine: np.ndarray | None
    notes: tuple[str, ...] = ()

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
        return Scan(empty, ("unknown",), self.case, self.kind, affine=self.affine, notes=self.notes)


def read_labels(path: Path | str, threshold: float | None = None) -> LabelledMask:
    """Read a mask with one or more labels.

    Args:
        path: a NIfTI file, a DICOM SEG, a picture, a TIFF with a page a slice, a ``cjdata``
            file; or a folder of mask pictures, one a slice, or with one file of the others.
        threshold: take what is at least this in a NIfTI file or a picture for the mask. Without it
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
    if kind == "picture":
        return _of_slices(_raster(path, threshold), path, path.stem, threshold)
    if threshold is not None:
        raise UnreadableScan(f"{label(path)}: a threshold is for NIfTI and pictures; this file says what is inside")
    if kind == "dicom":
        return _read_segmentation(path)
    return _of_slices(LabelRaster(read_cjdata(path).mask[None]), path, path.stem)


def onto_scan(mask: LabelledMask, scan: Scan) -> LabelledMask:
    """The same mask on a scan's grid: other axes are turned, slices that were left out filled in.

    Raises:
        UnreadableScan: of another size, on a grid of its own, or beyond the scan.
    """
    if mask.affine is None or scan.affine is None:
        if mask.shape != scan.shape:
            raise UnreadableScan(
                f"{mask.case}: the mask is {size_text(mask.shape)}, the scan {size_text(scan.shape)}; "
                "draw it on the scan's own grid"
            )
        return replace(mask, affine=mask.affine if scan.affine is None else scan.affine)
    step = np.linalg.inv(scan.affine) @ mask.affine  # (column, row, slice) of the mask to those of the scan
    sizes = np.array(mask.shape[::-1])
    for axis in np.flatnonzero(sizes == 1):  # how far the next slice would be says nothing
        step[:3, axis] /= np.abs(step[:3, axis]).max()
    nearest = np.rint(step)
    turn, shift = nearest[:3, :3], nearest[:3, 3]
    whole = (np.abs(turn).sum(axis=0) == 1).all() and (np.abs(turn).sum(axis=1) == 1).all()
    corners = np.array([(*np.array(corner) * (sizes - 1), 1) for corner in np.ndindex(2, 2, 2)])
    if not whole or np.abs(corners @ (step - nearest).T).max() > _SAME_PLACE:
        raise UnreadableScan(
            f"{mask.case}: the mask does not lie on the scan's grid (affines differ); resample it onto the scan"
        )
    axes = np.abs(turn).argmax(axis=1)  # for each axis of the scan, the mask's
    signs = turn.sum(axis=1)
    first = np.where(signs > 0, shift, shift - (sizes[axes] - 1)).astype(int)
    parts = []
    for name, part in mask.parts:
        turned = part.transpose(2, 1, 0).transpose(axes)
        turned = np.flip(turned, tuple(axis for axis in range(3) if signs[axis] < 0))
        whole_scan = np.zeros(scan.shape[::-1], bool)
        places = np.argwhere(turned) + first
        if (places < 0).any() or (places >= whole_scan.shape).any():
            raise UnreadableScan(f"{mask.case}: the mask reaches beyond the scan; give the scan that it was drawn on")
        whole_scan[tuple(places.T)] = True
        parts.append((name, np.ascontiguousarray(whole_scan.transpose(2, 1, 0))))
    return replace(mask, parts=tuple(parts), shape=scan.shape, affine=scan.affine)


def _read_folder(folder: Path, threshold: float | None) -> LabelledMask:
    files = sorted(
        (path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")), key=_natural
    )
    marked = [path for path in files if is_mask_name(path.name)]
    known = [path for path in marked or files if _format(path)]
    pictures = [path for path in known if _format(path) == "picture"]
    if pictures and len(pictures) == len(known):
        rasters = of_one_kind([_raster(path, threshold) for path in pictures])
        slices = [raster.values[0][..., None] if len(raster.values) == 1 else raster.values for raster in rasters]
        stacked = LabelRaster(stack_slices(folder, pictures, slices)[..., 0], rasters[0].colored)
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


def _read_nifti(path: Path, threshold: float | None) -> LabelledMask:
    volume = read_stored_volume(path)
    array = volume.array
    if array.ndim > 3:
        raise UnreadableScan(f"{label(path)}: {array.shape[3]} volumes; a mask has one, name or save one of them")
    grid = volume.grid
    values = np.ascontiguousarray(grid.to_scan(array.reshape((*array.shape, 1)[:3])))
    named, notes = split_labels(values, label(path), threshold)
    # A mask of ours that was made without a known voxel size says so.
    affine = None if b"voxel size unknown" in volume.description else scan_affine(grid)
    return LabelledMask(named, _shape(values), stem(path), "volume", affine, (*notes, *volume.notes))


@quiet_libraries()
def _read_segmentation(path: Path) -> LabelledMask:
    header, _ = read_header(path)
    words = patient_words(header)
    unnamed = names_patient(path.stem, words)
    case = series_code(str(header.get("SeriesInstanceUID", ""))) if unnamed else path.stem
    name = case if unnamed else label(path)
    if header.get("SOPClassUID") not in _SEGMENTATIONS:
        modality = printable(str(header.get("Modality") or "unknown"))[:16]
        raise UnreadableScan(f"{name}: not a DICOM segmentation (modality {modality}); give a SEG, NIfTI or pictures")
    import highdicom as hd

    try:
        segmentation = hd.seg.segread(path)
        volume = segmentation.get_volume(combine_segments=False)
        array, affine = np.asarray(volume.array), np.array(volume.affine, float)
    except Exception as error:  # highdicom and pydicom raise many kinds on odd files
        raise UnreadableScan(f"{name}: not readable as a volume ({reason(error, path)}); export it again") from error
    if array.ndim == 3:
        array = array[..., None]
    direction = affine[:3, 0] / np.linalg.norm(affine[:3, 0])
    if slice_direction(direction) @ direction < 0:
        affine = affine @ np.array([[-1, 0, 0, len(array) - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
        array = array[::-1]
    notes = (HALF,) if array.dtype.kind == "f" else ()
    parts = []
    for index, called in enumerate(_segment_names(segmentation, words)):
        inside = array[..., index] >= 0.5
        if inside.any():
            parts.append((called, np.ascontiguousarray(inside)))
    return LabelledMask(
        parts=tuple(parts),
        shape=_shape(array),
        case=case,
        kind="slices",
        affine=_LPS_TO_RAS @ affine[:, [2, 1, 0, 3]],
        notes=notes,
    )


def _segment_names(segmentation: Segmentation, words: frozenset[str]) -> list[str]:
    names = []
    for number in segmentation.segment_numbers:
        called = printable(str(segmentation.get_segment_description(number).SegmentLabel))[:60]
        names.append(f"segment {number}" if not called or names_patient(called, words) else called)
    # Rows are told apart by name.
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, start=1)]


def _of_slices(raster: LabelRaster, path: Path, case: str, threshold: float | None = None) -> LabelledMask:
    named, notes = split_labels(raster.values, label(path), threshold, raster.colored)
    kind: Kind = "picture" if len(raster.values) == 1 else "slices"
    return LabelledMask(named, _shape(raster.values), case, kind, None, notes)


def _shape(values: np.ndarray) -> tuple[int, int, int]:
    slices, rows, columns = values.shape[:3]
    return slices, rows, columns
