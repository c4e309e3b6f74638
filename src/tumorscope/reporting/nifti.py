"""Masks and images as the content of NIfTI files."""

from __future__ import annotations

import gzip

import numpy as np

_GZIP_LEVEL = 1
"""Masks are mostly zeros: higher levels save a few kilobytes and cost several times the time."""


def encode_nifti(values: np.ndarray, affine: np.ndarray | None, what: str = "mask", top: float | None = 1) -> bytes:
    """The content of a ``.nii.gz`` file.

    Args:
        values: two or three axes, of a type that NIfTI knows.
        affine: from the indices to millimetres, RAS+; None where the voxel size is
            not known. The file then has the identity, no unit, and says so.
        what: what it shows, for the header.
        top: the value that viewers are to show at full brightness; None leaves it to them.
    """
    import nibabel as nib
    from nibabel.spatialimages import HeaderDataError

    placed = np.eye(4) if affine is None else np.asarray(affine, float)
    code = "aligned" if affine is None else "scanner"
    image = nib.Nifti1Image(values, placed)
    image.set_sform(placed, code)
    try:
        image.set_qform(placed, code, strip_shears=False)
    except HeaderDataError:
        # A quaternion cannot hold shear: a program that believed it would show the mask
        # elsewhere than one that reads the sform.
        image.set_qform(None, 0)
    image.header.set_xyzt_units("unknown" if affine is None else "mm")
    if top is not None:
        image.header["cal_max"] = top
    unknown = "; voxel size unknown, affine is identity" if affine is None else ""
    image.header["descrip"] = f"Tumorscope {what}, research use only{unknown}".encode()
    return gzip.compress(image.to_bytes(), _GZIP_LEVEL, mtime=0)
