"""The predicted mask as a file that opens on top of the input."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np

from tumorscope.analysis import Analysis
from tumorscope.reporting.files import save_whole

MASK_FILES = ("mask.nii.gz", "mask.png")
_GZIP_LEVEL = 1
"""Masks are mostly zeros: higher levels save a few kilobytes and cost several times the time."""


def write_mask(analysis: Analysis, folder: Path) -> Path:
    """Write ``mask.nii.gz``, or ``mask.png`` for a single picture.

    A volume's mask lies on exactly the grid of the file that was read: same shape, same
    affine. A folder of slices becomes a volume whose axes are column, row and slice. A
    picture's mask has the picture's size, 0 outside and 255 inside.

    Raises:
        TumorscopeError: the file cannot be written.
    """
    name, content = encode_mask(analysis)
    return save_whole(folder / name, content)


def encode_mask(analysis: Analysis) -> tuple[str, bytes]:
    """The name and the content of the mask's file."""
    scan, mask = analysis.scan, analysis.mask.astype(np.uint8)
    if scan.kind == "picture":
        return "mask.png", _png(mask[0])
    if scan.kind == "volume" and scan.stored is not None:
        return "mask.nii.gz", _nifti(scan.stored.to_stored(mask), scan.stored.affine)
    return "mask.nii.gz", _nifti(mask.transpose(2, 1, 0), scan.affine)


def _png(mask: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(mask * np.uint8(255)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _nifti(mask: np.ndarray, affine: np.ndarray | None) -> bytes:
    import nibabel

    known = affine is not None
    placed = np.asarray(affine, float) if affine is not None else np.eye(4)
    image = nibabel.Nifti1Image(mask, placed)
    image.header.set_xyzt_units("mm" if known else "unknown")
    image.header["descrip"] = (
        b"Tumorscope mask, research use only"
        if known
        else b"Tumorscope mask, research use only; voxel size unknown, affine is identity"
    )
    image.header["cal_max"] = 1  # viewers then show the mask at full brightness
    code = "scanner" if known else "aligned"
    image.set_sform(placed, code)
    image.set_qform(placed, code)
    # A quaternion cannot hold shear: rather no qform than one that puts the mask elsewhere.
    if not np.allclose(image.get_qform(), placed, atol=1e-3):
        image.set_qform(None, 0)
    return gzip.compress(image.to_bytes(), _GZIP_LEVEL, mtime=0)
