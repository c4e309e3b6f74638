"""Just enough NIfTI-1 to store a mask.

Reading is nibabel's work. Importing it takes longer than all other writing together, and a
mask needs no more than this header; the tests read every field back with nibabel.
"""

from __future__ import annotations

import gzip

import numpy as np

_HEADER = np.dtype(
    [
        ("sizeof_hdr", "<i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "<i4"),
        ("session_error", "<i2"), ("regular", "S1"), ("dim_info", "u1"), ("dim", "<i2", (8,)),
        ("intent_p", "<f4", (3,)), ("intent_code", "<i2"), ("datatype", "<i2"), ("bitpix", "<i2"),
        ("slice_start", "<i2"), ("pixdim", "<f4", (8,)), ("vox_offset", "<f4"), ("scl_slope", "<f4"),
        ("scl_inter", "<f4"), ("slice_end", "<i2"), ("slice_code", "u1"), ("xyzt_units", "u1"),
        ("cal_max", "<f4"), ("cal_min", "<f4"), ("slice_duration", "<f4"), ("toffset", "<f4"),
        ("glmax", "<i4"), ("glmin", "<i4"), ("descrip", "S80"), ("aux_file", "S24"),
        ("qform_code", "<i2"), ("sform_code", "<i2"), ("quatern", "<f4", (3,)), ("qoffset", "<f4", (3,)),
        ("srow", "<f4", (3, 4)), ("intent_name", "S16"), ("magic", "S4"),
    ]
)  # fmt: skip
"""The 348 bytes of https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h, in their order."""
_UINT8, _MM, _UNKNOWN_UNIT = 2, 2, 0
_SCANNER, _ALIGNED = 1, 2
_DATA_START = 352
"""The header and four bytes that say that no extension follows."""
_LONGEST = 32767
_GZIP_LEVEL = 1
"""Masks are mostly zeros: higher levels save a few kilobytes and cost several times the time."""


def encode_nifti(mask: np.ndarray, affine: np.ndarray | None) -> bytes:
    """The content of a ``.nii.gz`` file.

    Args:
        mask: uint8, two or three axes.
        affine: from the mask's indices to millimetres, RAS+; None where the voxel size is
            not known. The file then has the identity, no unit, and says so.

    Raises:
        ValueError: an axis is longer than NIfTI-1 can say.
    """
    if max(mask.shape) > _LONGEST:
        raise ValueError(f"NIfTI-1 holds at most {_LONGEST} voxels along an axis, not {max(mask.shape)}")
    placed = np.eye(4) if affine is None else np.asarray(affine, float)
    quaternion, sizes, handedness = _rotation(placed[:3, :3])
    code = _ALIGNED if affine is None else _SCANNER
    header = np.zeros((), _HEADER)
    header["sizeof_hdr"] = _HEADER.itemsize
    header["regular"] = b"r"
    header["dim"] = [mask.ndim, *mask.shape, *[1] * (7 - mask.ndim)]
    header["datatype"], header["bitpix"] = _UINT8, 8
    header["pixdim"] = [handedness, *sizes, 1, 1, 1, 1]
    header["vox_offset"], header["scl_slope"] = _DATA_START, 1
    header["xyzt_units"] = _UNKNOWN_UNIT if affine is None else _MM
    header["cal_max"] = 1  # viewers then show the mask at full brightness
    unknown = "; voxel size unknown, affine is identity" if affine is None else ""
    header["descrip"] = f"Tumorscope mask, research use only{unknown}".encode()
    header["sform_code"], header["srow"] = code, placed[:3]
    if quaternion is not None:
        header["qform_code"], header["quatern"], header["qoffset"] = code, quaternion, placed[:3, 3]
    header["magic"] = b"n+1\0"
    data = np.asarray(mask, np.uint8).tobytes(order="F")
    return gzip.compress(header.tobytes() + bytes(4) + data, _GZIP_LEVEL, mtime=0)


def _rotation(matrix: np.ndarray) -> tuple[np.ndarray | None, np.ndarray, float]:
    """A 3×3 matrix as NIfTI's quaternion ``(b, c, d)``, voxel sizes, and handedness (1 or -1).

    The quaternion is None where the axes are not at right angles: it cannot say that, and
    a program that believes it would show the mask elsewhere than one that reads the sform.
    """
    sizes = np.linalg.norm(matrix, axis=0)
    axes = matrix / sizes
    handedness = 1.0 if np.linalg.det(axes) > 0 else -1.0
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        return None, sizes, handedness
    r = axes * (1, 1, handedness)
    # The eigenvector of the largest eigenvalue is the quaternion, without special cases
    # for half turns (Bar-Itzhack 2000, doi:10.2514/2.4654).
    symmetric = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], 0, 0, 0],
            [r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], 0, 0],
            [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1], 0],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r.trace()],
        ]
    )
    b, c, d, a = np.linalg.eigh(symmetric, UPLO="L")[1][:, -1]
    # NIfTI stores only b, c and d and takes a as not negative.
    return np.array([b, c, d]) * (1.0 if a >= 0 else -1.0), sizes, handedness
