"""Anyone's mask, whatever program drew it: NIfTI, DICOM SEG, pictures, MATLAB.

A mask may have several labels, and in DICOM SEG they may overlap; each is a mask of its own
here. Slices lie as the scan's do (:mod:`tumorscope.scan`), in the acquired plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.geometry import Geometry
from tumorscope.reading.checks import label
from tumorscope.reading.dicom.segmentation import read_segmentation
from tumorscope.reading.formats import file_format
from tumorscope.reading.lgg import is_mask_name
from tumorscope.reading.matlab import read_cjdata
from tumorscope.reading.nifti import read_stored_volume, stem
from tumorscope.reading.orientation import radiological_grid, scan_affine
from tumorscope.reading.pictures import natural
from tumorscope.reading.quiet import quiet_libraries
from tumorscope.reading.raster import read_raster
from tumorscope.reading.stacking import stack_slices
from tumorscope.scan import SIDES_ASSUMED, Kind, Scan

MOST_LABELS = 32
"""More different values than this are grey levels, not labels."""

_HALF = "the mask holds probabilities; inside is what is at least one half"


@dataclass(frozen=True, eq=False)
class LabelledMask:
    """One mask a label, all on one grid.

    Attributes:
        parts: name and boolean ``(slice, row, column)`` of each label that is not empty.
        shape: ``(slices, rows, columns)``.
        case: a short name; never a patient's name.
        kind: a single picture, a folder of slices, or a volume.
        affine: as a scan's, or None where the voxel size is not known.
        slice_positions: as a scan's; None where slices are evenly spaced.
        notes: what was assumed on the way.
    """

    parts: tuple[tuple[str, np.ndarray], ...]
    shape: tuple[int, int, int]
    case: str
    kind: Kind
    affine: np.ndarray | None
    notes: tuple[str, ...] = ()
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


def read_labels(path: Path | str) -> LabelledMask:
    """Read a mask with one or more labels.

    Args:
        path: a NIfTI file, a DICOM SEG, a picture, a TIFF with a page a slice, a ``cjdata``
            file; or a folder of mask pictures, one a slice, or with one file of the others.

    Raises:
        UnreadableScan: no mask, damaged, of four dimensions, with NaN, or an image.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise UnreadableScan(f"{label(path)}: no such mask; check the path")
    kind = file_format(path)
    if kind == "nifti":
        return _read_nifti(path)
    if kind == "dicom":
        return _read_segmentation(path)
    if kind == "matlab":
        return _of_slices(read_cjdata(path).mask[None], path, path.stem)
    pixels = read_raster(path)
    return _of_slices(_flat(pixels, path), path, path.stem)


def _read_folder(folder: Path) -> LabelledMask:
    files = sorted(
        (path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")), key=_natural
    )
    marked = [path for path in files if is_mask_name(path.name)]
    known = [path for path in marked or files if _format(path)]
    pictures = [path for path in known if _format(path) == "picture"]
    if pictures and len(pictures) == len(known):
        values = [_flat(read_raster(path), path) for path in pictures]
        stacked = stack_slices(
            folder, pictures, [value[0][..., None] if len(value) == 1 else value for value in values]
        )
        return _of_slices(stacked[..., 0], folder, folder.resolve().name)
    if len(known) == 1:
        return read_labels(known[0])
    what = "no mask" if not known else f"{len(known)} files that may be masks"
    raise UnreadableScan(f"{label(folder)}: holds {what}; name the mask itself")


def _natural(path: Path) -> list[tuple[int, int, str]]:
    return natural(path.name)


def _format(path: Path) -> str | None:
    try:
        return file_format(path)
    except UnreadableScan:
        return None


def _read_nifti(path: Path) -> LabelledMask:
    volume = read_stored_volume(path)
    array = volume.array
    if array.ndim > 3:
        raise UnreadableScan(f"{label(path)}: {array.shape[3]} volumes; a mask has one, name or save one of them")
    grid = radiological_grid(array.shape[: volume.spatial], volume.affine)
    values = np.ascontiguousarray(grid.to_scan(array.reshape((*array.shape, 1)[:3])))
    named, notes = _split(values, path)
    if not volume.oriented:
        notes = (*notes, SIDES_ASSUMED)
    affine = None if _says_no_size(path) else scan_affine(grid)
    return LabelledMask(named, _shape(values), stem(path), "volume", affine, notes)


@quiet_libraries()
def _says_no_size(path: Path) -> bool:
    """Whether this is a mask of ours that was made without a known voxel size."""
    import gzip

    import nibabel as nib

    from tumorscope.reading.formats import is_gzip

    with gzip.open(path) if is_gzip(path) else path.open("rb") as stream:
        head = nib.Nifti1Header(stream.read(348), check=False)
    return b"voxel size unknown" in bytes(head["descrip"].item())


def _read_segmentation(path: Path) -> LabelledMask:
    found = read_segmentation(path)
    return LabelledMask(
        parts=found.segments,
        shape=found.geometry.shape,
        case=found.case,
        kind="slices",
        affine=found.geometry.affine,
        slice_positions=found.geometry.slice_positions,
        notes=(*((_HALF,) if found.fractional else ()), *found.notes),
    )


def _of_slices(values: np.ndarray, path: Path, case: str) -> LabelledMask:
    named, notes = _split(values, path)
    kind: Kind = "picture" if len(values) == 1 else "slices"
    return LabelledMask(named, _shape(values), case, kind, None, notes)


def _flat(pixels: np.ndarray, path: Path) -> np.ndarray:
    """``(slice, row, column)`` of a picture's pixels: what is coloured is inside, and JPEG's blur is undone."""
    pixels = pixels if pixels.ndim == 4 else pixels[None]
    values = pixels.max(axis=-1)
    coloured = pixels.shape[-1] == 3 and bool((pixels != pixels[..., :1]).any())
    if coloured:
        return values > 0
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        return values > values.max() / 2
    return values


def _split(values: np.ndarray, path: Path) -> tuple[tuple[tuple[str, np.ndarray], ...], tuple[str, ...]]:
    """A boolean mask for every value above zero, and notes.

    Raises:
        UnreadableScan: NaN, values below zero, or so many that this is an image.
    """
    name = label(path)
    if values.dtype.kind == "f":
        bad = values.size - int(np.count_nonzero(np.isfinite(values)))
        if bad:
            raise UnreadableScan(
                f"{name}: {bad} voxel{'s are' if bad > 1 else ' is'} NaN or infinite; a mask has 0 and 1"
            )
    if not values.any():
        return (), ()
    if values.dtype == bool:
        return (("mask", values),), ()
    if values.min() < 0:
        raise UnreadableScan(f"{name}: holds values below zero, so it is an image, not a mask; give the mask itself")
    found = np.unique(values[values > 0])
    if values.dtype.kind == "f" and not (found == np.rint(found)).all():
        if found.max() > 1:
            raise UnreadableScan(f"{name}: holds fractions up to {found.max():g}, so it is an image, not a mask")
        inside = values >= 0.5
        return ((("mask", inside),) if inside.any() else ()), (_HALF,)
    if len(found) > MOST_LABELS:
        raise UnreadableScan(
            f"{name}: holds {len(found):,} different values, so it is an image, not a mask; a mask has 0 and 1, "
            f"or up to {MOST_LABELS} labels"
        )
    if len(found) == 1:
        return (("mask", values > 0),), ()
    return tuple((f"label {int(value)}", values == value) for value in found), ()


def _shape(values: np.ndarray) -> tuple[int, int, int]:
    slices, rows, columns = values.shape[:3]
    return slices, rows, columns
