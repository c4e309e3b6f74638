"""The predicted mask as a file that opens on top of the input."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from tumorscope.core.files import save_whole
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.nifti import encode_on_stored_grid

MASK_FILES = ("mask.nii.gz", "mask.png")


def write_mask(analysis: Analysis, folder: Path) -> Path:
    """Write ``mask.nii.gz``, or ``mask.png`` for a single image.

    A volume's mask is on exactly the grid of the file that was read: same shape, and all that its header says of
    where the voxels are. A folder of slices becomes a volume whose axes are column, row and slice; where slices are
    missing or the stack leans, on an even grid (:class:`tumorscope.core.geometry.EvenGrid`). A
    image's mask has the image's size, 0 outside and 255 inside.

    Raises:
        TumorscopeError: the file cannot be written.
    """
    name, content = encode_mask(analysis)
    return save_whole(folder / name, content)


def encode_mask(analysis: Analysis) -> tuple[str, bytes]:
    """The name and the content of the mask's file."""
    scan, mask = analysis.scan, analysis.mask.astype(np.uint8)
    if scan.kind == "image":
        return "mask.png", _png(mask[0])
    return "mask.nii.gz", encode_on_stored_grid(scan, mask)


def _png(mask: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(mask * np.uint8(255)).save(file, "PNG", compress_level=1)
    return file.getvalue()
