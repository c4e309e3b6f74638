"""Reading masks: one function for all formats, and the masks beside scans."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.io.checks import is_file, label
from tumorscope.io.file_heads import header_of_pair
from tumorscope.io.formats import IMAGE, IMAGE_SUFFIXES, MASK_FORMATS, VOLUME_SUFFIXES, InputFormat, stem
from tumorscope.io.images import natural, read_mask_images
from tumorscope.io.label_values import LabelOptions
from tumorscope.io.mask_names import is_lesion_mask_name, is_mask_folder, is_mask_name
from tumorscope.io.recognition import format_of, known_format
from tumorscope.io.segmentation_alignment import differing_shapes, onto_scan, require_same_voxels
from tumorscope.io.spacing import Spacing, given_spacing, with_mask_spacing
from tumorscope.io.volumes import read_volume_segmentation

_MASK_ENDINGS = ("mask", "seg", "label")
_IMAGES = re.compile(r"(images?|imgs?|scans?)[-_ ]?(?P<part>(tr|ts|va|val)?)", re.IGNORECASE)


def open_segmentation(
    path: Path | str, threshold: float | None = None, scan: Scan | None = None, spacing_mm: Spacing | None = None
) -> Segmentation:
    """Read a mask with one or more labels.

    Args:
        path: a volume or an image of any format that is read, a DICOM SEG or RTSTRUCT, a TIFF with one page per
            slice, a ``cjdata`` file; or a folder of mask images, one per slice, or with one file of the others.
        threshold: take what is at least this in a volume or an image for the mask. Without it an image is refused.
        scan: what the mask was drawn on, where it is known. Contours are drawn on its grid; other masks keep theirs.
        spacing_mm: column, row and slice spacing, where the file does not state it.

    Raises:
        UnreadableScan: not a mask, damaged, of four dimensions, with NaN, an image, or of another spacing.
    """
    found = _open(Path(path), LabelOptions(threshold, scan=scan))
    return found if spacing_mm is None else with_mask_spacing(found, spacing_mm, label(Path(path)))


def read_mask(path: Path | str, scan: Scan) -> np.ndarray:
    """The mask of a scan, on its grid.

    Whatever is above zero is inside, so that 0/1, 0/255 and several labels all work; of a
    palette its index counts, of a JPEG, which blurs edges, what is above half of its brightest.

    Args:
        path: as for :func:`open_segmentation`, or a folder with ``X_mask.png`` for a slice ``X.png``.
        scan: the mask's shape and position are checked against it.

    Returns:
        Boolean ``(slice, row, column)``, the shape of the scan.

    Raises:
        UnreadableScan: damaged, of another shape, or elsewhere in the patient.
    """
    path = header_of_pair(Path(path))
    if path.is_dir() and scan.slice_names:
        return _masks_of_slices(path, scan)
    return _on_grid_of(scan, path, LabelOptions(whole=True, scan=scan)).whole


def read_labels(path: Path | str, scan: Scan) -> Segmentation:
    """All labels of a scan's mask, on its grid.

    Args:
        path: as for :func:`open_segmentation`.
        scan: the mask's shape and position are checked against it.

    Raises:
        UnreadableScan: not a mask, damaged, of another shape, or elsewhere in the patient.
    """
    return _on_grid_of(scan, header_of_pair(Path(path)), LabelOptions(scan=scan))


def _on_grid_of(scan: Scan, path: Path, options: LabelOptions) -> Segmentation:
    found = _open(path, options)
    given = given_spacing(scan)
    if given is not None and found.geometry is not None:
        found = with_mask_spacing(found, given, label(path))
    if found.kind == "volume":
        if scan.geometry is None:
            raise UnreadableScan(
                f"{label(path)}: a volume as a mask needs a scan with a known position; give the mask as an image"
            )
        if scan.geometry.is_even and not scan.geometry.leans:
            require_same_voxels(found, scan, label(path))
    elif found.geometry is None and found.shape != scan.shape:
        raise UnreadableScan(f"{label(path)}: {differing_shapes(found.shape, scan.shape)}")
    return onto_scan(found, scan)


def find_mask(scan: Scan) -> np.ndarray | None:
    """The mask beside a scan, or None.

    Found are ``X_mask.tif`` beside the slices of a folder, ``X_mask.png`` beside ``X.png``
    (``_seg`` and ``_label`` too, and likewise for volumes), ``masks/X.png`` for ``images/X.png``, the one mask of a
    lesion in a folder of volumes, and the mask inside a ``cjdata`` file.

    Returns:
        Boolean ``(slice, row, column)``, the shape of the scan.

    Raises:
        UnreadableScan: a mask is there but does not fit.
    """
    source = scan.source
    if source is None or not source.exists():
        return None
    if source.is_dir():
        if scan.kind == "volume":
            masks = [path for path in sorted(source.iterdir()) if _is_volume(path) and is_lesion_mask_name(path.name)]
            own = [path for path in masks if re.match(rf"{re.escape(scan.case)}(?![A-Za-z0-9])", path.name)]
            masks = own or masks or _masks_of_case(source, scan.case)
            return read_mask(masks[0], scan) if len(masks) == 1 else None
        beside = any(_mask_beside(source / name) for name in scan.slice_names)
        return _masks_of_slices(source, scan) if beside else None
    if source.suffix.lower() == ".mat":
        return read_mask(source, scan)
    beside = _mask_beside(source)
    return None if beside is None else read_mask(beside, scan)


def _open(path: Path, options: LabelOptions) -> Segmentation:
    path = header_of_pair(path)
    if path.is_dir():
        return _open_folder(path, options)
    if not path.is_file():
        raise UnreadableScan(f"{label(path)}: no such mask; check the path")
    return _open_file(path, format_of(path), options)


def _open_file(path: Path, found: InputFormat, options: LabelOptions) -> Segmentation:
    if not found.masks:
        raise UnreadableScan(f"{label(path)}: masks are not read from {found.title}; give one of {MASK_FORMATS}")
    if found.volumes:
        return read_volume_segmentation(path, options)
    return found.reader().read_segmentation(path, options)


def _open_folder(folder: Path, options: LabelOptions) -> Segmentation:
    files = sorted(
        (path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")),
        key=lambda path: natural(path.name),
    )
    marked = [path for path in files if is_mask_name(path.name)]
    known = {path: found for path in marked or files if (found := known_format(path))}
    if known and all(found is IMAGE for found in known.values()):
        return read_mask_images(list(known), folder, folder.resolve().name, options)
    if len(known) == 1:
        return _open_file(*next(iter(known.items())), options)
    what = "no mask" if not known else f"{len(known)} files that may be masks"
    raise UnreadableScan(f"{label(folder)}: holds {what}; name the mask itself")


def _masks_of_slices(folder: Path, scan: Scan) -> np.ndarray:
    """One mask file per slice; slices without a file are empty."""
    files = [_mask_beside(folder / name) for name in scan.slice_names]
    if not any(files):
        raise UnreadableScan(f"{label(folder)}: no X_mask file for any slice X of the scan")
    mask = np.zeros(scan.shape, bool)
    for index, path in enumerate(files):
        if path is None:
            continue
        found = _open(path, LabelOptions(whole=True))
        if found.shape != (1, *scan.shape[1:]):
            raise UnreadableScan(f"{label(path)}: {differing_shapes(found.shape[1:], scan.shape[1:])}")
        mask[index] = found.whole[0]
    return mask


def _mask_beside(path: Path) -> Path | None:
    """The mask of one file: the same name with ``_mask``, ``_seg`` or ``_label`` before the suffix."""
    if _is_volume(path):
        name, suffixes = stem(path), VOLUME_SUFFIXES
        candidates = [path.with_name(f"{name}.seg.nrrd")]
    else:
        own = (path.suffix,) if path.suffix.lower() in IMAGE_SUFFIXES else ()
        name, suffixes = path.stem, (*own, *sorted(IMAGE_SUFFIXES.difference(own)))
        candidates = []
    candidates += [path.with_name(f"{name}_{ending}{suffix}") for ending in _MASK_ENDINGS for suffix in suffixes]
    candidates += [
        folder / f"{name}{ending}{suffix}"
        for folder in _mask_folders(path.parent)
        for ending in ("", *(f"_{each}" for each in _MASK_ENDINGS))
        for suffix in suffixes
    ]
    return next((candidate for candidate in candidates if is_file(candidate) and candidate != path), None)


def _masks_of_case(images: Path, case: str) -> list[Path]:
    """The masks of a case whose sequences are files of their own, as nnU-Net's ``labelsTr/CASE.nii.gz``."""
    found = (folder / f"{case}{suffix}" for folder in _mask_folders(images) for suffix in VOLUME_SUFFIXES)
    return [path for path in found if is_file(path)]


def _mask_folders(images: Path) -> list[Path]:
    """Folders of masks beside a folder of images, as ``masks`` beside ``images`` and ``labelsTr`` beside ``imagesTr``."""
    match = _IMAGES.fullmatch(images.name)
    if match is None:
        return []
    part = match["part"].lower()
    beside = sorted(path for path in images.parent.iterdir() if path.is_dir() and is_mask_folder(path))
    return [path for path in beside if not part or path.name.lower().endswith(part)]


def _is_volume(path: Path) -> bool:
    return path.name.lower().endswith(VOLUME_SUFFIXES)
