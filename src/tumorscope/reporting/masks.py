"""The predicted mask as a file that opens on top of the input."""

from __future__ import annotations

import io

import numpy as np

from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.nifti import encode_on_stored_grid


def encode_mask_volume(analysis: Analysis) -> bytes:
    """The content of ``mask.nii.gz``.

    A volume's mask is on exactly the grid of the file that was read: same shape and same position in the patient,
    with every header field that states it. A folder of slices becomes a volume whose axes are column, row and slice;
    where slices are missing or the stack leans, on an even grid (:class:`tumorscope.core.geometry.EvenGrid`).
    """
    return encode_on_stored_grid(analysis.scan, analysis.mask.astype(np.uint8))


def encode_brain_mask(analysis: Analysis) -> bytes:
    """The content of ``brain.nii.gz``: the brain by the registered atlas, on the same grid as the mask."""
    assert analysis.brain_mask is not None  # the caller has looked
    return encode_on_stored_grid(analysis.scan, analysis.brain_mask.astype(np.uint8))


def encode_mask_image(analysis: Analysis) -> bytes:
    """The content of ``mask.png`` for a single image: its size, 0 outside and 255 inside."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(analysis.mask[0].astype(np.uint8) * np.uint8(255)).save(file, "PNG", compress_level=1)
    return file.getvalue()
