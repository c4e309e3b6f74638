"""The predicted mask as a file that opens on top of the input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.nifti_files import encode_on_stored_grid
from tumorscope.reporting.png import encode_png

_WHITE = 255
"""A mask in an image is meant to be seen: the last label is white, the others are evenly spaced grays."""


def label_values(analysis: Analysis) -> tuple[tuple[int, ...], ...]:
    """For each label of an analysis, the values in the mask's file whose sum it is.

    A part lies inside the whole, so a voxel of it belongs to both: the whole is every value, a part its own and those
    of the parts inside it, as in the regions of nnU-Net. The first value alone is what no part covers.

    Returns:
        In the order of ``analysis.labels``; for a whole with one part ``((1, 2), (2,))``, or ``((128, 255), (255,))``
        in an image.
    """
    count = len(analysis.labels)
    numbers = range(1, count + 1)
    values = [round(_WHITE * number / count) if analysis.scan.kind == "image" else number for number in numbers]
    around = {each.name: each.inside for each in analysis.bundle.card.compartments}
    own = {part.label: value for part, value in zip(analysis.parts, values[1:], strict=True)}
    return (
        tuple(values),
        *(
            tuple(value for name, value in own.items() if _is_inside(name, part.label, around))
            for part in analysis.parts
        ),
    )


def _is_inside(name: str | None, label: str, around: Mapping[str, str | None]) -> bool:
    """Whether a label is another one, or a compartment inside it."""
    while name is not None and name != label:
        name = around.get(name)
    return name == label


def label_map(analysis: Analysis) -> np.ndarray:
    """The labels of an analysis as one array uint8 ``(slice, row, column)``: 0 outside, else :func:`label_values`."""
    values = label_values(analysis)
    labels = analysis.mask * np.uint8(values[0][0])
    for part, (value, *_inside) in zip(analysis.parts, values[1:], strict=True):
        labels[part.mask] = value
    return labels


def encode_mask_volume(analysis: Analysis) -> bytes:
    """The content of ``mask.nii.gz``.

    A volume's mask is on exactly the grid of the file that was read: same shape and same position in the patient,
    with every header field that states it. A folder of slices becomes a volume whose axes are column, row and slice;
    where slices are missing or the stack leans, on an even grid (:class:`tumorscope.core.geometry.EvenGrid`).
    """
    return encode_on_stored_grid(analysis.scan, label_map(analysis), top=len(analysis.labels))


def encode_brain_mask(analysis: Analysis) -> bytes:
    """The content of ``brain.nii.gz``: the brain by the registered atlas, on the same grid as the mask."""
    assert analysis.brain_mask is not None  # the caller has looked
    return encode_on_stored_grid(analysis.scan, analysis.brain_mask.astype(np.uint8))


def encode_mask_image(analysis: Analysis) -> bytes:
    """The content of ``mask.png`` for a single image: its size, 0 outside and 255 inside; see :func:`label_values`."""
    from PIL import Image

    return encode_png(Image.fromarray(label_map(analysis)[0]))
