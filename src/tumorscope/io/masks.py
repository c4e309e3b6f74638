"""GroundTruth masks that lie beside a scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.io.channel_merging import GRID_TOLERANCE
from tumorscope.io.checks import label, size_text
from tumorscope.io.formats import IMAGE_SUFFIXES, file_format, header_of_pair, is_jpeg
from tumorscope.io.label_values import whole_labels
from tumorscope.io.lgg import is_mask_name
from tumorscope.io.matlab import read_cjdata
from tumorscope.io.nifti import read_stored_volume
from tumorscope.io.raster import read_raster

_NIFTI_SUFFIXES = (".nii", ".nii.gz")


def read_mask(path: Path | str, scan: Scan) -> np.ndarray:
    """The mask of a scan.

    Whatever is above zero is inside, so that 0/1, 0/255 and several labels all work; of a
    palette its index counts, of a JPEG, which blurs edges, what is above half of its brightest.

    Args:
        path: a image, a TIFF with a page a slice, a NIfTI file on the scan's grid, a
            ``cjdata`` file, or a folder with ``X_mask.png`` for a slice ``X.png``.
        scan: the mask's shape and place are checked against it.

    Returns:
        Boolean ``(slice, row, column)``, the shape of the scan.

    Raises:
        UnreadableScan: damaged, of another shape, or elsewhere in the patient.
    """
    path = header_of_pair(Path(path))
    if path.is_dir():
        return _read_folder(path, scan)
    if not path.is_file():
        raise UnreadableScan(f"{label(path)}: no such mask; check the path")
    kind = file_format(path)
    if kind == "nifti":
        return _read_nifti(path, scan)
    if kind == "matlab":
        return _fitting(read_cjdata(path).mask[None], path, scan)
    if kind == "dicom":
        raise UnreadableScan(f"{label(path)}: masks in DICOM are not read; give NIfTI, PNG or TIFF")
    pixels = _read_image(path)
    return _fitting(pixels if pixels.ndim == 3 else pixels[None], path, scan)


def find_mask(scan: Scan) -> np.ndarray | None:
    """The mask that lies where the scan lies, or None.

    Found are ``X_mask.tif`` beside the slices of a folder, ``X_mask.png`` beside ``X.png``
    (``_seg`` and ``_label`` too, and likewise for NIfTI), the one mask in a folder of NIfTI
    files, and the mask inside a ``cjdata`` file.

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
            masks = [path for path in sorted(source.iterdir()) if _is_nifti(path) and is_mask_name(path.name)]
            return read_mask(masks[0], scan) if len(masks) == 1 else None
        return _read_folder(source, scan) if any(_mask_beside(source / name) for name in scan.slice_names) else None
    if source.suffix.lower() == ".mat":
        return read_mask(source, scan)
    beside = _mask_beside(source)
    return None if beside is None else read_mask(beside, scan)


def _mask_beside(path: Path) -> Path | None:
    """The mask of one file: the same name with ``_mask``, ``_seg`` or ``_label`` before the suffix."""
    if _is_nifti(path):
        stem, suffixes = path.name[: path.name.lower().rindex(".nii")], _NIFTI_SUFFIXES
    else:
        own = (path.suffix,) if path.suffix.lower() in IMAGE_SUFFIXES else ()
        stem, suffixes = path.stem, (*own, *sorted(IMAGE_SUFFIXES.difference(own)))
    for ending in ("mask", "seg", "label"):
        for suffix in suffixes:
            candidate = path.with_name(f"{stem}_{ending}{suffix}")
            if candidate.is_file():
                return candidate
    return None


def _read_folder(folder: Path, scan: Scan) -> np.ndarray:
    """One mask file a slice; slices without a file are empty."""
    files = [_mask_beside(folder / name) for name in scan.slice_names]
    if not any(files):
        raise UnreadableScan(f"{label(folder)}: no X_mask file for any slice X of the scan")
    mask = np.zeros(scan.shape, bool)
    for index, path in enumerate(files):
        if path is None:
            continue
        pixels = _read_image(path)
        if pixels.shape != scan.shape[1:]:
            raise UnreadableScan(_differs(path, pixels.shape, scan.shape[1:]))
        mask[index] = pixels
    return mask


def _read_image(path: Path) -> np.ndarray:
    pixels = read_raster(path, indices=True)
    return np.any(pixels > (pixels.max() / 2 if is_jpeg(path) else 0), axis=-1)


def _read_nifti(path: Path, scan: Scan) -> np.ndarray:
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    if scan.affine is None:
        raise UnreadableScan(f"{label(path)}: a NIfTI mask needs a scan with a known place; give the mask as a image")
    volume = read_stored_volume(path)
    array = volume.array
    if array.ndim > 3:
        raise UnreadableScan(f"{label(path)}: {array.shape[3]} volumes; a mask has one")
    array = array.reshape((*array.shape, 1)[:3])
    # The mask may be stored along other axes than the scan: turn it onto the scan's first.
    turn = io_orientation(np.linalg.inv(scan.affine) @ volume.affine)
    turned = apply_orientation(array, turn).transpose(2, 1, 0)
    affine = volume.affine @ inv_ornt_aff(turn, array.shape)
    mask = _fitting(whole_labels(turned) > 0, path, scan)
    if not np.allclose(affine, scan.affine, rtol=0, atol=GRID_TOLERANCE):
        raise UnreadableScan(
            f"{label(path)}: lies elsewhere in the patient than the scan (affines differ); resample it"
        )
    return mask


def _fitting(mask: np.ndarray, path: Path, scan: Scan) -> np.ndarray:
    if mask.shape != scan.shape:
        raise UnreadableScan(_differs(path, mask.shape, scan.shape))
    return np.ascontiguousarray(mask)


def _differs(path: Path, mask: tuple[int, ...], scan: tuple[int, ...]) -> str:
    return f"{label(path)}: the mask is {size_text(mask)}, the scan {size_text(scan)}; draw it on the scan's own grid"


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith(_NIFTI_SUFFIXES)
