"""Spatial autocorrelation of intensities: Moran's I and Geary's C (IBSI 3.1.28 and 3.1.29)."""

from __future__ import annotations

import numpy as np

from tumorscope.measurement.radiomics.aggregation import ratio


def autocorrelation(image: np.ndarray, mask: np.ndarray, spacing: tuple[float, float, float]) -> dict[str, float]:
    """Both measures, every pair of voxels weighted by the inverse of its distance.

    The sums over pairs are convolutions with the weights, so that they cost no more for
    a large region than a Fourier transform. A region of one intensity has 0 for both.
    """
    values = image[mask]
    deviation = np.where(mask, image - values.mean(), 0.0) if np.ptp(values) > 0 else np.zeros(image.shape)
    grids = np.meshgrid(
        *(np.arange(-size + 1, size) * step for size, step in zip(mask.shape, spacing, strict=True)), indexing="ij"
    )
    distance = np.sqrt(sum(grid**2 for grid in grids))
    weights = np.divide(1, distance, out=np.zeros_like(distance), where=distance > 0)
    near = _convolved(mask.astype(float), weights)
    around = _convolved(deviation, weights)
    total = float(near[mask].sum())
    crossed = float((deviation * around)[mask].sum())
    squares = float((deviation**2)[mask].sum())
    own = float((deviation**2 * near)[mask].sum())
    number = len(values)
    return {
        "morph_moran_i": ratio(number * crossed, total * squares),
        "morph_geary_c": ratio((number - 1) * (own - crossed), total * squares),
    }


def _convolved(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """At each position the sum of all values, weighted by their offset from it.

    With NumPy alone: ``scipy.signal`` imports ``scipy.stats``, a second of every start of the program.

    Args:
        values: of any shape.
        weights: by offset, from ``-(size - 1)`` to ``size - 1`` on each axis.
    """
    # What wraps around at this length is in the part that is cut off.
    spectrum = np.fft.rfftn(values, weights.shape) * np.fft.rfftn(weights)
    return np.fft.irfftn(spectrum, weights.shape)[tuple(slice(size - 1, None) for size in values.shape)]
