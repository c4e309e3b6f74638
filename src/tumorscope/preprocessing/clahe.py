"""Contrast-limited adaptive histogram equalization, as an optional step."""

from __future__ import annotations

import numpy as np

from tumorscope.preprocessing.intensity import HIGHEST, LOWEST


def equalize(images: np.ndarray, clip_limit: float = 0.01) -> np.ndarray:
    """CLAHE of every image by itself (Zuiderveld 1994, scikit-image's implementation).

    Args:
        images: ``(…, rows, columns)``, normalized to ``LOWEST .. HIGHEST``.
        clip_limit: between 0 and 1; higher values give more contrast.

    Returns:
        float32 of the same shape and range.
    """
    from skimage.exposure import equalize_adapthist

    span = HIGHEST - LOWEST
    flat = images.reshape(-1, *images.shape[-2:])
    result = np.empty(flat.shape, np.float32)
    for index, image in enumerate(flat):
        # Resampling may carry the brightest pixels over the edge by a rounding error, which scikit-image refuses.
        unit = np.clip((image - LOWEST) / span, 0, 1)
        result[index] = equalize_adapthist(unit, clip_limit=clip_limit) * span + LOWEST
    return result.reshape(images.shape)
