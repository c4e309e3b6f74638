"""The meaning of a mask's values: labels, probabilities, or the gray levels of an image that is not a mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segment
from tumorscope.io.checks import label
from tumorscope.io.file_heads import is_jpeg
from tumorscope.io.raster import read_raster

MOST_LABELS = 32
"""More different values than this are gray levels, not labels."""

MOST_EDGE_LEVELS = 100
"""Up to so many values come from smooth edges or numbered lesions of a mask; more are an image, unless most are bright."""

HALF = Note("mask_threshold", "the mask holds probabilities; inside is what is at least one half")

_WHOLE, _FURTHEST = 0.01, 0.1
"""How far from a whole number a label may be, as a share of it, and at most. Programs save labels
through a slope: 2 becomes 1.992 in bytes and 2.00003 in 16 bits."""

_BLUR = ((8, 0.1), (2, 0.25))
"""JPEG disturbs a mask's two values: within so many pixels of an edge (its blocks' side) by more than so much of
the brightest, and by a quarter only at the edge itself. Twice as far where color has half the resolution."""

_STRAY = 0.001
"""This share of the pixels may be disturbed further."""

_MOST_BLUR = 0.2
"""A mask in a JPEG has no more than this share of its pixels between all and nothing."""

_FULL = (255, 65535)
"""The brightest value of a mask in gray whose edges were smoothed; a label map rarely goes up to it."""

_FEWEST_EDGE_LEVELS = 3
"""Fewer values between none and full may be labels that were spread over the gray levels to be seen."""

_EDGE_REACH = 2
"""Pixels from a smoothed edge's every value to none and to full."""

_COLOR_BITS = 16


@dataclass(frozen=True)
class LabelOptions:
    """How values become labels.

    Attributes:
        threshold: take what is at least this for one mask, whatever the values are.
        whole: take everything above zero for one mask, gray levels too.
        scan: the scan that the mask was drawn on, where it is known; contours become pixels of its grid.
    """

    threshold: float | None = None
    whole: bool = False
    scan: Scan | None = None

    def refuse_threshold(self, name: str) -> None:
        """For formats whose masks are explicit.

        Raises:
            UnreadableScan: a threshold is set.
        """
        if self.threshold is not None:
            raise UnreadableScan(f"{name}: a threshold is for volumes and images; this file states what is inside")


@dataclass(frozen=True, eq=False)
class LabelRaster:
    """The labels in an image.

    Attributes:
        values: ``(slice, row, column)``, zero outside: integers, floats, or booleans.
        colored: whether each value is the code of a color (:func:`_color_codes`).
    """

    values: np.ndarray
    colored: bool = False


def read_label_raster(path: Path, options: LabelOptions) -> LabelRaster:
    """The labels in an image, or the brightness that a threshold cuts.

    A palette's index is the label, a gray value is itself, and each color is a label of its own. Of a
    JPEG, which blurs edges, and of a gray mask whose edges were smoothed, what is above half of the brightest is inside.

    Raises:
        UnreadableScan: damaged, or a JPEG with more than a mask's two values.
    """
    if options.threshold is not None:
        pixels = read_raster(path)
        return LabelRaster((pixels if pixels.ndim == 4 else pixels[None]).max(axis=-1))
    pixels = read_raster(path, indices=True)
    pixels = pixels if pixels.ndim == 4 else pixels[None]
    colored = pixels.shape[-1] == 3 and bool((pixels != pixels[..., :1]).any())
    if is_jpeg(path) and options.whole:
        return LabelRaster(pixels.max(axis=-1) > pixels.max() / 2)
    if is_jpeg(path):
        return LabelRaster(_of_jpeg(pixels.max(axis=-1), 2 if colored else 1, label(path)))
    if not colored and not options.whole:
        inside = _of_smoothed_edges(pixels[..., 0])
        if inside is not None:
            return LabelRaster(inside)
    return LabelRaster(_color_codes(pixels) if colored else pixels[..., 0], colored)


def of_one_kind(rasters: list[LabelRaster]) -> list[LabelRaster]:
    """Rasters whose values mean the same: gray is a color where any of the others has colors."""
    if not any(raster.colored for raster in rasters):
        return rasters
    return [
        raster if raster.colored else LabelRaster(_color_codes(raster.values[..., None]), True) for raster in rasters
    ]


