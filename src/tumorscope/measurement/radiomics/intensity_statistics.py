"""Intensity-based statistics (IBSI 3.3), of the intensities as they are."""

from __future__ import annotations

import numpy as np

from tumorscope.measurement.radiomics.aggregation import ratio


def intensity_statistics(inside: np.ndarray) -> dict[str, float]:
    """The 18 statistics of a region's intensities, any shape.

    Where all intensities are equal skewness and kurtosis are 0; kurtosis is the excess
    over a normal distribution's.
    """
    return {f"stat_{name}": value for name, value in {**moments(inside), **_magnitude(inside)}.items()}


def moments(values: np.ndarray) -> dict[str, float]:
    """What intensities and gray levels have in common."""
    values = np.asarray(values, float).ravel()
    mean, median = values.mean(), np.median(values)
    low, p25, p75, high = np.percentile(values, (10, 25, 75, 90))
    lowest, highest = values.min(), values.max()
    # Of equal values the mean may differ in the last digit, which a higher moment would blow up.
    distance = values - mean if highest > lowest else np.zeros_like(values)
    variance = float(np.mean(distance**2))
    middle = values[(values >= low) & (values <= high)]
    return {
        "mean": float(mean),
        "var": variance,
        "skew": ratio(float(np.mean(distance**3)), variance**1.5),
        "kurt": ratio(float(np.mean(distance**4)), variance**2, 3.0) - 3,
        "median": float(median),
        "min": float(lowest),
        "p10": float(low),
        "p90": float(high),
        "max": float(highest),
        "iqr": float(p75 - p25),
        "range": float(highest - lowest),
        "mad": float(np.abs(distance).mean()),
        "rmad": float(np.abs(middle - middle.mean()).mean()),
        "medad": float(np.abs(values - median).mean()),
        "cov": ratio(variance**0.5, mean),
        "qcod": ratio(p75 - p25, p75 + p25),
    }


def _magnitude(values: np.ndarray) -> dict[str, float]:
    energy = float(np.sum(values**2))
    return {"energy": energy, "rms": (energy / values.size) ** 0.5}
