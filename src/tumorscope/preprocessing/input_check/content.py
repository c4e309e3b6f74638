"""What the values themselves say against a structural MRI of a head, whatever it looks like.

A segmentation, a tissue probability map, a CT or one volume's repetitions show a head too, so a look
at them says little. Their values are distinctive: few and constant over regions, probabilities,
Hounsfield units, volumes that hardly differ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tumorscope.core.scan import Scan
from tumorscope.io.label_values import MOST_LABELS, whole_labels

_MOST_SLICES = 24
"""Values are looked at in so many slices, evenly spread, each with its neighbor."""

_CONSTANT, _CONSTANT_ACROSS = 0.65, 0.6
"""Share of neighboring voxels with one and the same value within a slice, and from one slice to the next. Label
maps have more than 0.68 on voxels of 2.4 mm, MRI at most a quarter, reduced to 16 gray levels 0.55."""

_ROUNDING = 1e-3
_NEARLY_ONE, _CERTAIN = 0.95, 0.1
"""A tissue map is nearly certain in a tenth of its voxels; a scan divided by its maximum has few near one."""

_AIR_HU, _TISSUE_HU, _SOFT_HU = (-1100, -900), -500, (-20, 100)

_TISSUE_MM2_S, _FASTEST_MM2_S = (3e-4, 3e-3), 0.02
"""Brain has about 0.8e-3 mm²/s, free water at 37 °C 3.0e-3; noise is faster than either."""

_ALIKE = 0.95
"""Correlation from one volume to the next; different sequences of one head stay below."""


def reject_by_content(scan: Scan) -> Scan:
    """The scan, with a ``rejection_reason`` where its values are not those of a structural MRI.

    A reason that the header gave stays.
    """
    if scan.rejection_reason is not None:
        return scan
    reason = content_reason(scan)
    return scan if reason is None else replace(scan, rejection_reason=reason)


def content_reason(scan: Scan) -> str | None:
    """What the values show instead of a structural MRI, as a sentence, or None.

    Examples are label maps and atlases, time series, tissue probability maps, CT in Hounsfield
    units and diffusion coefficients in mm²/s. Each channel that has a name is looked at; one that
    is a structural image is enough.
    """
    if "unknown" in scan.sequences and len(scan.sequences) > 1:
        if _is_probability_set(scan.voxels):
            return "this looks like tissue probability maps, whose channels add up to one, not an MRI"
        if scan.kind == "volume" and _is_time_series(scan.voxels):
            return (
                f"this looks like a time series, {len(scan.sequences)} volumes that hardly differ "
                "(functional, perfusion or diffusion MRI), not a structural MRI"
            )
    reasons = [_reason(scan.voxels[..., channel], scan.kind == "volume") for channel in range(scan.voxels.shape[3])]
    return reasons[0] if all(reasons) else None


def _reason(volume: np.ndarray, whole: bool) -> str | None:
    """What one channel ``(slice, row, column)`` shows; ``whole`` where slices are each other's neighbors."""
    chosen = np.unique(np.linspace(0, len(volume) - 1, _MOST_SLICES).round().astype(int))
    values = volume[chosen]
    following = volume[np.minimum(chosen + 1, len(volume) - 1)] if whole and len(volume) > 1 else None
    if _is_label_map(values, following):
        return "this looks like a label map (a segmentation or an atlas), not an MRI"
    if _is_probability_map(values):
        return "this looks like a tissue probability map, not an MRI"
    if _is_ct(values):
        return "this looks like a CT in Hounsfield units, not an MRI"
    if _is_diffusivity(values):
        return "this looks like a map of diffusion coefficients in mm²/s, not a structural MRI"
    return None


def _is_label_map(values: np.ndarray, following: np.ndarray | None) -> bool:
    """Few values that are constant over regions; or more, as in an atlas, constant across slices as well."""
    values = whole_labels(values)
    if values.dtype.kind == "f" and not (values == np.rint(values)).all():
        return False
    if values.min() < 0 or not values.any():
        return False
    within = _constant_share((values[:, 1:], values[:, :-1]), (values[:, :, 1:], values[:, :, :-1]))
    if within < _CONSTANT:
        return False
    if len(np.unique(values[values > 0])) <= MOST_LABELS:
        return True
    return following is not None and _constant_share((values, whole_labels(following))) >= _CONSTANT_ACROSS


def _constant_share(*neighbors: tuple[np.ndarray, np.ndarray]) -> float:
    """The share of neighbors with one value among those of which neither is background."""
    equal = both = 0
    for one, other in neighbors:
        inside = (one > 0) & (other > 0)
        both += int(np.count_nonzero(inside))
        equal += int(np.count_nonzero((one == other) & inside))
    return equal / both if both else 0.0


def _is_probability_map(values: np.ndarray) -> bool:
    """Fractions from zero to one that are mostly near either end."""
    if values.dtype.kind != "f" or values.min() < 0 or not _NEARLY_ONE <= values.max() <= 1 + _ROUNDING:
        return False
    certain, inside = np.count_nonzero(values >= _NEARLY_ONE), np.count_nonzero(values > _ROUNDING)
    between = np.count_nonzero((values > 0.3) & (values < 0.7))
    return bool(certain >= _CERTAIN * inside and between < 1.5 * certain)


def _is_probability_set(voxels: np.ndarray) -> bool:
    """Fractions whose channels add up to one in nearly every voxel."""
    if voxels.dtype.kind != "f" or voxels.min() < 0 or voxels.max() > 1 + _ROUNDING:
        return False
    total = voxels.sum(axis=-1)
    inside = total > 0.5
    return bool(inside.any() and np.count_nonzero(np.abs(total[inside] - 1) < 0.02) > 0.9 * np.count_nonzero(inside))


def _is_ct(values: np.ndarray) -> bool:
    """Air near −1000 HU around soft tissue near 40 HU."""
    if values.min() > _AIR_HU[1]:
        return False
    air = np.count_nonzero((values > _AIR_HU[0]) & (values < _AIR_HU[1]))
    tissue = np.count_nonzero(values > _TISSUE_HU)
    soft = np.count_nonzero((values > _SOFT_HU[0]) & (values < _SOFT_HU[1]))
    return bool(air >= 0.1 * values.size and soft >= 0.3 * tissue > 0.01 * values.size)


def _is_diffusivity(values: np.ndarray) -> bool:
    """Values as small as mm²/s, tissue's median below free water."""
    if values.dtype.kind != "f" or not 0 < values.max() < _FASTEST_MM2_S:
        return False
    low, high = _TISSUE_MM2_S
    tissue = values[values > low / 3]
    return tissue.size > 0 and low <= float(np.median(tissue)) <= high


def _is_time_series(voxels: np.ndarray) -> bool:
    """At least three volumes, each nearly a multiple of the one before it, none its copy."""
    if voxels.shape[3] < 3:
        return False
    step = max(1, voxels.shape[0] // _MOST_SLICES), max(1, voxels.shape[1] // 64), max(1, voxels.shape[2] // 64)
    series = voxels[:: step[0], :: step[1], :: step[2]].astype(np.float64)
    mean = series.mean(axis=-1)
    head = series[mean > mean.mean()]
    alike = [np.corrcoef(head[:, place], head[:, place + 1])[0, 1] for place in range(head.shape[1] - 1)]
    return len(head) > 1 and bool(np.median(alike) >= _ALIKE and min(alike) < 1)
