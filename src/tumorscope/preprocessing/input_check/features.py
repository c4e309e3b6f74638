"""What the input check measures in a view: segmentation, rings, gray levels, grain and spectrum."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tumorscope.preprocessing.input_check.views import SIDE

_RINGS = 10
_BINS = 12
_BANDS = 8
_THUMBNAIL = 16
_QUANTILES = np.array((0.1, 0.25, 0.5, 0.75, 0.9))
_SMALL = 1e-6

FEATURES = 88
THUMBNAIL_PIXELS = _THUMBNAIL**2


def measure(views: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Hand-made features of each view.

    Args:
        views, heads: from :func:`tumorscope.preprocessing.input_check.views.head_views`.

    Returns:
        float32 ``(slice, FEATURES)``, finite.
    """
    rows = []
    for view, head in zip(views, heads, strict=True):
        form = _Form.of(head)
        rows.append(
            [
                *_segmentation(view, head, form),
                *_rings(view, form),
                *_grays(view, head),
                *_grain(view, form),
                *_spectrum(view),
            ]
        )
    return np.nan_to_num(np.array(rows, np.float32).reshape(len(views), FEATURES), posinf=0, neginf=0)


def thumbnails(views: np.ndarray) -> np.ndarray:
    """Views as a few coarse pixels, each of mean 0 and length 1, float32 ``(slice, pixel)``."""
    step = SIDE // _THUMBNAIL
    small = views.reshape(len(views), _THUMBNAIL, step, _THUMBNAIL, step).mean(axis=(2, 4)).reshape(len(views), -1)
    small = small - small.mean(axis=1, keepdims=True)
    return small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), _SMALL)


class _Form(NamedTuple):
    """The ellipse with the head's moments.

    Attributes:
        radius: of each pixel; 1 on the ellipse.
        outward: direction in which it grows, ``(row, column)`` parts of length 1.
        share: of the view that is head.
        center: column and row, -1 to 1.
        upright: from -1 (tall) to 1 (wide).
        ratio: of the short to the long axis.
    """

    radius: np.ndarray
    outward: tuple[np.ndarray, np.ndarray]
    share: float
    center: tuple[float, float]
    upright: float
    ratio: float

    @classmethod
    def of(cls, head: np.ndarray) -> _Form:
        axis = _axis()
        weight = head.astype(np.float32)
        area = max(float(weight.sum()), 1.0)
        columns, rows = weight.sum(axis=0), weight.sum(axis=1)
        cx, cy = float(columns @ axis) / area, float(rows @ axis) / area
        dx, dy = (axis - np.float32(cx))[None, :], (axis - np.float32(cy))[:, None]
        xx = float(columns @ dx[0] ** 2) / area + 1e-4
        yy = float(rows @ dy[:, 0] ** 2) / area + 1e-4
        xy = float(dy[:, 0] @ weight @ dx[0]) / area
        determinant = max(xx * yy - xy * xy, 1e-8)
        u, v = (yy * dx - xy * dy) / determinant, (xx * dy - xy * dx) / determinant
        radius = np.sqrt(np.maximum(u * dx + v * dy, 0)) / 2
        length = np.sqrt(u * u + v * v) + _SMALL
        spread = float(np.sqrt((xx - yy) ** 2 + 4 * xy * xy))
        ratio = float(np.sqrt(max(xx + yy - spread, _SMALL) / (xx + yy + spread)))
        return cls(radius, (v / length, u / length), area / head.size, (cx, cy), (xx - yy) / (xx + yy), ratio)


def _segmentation(view: np.ndarray, head: np.ndarray, form: _Form) -> list[float]:
    """How much like an ellipse before dark air, how compact, how even left and right."""
    inside = form.radius <= 1
    overlap = (head & inside).sum() / max((head | inside).sum(), 1)
    holes = 1 - head[form.radius < 0.8].mean()
    edge = (head[0].mean() + head[-1].mean() + head[:, 0].mean() + head[:, -1].mean()) / 4
    corner = SIDE // 8
    corners = [
        part[:, side].mean()
        for part in (view[:corner], view[-corner:])
        for side in (slice(corner), slice(-corner, None))
    ]
    air = view[~head]
    dark = (air.mean(), air.std()) if air.size > SIDE else (float(np.mean(corners)), 0.5)
    length = np.count_nonzero(head[1:] != head[:-1]) + np.count_nonzero(head[:, 1:] != head[:, :-1])
    small = view.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    small -= small.mean()
    power = max(float((small * small).sum()), _SMALL)
    mirror, upside = float((small * small[:, ::-1]).sum()) / power, float((small * small[::-1]).sum()) / power
    return [
        form.share, abs(form.center[0]), form.center[1], form.upright, form.ratio, overlap, holes, edge,
        *sorted(corners), *dark, length / np.sqrt(form.share) / SIDE, mirror, upside,
    ]  # fmt: skip


