"""Masks and images as the content of NIfTI files."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorscope.core.scan import NiftiPlacement, Scan


def encode_nifti(
    values: np.ndarray,
    affine: np.ndarray | None,
    what: str = "mask",
    top: float | None = 1,
    placement: NiftiPlacement | None = None,
) -> bytes:
    """The content of a ``.nii.gz`` file.

    Args:
        values: two or three axes, of a type that NIfTI knows.
        affine: from the indices to millimeters, RAS+; None where the voxel size is
            not known. The file then has the identity, no unit, and says so.
        what: its content, for the header.
        top: the value that viewers show at full brightness; None leaves it to them.
        placement: header fields of the file whose grid the values share; they take precedence over ``affine``.
    """
    import imagecodecs
    import nibabel as nib

    image_class = nib.Nifti2Image if placement is not None and placement.version == 2 else nib.Nifti1Image
    image = image_class(values, None)
    if placement is None:
        _place(image, affine)
    else:
        for name, value in placement.fields.items():
            image.header[name] = np.concatenate([value, image.header[name][4:]]) if name == "pixdim" else value
    if top is not None:
        image.header["cal_max"] = top
    unknown = "; voxel size unknown, affine is identity" if placement is None and affine is None else ""
    image.header["descrip"] = f"Tumorscope {what}, research use only{unknown}".encode()
    return bytes(imagecodecs.gzip_encode(image.to_bytes(), level=1))  # libdeflate, in a third of zlib's time


def encode_on_stored_grid(scan: Scan, array: np.ndarray, top: float | None = 1) -> bytes:
    """The content of a ``.nii.gz`` file on a scan's grid.

    A volume's file has the shape and the placement of the file that was read. Slices and single images become a
    volume whose axes are column, row and slice, on an even upright grid.

    Args:
        array: ``(slice, row, column)``, of a type that NIfTI knows.
        top: see :func:`encode_nifti`.
    """
    stored = scan.stored
    if scan.kind == "volume" and stored is not None:
        return encode_nifti(stored.to_stored(array), stored.affine, top=top, placement=stored.placement)
    even, affine = scan.evened(array)
    return encode_nifti(even.transpose(2, 1, 0), affine, top=top)


def _place(image: Any, affine: np.ndarray | None) -> None:
    """Both forms of one affine; the identity where it is not known."""
    from nibabel.spatialimages import HeaderDataError

    placed = np.eye(4) if affine is None else np.asarray(affine, float)
    code = "aligned" if affine is None else "scanner"
    image.set_sform(placed, code)
    try:
        image.set_qform(placed, code, strip_shears=False)
    except HeaderDataError:
        # A quaternion cannot represent shear: programs that prefer the qform would show the mask
        # elsewhere than those that prefer the sform.
        image.set_qform(None, 0)
    image.header.set_xyzt_units("unknown" if affine is None else "mm")
