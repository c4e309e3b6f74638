"""A figure of measurements: each lesion in its slice with contour, diameters and a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.measurement.diameters import Diameters
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.measurements import Measured
from tumorscope.reporting.slice_names import numbering_text, slice_text
from tumorscope.reporting.tiles import View, background_channel, mri_tile, overlay_tile, shape_tile, window
from tumorscope.reporting.typography import font_of, width, write
from tumorscope.reporting.wording import clean, volume_text

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from PIL.ImageDraw import ImageDraw as Pen

MOST_SHOWN = 6
"""Lesions that get a tile; the table lists all."""

_BACKGROUND, _BRIGHT, _MUTED, _RULE = (15, 18, 22), (238, 241, 245), (158, 168, 180), (48, 54, 62)
_CONTOUR, _LONGEST, _PERPENDICULAR = (30, 222, 92), (255, 214, 64), (92, 208, 255)
_MARGIN, _GAP, _TILE, _HEADER, _CAPTION, _FOOTER = 24, 16, 380, 76, 58, 46
_COLUMNS = 3
_NARROWEST_MM, _ROOM = 50.0, 1.7
"""The smallest field of view of a tile, and its size relative to the lesion."""
_FINE = 2
"""Tiles are drawn at this multiple of their size and averaged, for smooth lines."""


@dataclass(frozen=True, eq=False)
class _Shown:
    """One lesion on a tile."""

    label: str
    number: int
    lesion: Lesion
    diameters: Diameters
    mask: np.ndarray


def draw_measured(measured: Sequence[Measured], scan: Scan, image: bool) -> PillowImage:
    """Draw the largest lesions, each in the slice where its diameters were taken.

    Args:
        measured: the labels and their lesions.
        scan: gives the grid, and the image behind the diameters.
        image: whether the scan shows anything; otherwise only the mask is drawn.

    Returns:
        An RGB canvas.
    """
    from PIL import Image, ImageDraw

    every = [
        _Shown(part.name, number, lesion, lesion.diameters, part.mask[lesion.diameters.slice])
        for part in measured
        for number, lesion in enumerate(part.lesions, start=1)
        if lesion.diameters is not None
    ]
    shown = sorted(every, key=lambda item: -item.diameters.product)[:MOST_SHOWN]
    columns = min(_COLUMNS, max(len(shown), 2))
    rows = -(-max(len(shown), 1) // _COLUMNS)
    full = (
        2 * _MARGIN + columns * _TILE + (columns - 1) * _GAP,
        _HEADER + rows * (_TILE + _CAPTION + _GAP) + _FOOTER - _GAP,
    )
    canvas = Image.new("RGB", full, _BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    room = full[0] - 2 * _MARGIN
    write(pen, (_MARGIN, 32), clean(scan.case), 23, _BRIGHT, room)
    write(pen, (_MARGIN, 58), _summary(len(every), len(shown), scan), 15, _MUTED, room)
    volume = scan.voxels[..., background_channel(scan, scan.sequences)] if image else None
    limits = None if volume is None else window(volume)
    for position, item in enumerate(shown):
        left = _MARGIN + position % _COLUMNS * (_TILE + _GAP)
        top = _HEADER + position // _COLUMNS * (_TILE + _CAPTION + _GAP)
        behind = None if volume is None else volume[item.diameters.slice]
        canvas.paste(_tile(item, scan, behind, limits), (left, top))
        first, second = _captions(item, scan, several=len(measured) > 1)
        write(pen, (left, top + _TILE + 22), first, 15, _BRIGHT, _TILE)
        write(pen, (left, top + _TILE + 43), second, 13, _MUTED, _TILE)
    pen.line([(_MARGIN, full[1] - _FOOTER + 4), (full[0] - _MARGIN, full[1] - _FOOTER + 4)], _RULE)
    write(pen, (_MARGIN, full[1] - 16), NOTICE, 13, _BRIGHT, room)
    return canvas


def _summary(count: int, shown: int, scan: Scan) -> str:
    lesions = "one lesion" if count == 1 else f"{count} lesions"
    parts = [lesions if shown == count else f"{lesions}, the {shown} largest are shown"]
    parts.append("yellow: longest diameter; blue: longest perpendicular diameter")
    parts.append(numbering_text(scan) if scan.shape[0] > 1 else "one slice")
    return " · ".join(parts)


def _captions(item: _Shown, scan: Scan, several: bool) -> tuple[str, str]:
    found, lesion = item.diameters, item.lesion
    known = lesion.extent_mm is not None
    name = f"{clean(item.label, 30)}, lesion {item.number}" if several else f"lesion {item.number}"
    size = f"{found.longest.length:.1f} × {found.perpendicular.length:.1f} {'mm' if known else 'px'}"
    measurable = ", measurable" if lesion.measurable else f", {lesion.nonmeasurable_reason}" if known else ""
    parts = [slice_text(scan, found.slice), volume_text(lesion.voxels, lesion.volume_mm3)] if scan.shape[0] > 1 else []
    if lesion.laterality is not None:
        away = f"{lesion.midline_distance_mm:.0f} mm from the midline"
        parts.append(away if lesion.laterality == "midline" else f"{lesion.laterality}, {away}")
    return f"{name}: {size}{measurable}", " · ".join(parts)


def _tile(item: _Shown, scan: Scan, behind: np.ndarray | None, limits: tuple[float, float] | None) -> PillowImage:
    from PIL import Image, ImageDraw

    view, scale = _around(item, scan)
    shape = shape_tile(item.mask, view)
    if behind is not None and limits is not None:  # unfilled, so that the edge stays visible
        drawn = mri_tile(behind, limits, view)
        drawn.paste(_CONTOUR, (0, 0), shape.line)
    else:
        drawn = overlay_tile(Image.new("RGB", (view.width, view.height), _RULE), shape, _CONTOUR)
    tile = Image.new("RGB", (_TILE * _FINE, _TILE * _FINE), (0, 0, 0))
    corner = ((_TILE * _FINE - drawn.width) // 2, (_TILE * _FINE - drawn.height) // 2)
    tile.paste(drawn, corner)
    pen = ImageDraw.Draw(tile)
    known = item.lesion.extent_mm is not None
    spots: list[tuple[float, float]] = []
    for diameter, color in ((item.diameters.longest, _LONGEST), (item.diameters.perpendicular, _PERPENDICULAR)):
        ends = view.to_tile(np.array([diameter.start, diameter.end])) + corner
        _draw_diameter(pen, ends, color)
        _draw_length(pen, ends, f"{diameter.length:.1f} {'mm' if known else 'px'}", color, spots)
    _draw_scale(pen, scale, known)
    _draw_sides(pen, scan)
    return tile.resize((_TILE, _TILE), Image.Resampling.BOX)


def _around(item: _Shown, scan: Scan) -> tuple[View, float]:
    """The part of the slice around a lesion, and drawn pixels per mm (or per pixel)."""
    spacing = scan.spacing_mm or (1.0, 1.0, 1.0)
    size = np.array(spacing[1:])
    first, last = np.array(item.lesion.first[1:]), np.array(item.lesion.last[1:])
    middle = (first + last + 1) / 2
    wanted = max(_NARROWEST_MM, _ROOM * float(((last - first + 1) * size).max()))
    half = wanted / 2 / size
    shape = np.array(scan.shape[1:])
    low = np.clip(np.floor(middle - half), 0, shape - 1).astype(int)
    high = np.clip(np.ceil(middle + half), low + 1, shape).astype(int)
    shown = (high - low) * size
    scale = _TILE * _FINE / float(shown.max())
    height, wide = (max(1, round(float(length * scale))) for length in shown)
    return View(int(low[0]), int(low[1]), int(high[0]), int(high[1]), wide, height), scale


def _draw_diameter(pen: Pen, ends: np.ndarray, color: tuple[int, int, int]) -> None:
    along = ends[1] - ends[0]
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6) * 8 * _FINE
    strokes = [ends, *(np.stack([end - across, end + across]) for end in ends)]
    for shade, wide in (((0, 0, 0), 4 * _FINE), (color, 2 * _FINE)):
        for stroke in strokes:
            pen.line([tuple(point) for point in stroke.tolist()], shade, wide)


def _draw_length(
    pen: Pen, ends: np.ndarray, text: str, color: tuple[int, int, int], spots: list[tuple[float, float]]
) -> None:
    """Write the length beyond one end of its line, within the tile and away from other text."""
    size = 15 * _FINE
    wide = width(text, size)
    along = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-6)
    full = _TILE * _FINE
    positions = []
    for end, away in ((ends[1], along), (ends[0], -along)):
        x, y = end + away * (abs(away[0]) * wide / 2 + abs(away[1]) * size / 2 + 10 * _FINE)
        fitted = float(np.clip(x, wide / 2 + 6, full - wide / 2 - 6)), float(np.clip(y, size, full - size))
        clear = min((abs(fitted[0] - a) / 3 + abs(fitted[1] - b) for a, b in spots), default=full)
        positions.append((min(clear, 4 * size) - abs(fitted[0] - x) - abs(fitted[1] - y), fitted))
    x, y = max(positions)[1]
    spots.append((x, y))
    pen.text((x, y), text, color, font_of(size), anchor="mm", stroke_width=2 * _FINE, stroke_fill=(0, 0, 0))


def _draw_scale(pen: Pen, scale: float, known: bool) -> None:
    """A bar of 10 mm (or pixels) in the lower left corner."""
    left, bottom = 12 * _FINE, (_TILE - 12) * _FINE
    for shade, wide in (((0, 0, 0), 5 * _FINE), (_BRIGHT, 3 * _FINE)):
        pen.line([(left, bottom), (left + 10 * scale, bottom)], shade, wide)
    text = "10 mm" if known else "10 px"
    position = (left, bottom - 6 * _FINE)
    pen.text(position, text, _BRIGHT, font_of(12 * _FINE), anchor="ls", stroke_width=2 * _FINE, stroke_fill=(0, 0, 0))


def _draw_sides(pen: Pen, scan: Scan) -> None:
    """Label the patient's sides at the edges where the file states them."""
    if scan.affine is None:
        return
    middle, near, far = _TILE * _FINE / 2, 10 * _FINE, (_TILE - 10) * _FINE
    for axis, spots in ((0, ((near, middle), (far, middle))), (1, ((middle, near), (middle, far)))):
        direction = scan.affine[:3, axis]
        main = int(np.abs(direction).argmax())
        letters = ("LR", "PA", "IS")[main]
        for letter, spot in zip(letters if direction[main] > 0 else letters[::-1], spots, strict=True):
            pen.text(spot, letter, _MUTED, font_of(13 * _FINE), anchor="mm", stroke_width=2, stroke_fill=(0, 0, 0))