def _rings(view: np.ndarray, form: _Form) -> np.ndarray:
    """Mean and deviation of the gray values in rings around the head's center."""
    ring = np.minimum(form.radius * (_RINGS - 2), _RINGS - 1).astype(np.intp).ravel()
    gray = view.ravel()
    count = np.maximum(np.bincount(ring, minlength=_RINGS), 1)
    mean = np.bincount(ring, gray, _RINGS) / count
    square = np.bincount(ring, gray * gray, _RINGS) / count
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean * mean, 0))])


def _grays(view: np.ndarray, head: np.ndarray) -> list[float]:
    """The histogram of the head's gray values, and how much is black or white."""
    inside = view[head]
    if inside.size == 0:
        inside = view.ravel()
    fine = np.bincount((inside * 47.999).astype(np.intp), minlength=48) / inside.size
    levels = fine.reshape(_BINS, -1).sum(axis=1)
    entropy = -(fine * np.log(fine + _SMALL)).sum()
    mean, deviation = inside.mean(), inside.std()
    centered = inside - mean
    skew = float((centered * centered * centered).mean()) / max(float(deviation), 0.03) ** 3
    black, white = np.count_nonzero(view < 0.03) / view.size, np.count_nonzero(view > 0.97) / view.size
    return [*np.sqrt(levels), entropy, np.sort(fine)[-3:].sum(), mean, deviation, skew, black**0.5, white**0.5]


def _grain(view: np.ndarray, form: _Form) -> list[float]:
    """How rough the head is: local deviations, edges and whether they follow the segmentation."""
    mean = ndimage.uniform_filter(view, 5)
    local = np.sqrt(np.maximum(ndimage.uniform_filter(view * view, 5) - mean * mean, 0))
    rows, columns = np.gradient(view)
    steep = np.sqrt(rows * rows + columns * columns)
    outwards = np.abs(rows * form.outward[0] + columns * form.outward[1])
    core = form.radius < 0.75
    parts: list[float] = []
    for zone in (core, ~core):
        inside = np.sort(local[zone]) if zone.any() else np.zeros(1)
        parts += np.log(inside[(_QUANTILES * (inside.size - 1)).astype(int)] + 0.003).tolist()
        parts.append(float(outwards[zone].sum()) / max(float(steep[zone].sum()), 1e-3))
    centered = view - view.mean()
    power = max(float((centered * centered).mean()), _SMALL)
    for lag in (1, 2, 4, 8):
        parts.append(float((centered[:, lag:] * centered[:, :-lag]).mean()) / power)
        parts.append(float((centered[lag:] * centered[:-lag]).mean()) / power)
    middle = view[1:-1, 1:-1]
    curve = np.abs(4 * middle - view[:-2, 1:-1] - view[2:, 1:-1] - view[1:-1, :-2] - view[1:-1, 2:])
    inner = curve[core[1:-1, 1:-1]]
    median = np.sort(inner)[inner.size // 2] if inner.size else 0.0
    parts += np.log(np.array([median, curve.mean(), steep.mean()]) + 0.003).tolist()
    # Drawn and written things have many edges along rows and columns.
    flat, level = np.abs(rows), np.abs(columns)
    straight = (flat < 0.2 * level) | (level < 0.2 * flat)
    parts.append(float(steep[straight].sum()) / max(float(steep.sum()), 1e-3))
    return parts


def _spectrum(view: np.ndarray) -> np.ndarray:
    """The logarithm of the power in bands of frequency, as shares of the whole."""
    band, window = _bands()
    power = np.abs(np.fft.rfft2((view - view.mean()) * window)) ** 2
    sums = np.bincount(band, power.ravel(), _BANDS + 1)[1:]
    return np.log(sums / max(float(sums.sum()), 1e-9) + _SMALL)


@cache
def _axis() -> np.ndarray:
    return ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1).astype(np.float32)


@cache
def _bands() -> tuple[np.ndarray, np.ndarray]:
    """The band of each frequency (0 for the mean), and a window against the view's edges."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]) * SIDE
    band = np.clip(np.floor(np.log2(np.maximum(frequency, _SMALL)) * 1.5), -1, _BANDS - 1).astype(int) + 1
    window = np.hanning(SIDE)[:, None] * np.hanning(SIDE)[None]
    return band.ravel(), window.astype(np.float32)
