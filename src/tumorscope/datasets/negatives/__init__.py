"""Images that are not a brain MRI slice, by family: what the input check must turn away.

Nothing here is a patient's. Photographs, pages and microscope images are those that come
with scikit-image, cut at random; everything else is drawn. The same seed gives the same
images, with the same versions of the libraries that draw.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tumorscope.datasets.negatives import anatomy, ct, drawn, everyday

Family = Callable[[np.random.Generator], np.ndarray]
"""Draws one gray image ``(row, column)``, uint8, uint16 or float32, of any size."""

FAMILIES: Mapping[str, Family] = {
    "photographs": everyday.photograph,
    "cut-outs": everyday.cut_out,
    "things": everyday.thing,
    "faces": everyday.face,
    "night sky": everyday.night_sky,
    "microscopy": everyday.microscopy,
    "fundus": everyday.fundus,
    "textures": drawn.texture,
    "noise": drawn.noise,
    "gradients": drawn.gradient,
    "shapes": drawn.shapes,
    "drawings": drawn.drawing,
    "text": drawn.text,
    "plots": drawn.plot,
    "blank": drawn.blank,
    "CT head": ct.ct_head,
    "CT body": ct.ct_body,
    "MRI body": anatomy.mri_body,
    "MRI knee": anatomy.mri_knee,
    "MRI spine": anatomy.mri_spine,
    "chest X-ray": anatomy.chest_xray,
    "limb X-ray": anatomy.limb_xray,
    "ultrasound": anatomy.ultrasound,
}


def draw_family(name: str, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """The first ``count`` images of a family; image ``n`` of a seed is always the same.

    >>> next(draw_family("noise", 1)).ndim
    2
    """
    place = zlib.crc32(name.encode())  # another family more or less does not change the others
    for number in range(count):
        yield FAMILIES[name](np.random.default_rng((seed, place, number)))
