"""Phantoms for those who only want one."""

from __future__ import annotations

import numpy as np

from tumorscope.datasets.phantom.build import Phantom, make_phantom
from tumorscope.datasets.phantom.lesions import Lesion, LesionContrast

# Where lower-grade gliomas like to be: (x, y, z) mm of the right hemisphere, within the white matter.
_SITES_MM = {"frontal": (30.0, 30.0, 8.0), "parietal": (32.0, -35.0, 14.0), "precentral": (32.0, 4.0, 18.0)}


def demo_phantom(seed: int = 0) -> Phantom:
    """A head with one lower-grade-glioma-like lesion, about 35 to 45 mm across.

    >>> demo_phantom().lesions[0].contrast
    'flair_bright'
    """
    return make_phantom([plausible_lesion(seed)], seed=seed)


def plausible_lesion(seed: int, contrast: LesionContrast = "flair_bright") -> Lesion:
    """A lesion of usual size in one hemisphere's white matter, drawn by the seed."""
    random = np.random.default_rng((seed, 200))
    site = np.array(_SITES_MM[str(random.choice(list(_SITES_MM)))]) + random.uniform(-3, 3, 3)
    if random.random() < 0.5:
        site[0] = -site[0]
    radii = random.uniform(17.5, 22.5, 3)
    as_mm = lambda values: tuple(round(float(value), 1) for value in values)  # noqa: E731
    return Lesion(as_mm(site), as_mm(radii), contrast)
