"""Ready-made phantoms."""

from __future__ import annotations

import numpy as np

from tumorscope.datasets.phantom.build import Phantom, make_phantom
from tumorscope.datasets.phantom.lesion_shapes import Lesion, LesionContrast

# Frequent locations of lower-grade gliomas: (x, y, z) mm in the right hemisphere, within the white matter.
_SITES_MM = {"frontal": (30.0, 30.0, 8.0), "parietal": (32.0, -35.0, 14.0), "precentral": (32.0, 4.0, 18.0)}


def demo_phantom(seed: int = 0, shape: tuple[int, int, int] = (24, 256, 256)) -> Phantom:
    """A head with one lower-grade-glioma-like lesion, about 35 to 45 mm across.

    >>> demo_phantom(shape=(8, 96, 96)).lesions[0].contrast
    'flair_bright'
    """
    return make_phantom([plausible_lesion(seed)], seed=seed, shape=shape)


def plausible_lesion(seed: int, contrast: LesionContrast = "flair_bright") -> Lesion:
    """A lesion of usual size in the white matter of one hemisphere, drawn by the seed."""
    random = np.random.default_rng((seed, 200))
    site = _SITES_MM[random.choice(list(_SITES_MM))]
    x, y, z = (round(length + random.uniform(-3, 3), 1) for length in site)
    left = random.random() < 0.5
    a, b, c = (round(random.uniform(17.5, 22.5), 1) for _ in range(3))
    return Lesion((-x if left else x, y, z), (a, b, c), contrast, irregularity=0.2)