def split_labels(
    values: np.ndarray, name: str, options: LabelOptions, colored: bool = False
) -> tuple[np.ndarray, tuple[Segment, ...], tuple[Note, ...]]:
    """Labels as whole numbers in the shape of the values, the segments that they mark, and notes.

    Args:
        values: of any shape; zero is outside.
        name: the file, for errors.
        options: see :class:`LabelOptions`.
        colored: see :class:`LabelRaster`.

    Raises:
        UnreadableScan: NaN, values below zero, or so many that this is an image.
    """
    threshold = options.threshold
    if threshold is not None:
        note = Note("mask_threshold", f"the mask is what is at least {threshold:g} in the image")
        return *_one_mask(values >= threshold), (note,)
    if values.dtype.kind == "f":
        bad = values.size - int(np.count_nonzero(np.isfinite(values)))
        if bad:
            raise UnreadableScan(
                f"{name}: {bad} voxel{'s are' if bad > 1 else ' is'} NaN or infinite; a mask has 0 and 1"
            )
        values = whole_labels(values)
    if values.dtype == bool:
        return *_one_mask(values), ()
    if values.min() < 0:
        raise _image(name, "values below zero")
    if values.dtype.kind == "f" and not (values == np.rint(values)).all():
        if values.max() > 1 + _WHOLE:
            raise _image(name, f"fractions up to {values.max():g}")
        return *_one_mask(values >= 0.5), (HALF,)
    if options.whole:
        inside = values[values > 0]
        levels = len(np.unique(inside))
        if levels > MOST_EDGE_LEVELS and np.count_nonzero(inside > inside.max() / 2) < inside.size / 2:
            raise _image(name, f"{levels} different values, most of them dark")
        return *_one_mask(values > 0), ()
    found = np.unique(values[values > 0])
    if len(found) > MOST_LABELS:
        kind = "colors" if colored else "different values"
        raise _image(name, f"{len(found):,} {kind}", f"; a mask has 0 and 1, or up to {MOST_LABELS} labels")
    if colored:
        labels = np.searchsorted(np.r_[0, found], values).astype(np.uint8)
        named = enumerate((_color_name(int(code)) for code in found), start=1)
        return labels, tuple(Segment(text, number) for number, text in named), ()
    values = values.astype(np.min_scalar_type(int(found.max(initial=1))))
    if len(found) == 1:
        return values, (Segment("mask", int(found[0])),), ()
    return values, tuple(Segment(f"label {int(value)}", int(value)) for value in found), ()


def _one_mask(inside: np.ndarray) -> tuple[np.ndarray, tuple[Segment, ...]]:
    return inside, (Segment("mask", 1),) if inside.any() else ()


def whole_labels(values: np.ndarray) -> np.ndarray:
    """The whole numbers that all values are meant for; the values themselves where one of them is not near any."""
    if values.dtype.kind != "f":
        return values
    whole = np.rint(values)
    near = np.clip(_WHOLE * np.abs(whole), _WHOLE, _FURTHEST)
    with np.errstate(invalid="ignore"):  # NaN and infinities are near nothing
        return whole if (np.abs(values - whole) <= near).all() else values


def _color_codes(pixels: np.ndarray) -> np.ndarray:
    """One whole number for each color of ``(…, channel)``, one or three channels; zero for black."""
    red, green, blue = np.moveaxis(np.broadcast_to(np.rint(pixels).astype(np.int64), (*pixels.shape[:-1], 3)), -1, 0)
    return (red << 2 * _COLOR_BITS) | (green << _COLOR_BITS) | blue


def _color_name(code: int) -> str:
    channels = [code >> shift & (1 << _COLOR_BITS) - 1 for shift in (2 * _COLOR_BITS, _COLOR_BITS, 0)]
    digits = 2 if max(channels) < 256 else 4
    return "color #" + "".join(f"{channel:0{digits}x}" for channel in channels)


def _image(name: str, what: str, more: str = "") -> UnreadableScan:
    return UnreadableScan(
        f"{name}: holds {what}, so it is an image, not a mask{more}; give the mask itself (`tumorscope measure` takes "
        "images with --threshold)"
    )


def _of_jpeg(values: np.ndarray, coarseness: int, name: str) -> np.ndarray:
    inside = _above_half(values, coarseness)
    if inside is None:
        raise _image(name, "many gray levels")
    return inside


def _of_smoothed_edges(values: np.ndarray) -> np.ndarray | None:
    """Pixels above half of the brightest of a gray mask ``(slice, row, column)`` with smoothed edges; None of others."""
    levels = np.unique(values)
    if len(levels) > MOST_LABELS + 1:
        return _above_half(values, 1)
    return values > levels[-1] / 2 if _are_edge_levels(levels) and _lie_on_edges(values) else None


def _are_edge_levels(levels: np.ndarray) -> bool:
    """Whether so few levels, in ascending order, may be none, full and what smoothing made between them."""
    between = levels[1:-1]
    if levels[0] != 0 or levels[-1] not in _FULL or len(between) < _FEWEST_EDGE_LEVELS:
        return False
    return bool(between.max() > MOST_LABELS)  # small numbers are labels, also where 255 marks what to ignore


def _lie_on_edges(values: np.ndarray) -> bool:
    """Whether every value between none and full has both beside it: a label has pixels that do not."""
    from scipy import ndimage

    top = values.max()
    around = (1, 2 * _EDGE_REACH + 1, 2 * _EDGE_REACH + 1)
    between = (values > 0) & (values < top)
    near_top, near_zero = (ndimage.maximum_filter(values == level, around)[between] for level in (top, 0))
    return bool(near_top.all() and near_zero.all())


def _above_half(values: np.ndarray, coarseness: int) -> np.ndarray | None:
    """Pixels above half of the brightest, where all but blurred edges are either dark or bright; else None."""
    from scipy import ndimage

    top = float(values.max())
    inside = values > top / 2
    away = np.abs(values - np.where(inside, top, 0))
    clean = np.mean(away > _BLUR[0][1] * top) <= _MOST_BLUR
    for reach, share in _BLUR:
        around = (1, 2 * reach * coarseness + 1, 2 * reach * coarseness + 1)
        flat = ndimage.maximum_filter(inside, around) == ndimage.minimum_filter(inside, around)
        clean = clean and np.mean((away > share * top) & flat) <= _STRAY
    return inside if clean else None
