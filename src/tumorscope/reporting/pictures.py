"""The report's pictures of slices: which are shown, and what is drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.analysis import Analysis
from tumorscope.measuring.lesions import Lesion
from tumorscope.reporting.calipers import caliper_lines
from tumorscope.reporting.choosing import choose_slices
from tumorscope.reporting.drawing import WIDTH, Figure, Outline, Tile, data_uri, draw_slices
from tumorscope.reporting.outlines import outline_path
from tumorscope.reporting.tiles import (
    HEAT,
    View,
    activation_tile,
    background_channel,
    frame_head,
    mri_tile,
    sides,
    window,
)
from tumorscope.reporting.wording import (
    area_text,
    clean,
    diameters_text,
    length_text,
    probability_text,
    sequence_text,
    type_name,
)

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_KEY_HEIGHT, _STRIP_HEIGHT, _MAP_HEIGHT, _GAP, _LINE = 340, 132, 216, 12, 14
_FINENESS = 1.6
"""Pixels of the stored picture to a unit: about 160 an inch on paper."""
_STRIP = 5
_MAPS = 3
_MEASURED = 3
"""Lesions that get calipers in one slice; more would hide each other."""
_BARS_MM = (50, 20, 10, 5, 2, 1)


@dataclass(frozen=True, eq=False)
class Pictures:
    """What all figures of a report draw from: the slices shown, and how they are shown.

    Attributes:
        analysis: what was found.
        truth: boolean ``(slice, row, column)`` or None.
        key: the slice that tells most.
        others: further slices, ascending.
        channel: the one that is shown.
        view: the part of the slices that is shown.
        limits: the values that become black and white.
    """

    analysis: Analysis
    truth: np.ndarray | None
    key: int
    others: tuple[int, ...]
    channel: int
    view: View
    limits: tuple[float, float]

    def grey(self, index: int, view: View) -> Picture:
        """One slice as RGB."""
        return mri_tile(self.analysis.scan.voxels[index, :, :, self.channel], self.limits, view)

    def outlines(self, index: int, view: View) -> tuple[Outline, ...]:
        """The masks' outlines on a slice."""
        found = [Outline(outline_path(self.analysis.mask[index], view), "predicted")]
        if self.truth is not None:
            found.append(Outline(outline_path(self.truth[index], view), "true"))
        return tuple(outline for outline in found if outline.path)


def choose_pictures(analysis: Analysis, truth: np.ndarray | None = None) -> Pictures:
    """Choose what to show: the slice in which the largest lesion was measured, and slices that tell of the rest."""
    scan = analysis.scan
    key = _key_slice(analysis)
    chosen = choose_slices(analysis, truth, _STRIP + 1) if analysis.judged else ()
    marked = analysis.mask if truth is None else analysis.mask | truth
    if marked.any():  # slices that fill the row up would tell nothing
        chosen = tuple(index for index in chosen if marked[index].any())
    others = tuple(index for index in chosen if index != key)[:_STRIP]
    shown = tuple(sorted({key, *others}))
    channel = background_channel(scan, analysis.bundle.card.inputs.sequences)
    masks = [analysis.mask] if truth is None else [analysis.mask, truth]
    view = frame_head(scan, channel, shown, *masks)
    return Pictures(analysis, truth, key, others, channel, view, window(scan.voxels[..., channel]))


def key_figure(pictures: Pictures) -> Figure:
    """The key slice as it is, the same with outlines and calipers, and a strip of further slices."""
    analysis, key = pictures.analysis, pictures.key
    outlined = bool(pictures.outlines(key, pictures.view))
    view = pictures.view.fitted((WIDTH - _GAP) / 2, _KEY_HEIGHT)
    measured = _measured(analysis, key)
    picture = data_uri(pictures.grey(key, _finer(view)), grey=True)
    what = _slice_words(pictures, key)
    bar = _scale_bar(pictures, view)
    left = (WIDTH - (1 + outlined) * view.width - outlined * _GAP) / 2
    tiles = [Tile(left, _LINE, view.width, view.height, picture, what, sides=sides(analysis.scan), bar=bar)]
    if outlined:
        tiles.append(
            Tile(
                left + view.width + _GAP,
                _LINE,
                view.width,
                view.height,
                picture,
                "With outline and diameters" if measured else "With outline",
                outlines=pictures.outlines(key, view),
                lines=caliper_lines(measured, analysis, view),
            )
        )
    bottom = _LINE + view.height + _LINE / 2
    if pictures.others:
        strip = pictures.view.fitted((WIDTH - (_STRIP - 1) * _GAP) / _STRIP, _STRIP_HEIGHT)
        tiles += _strip(pictures, strip, bottom)
        bottom += strip.height + _LINE + 4
    alt = f"{what}, cropped to the head."
    if measured:
        alt += f" Drawn on it: the outline and the diameters, {_diameters(measured, analysis)}."
    if pictures.others:
        alt += f" Below it: {_listed([f'slice {index}' for index in pictures.others])}."
    return Figure("slices", draw_slices(tiles, bottom), alt, _key_caption(pictures, bool(measured)))


def activation_figure(pictures: Pictures, caption: str) -> Figure:
    """Activation maps on the key slice and on further ones that show most, with their scale."""
    analysis = pictures.analysis
    activation = analysis.activation
    assert activation is not None  # asked only where there is one
    best = [index for index in choose_slices(analysis, pictures.truth, _MAPS) if index != pictures.key]
    chosen = sorted([pictures.key, *best[: _MAPS - 1]])
    room = WIDTH - 90
    view = pictures.view.fitted((room - (_MAPS - 1) * _GAP) / _MAPS, _MAP_HEIGHT)
    tiles, x = [], 0.0
    for index in chosen:
        words = f"slice {index}" if len(analysis.slices) > 1 else ""
        if activation.question == "type":
            words = f"{words}: {type_name(activation.answers[index])}".removeprefix(": ")
        grey = pictures.grey(index, _finer(view))
        strength = activation.on_slice(index)
        warm = activation_tile(grey, strength, _finer(view))
        strongest = Outline(outline_path(strength >= 0.5, view), "half")
        predicted = [one for one in pictures.outlines(index, view) if one.kind == "predicted"]
        outlines = (*predicted, *([strongest] if strongest.path else []))
        tiles.append(Tile(x, 0, view.width, view.height, data_uri(warm), "", words, outlines))
        x += view.width + _GAP
    caption += " Dotted line: where the map reaches half of its highest value."
    if analysis.mask[chosen].any():
        caption += " Solid line: the predicted mask."
    alt = f"{_listed([f'slice {index}' for index in chosen])}, warm where the network found most evidence. {caption}"
    heat = tuple(f"rgb{colour}" for colour in HEAT)
    svg = draw_slices(tiles, view.height + _LINE + 4, heat=heat, heat_x=x + 6, heat_height=min(120, view.height - 30))
    return Figure("activation", svg, alt, caption)


def _key_slice(analysis: Analysis) -> int:
    if analysis.lesions:
        largest = analysis.lesions[0]
        return largest.largest_slice if largest.diameters is None else largest.diameters.slice
    if analysis.judged:
        return choose_slices(analysis, None, 1)[0]
    return len(analysis.slices) // 2


def _strip(pictures: Pictures, view: View, top: float) -> list[Tile]:
    """Further slices, side by side."""
    analysis = pictures.analysis
    left = (WIDTH - len(pictures.others) * view.width - (len(pictures.others) - 1) * _GAP) / 2
    tiles = []
    for place, index in enumerate(pictures.others):
        finding = analysis.slices[index]
        said = probability_text(finding.tumor_probability)
        if analysis.lesions:
            said = area_text(finding.area_px, finding.area_mm2) if finding.area_px else "no outline"
        tiles.append(
            Tile(
                left + place * (view.width + _GAP),
                top,
                view.width,
                view.height,
                data_uri(pictures.grey(index, _finer(view)), grey=True),
                below=f"slice {index}: {said}",
                outlines=pictures.outlines(index, view),
            )
        )
    return tiles


def _key_caption(pictures: Pictures, measured: bool) -> str:
    analysis = pictures.analysis
    names = analysis.scan.slice_names
    file = f" ({clean(names[pictures.key], 60)})" if names else ""
    parts = [f"{_slice_words(pictures, pictures.key)}{file}, cropped to the head."]
    shown = sorted({pictures.key, *pictures.others})
    if analysis.mask[shown].any():
        parts.append("Solid line: the predicted mask.")
    if pictures.truth is not None and pictures.truth[shown].any():
        parts.append("Dashed line: the true mask.")
    if measured:
        which = "straight lines: the longest diameter and the longest one at a right angle to it"
        several = sum(lesion.diameters is not None for lesion in analysis.lesions) > 1
        parts.append(f"White {which}{', of the lesions measured in this slice' if several else ''}.")
    if pictures.others:
        what = "the area of the mask" if analysis.lesions else "their tumour probability"
        parts.append(f"Below: further slices, with {what}.")
    if sides(analysis.scan) is not None:
        parts.append("Letters name the patient's sides.")
    if len(analysis.slices) > 1:
        parts.append("Slices are counted from 0.")
    return " ".join(parts)


def _slice_words(pictures: Pictures, index: int) -> str:
    scan = pictures.analysis.scan
    sequence = scan.sequences[pictures.channel]
    named = "" if sequence == "unknown" else f", {sequence_text(sequence)}"
    return f"The picture{named}" if len(pictures.analysis.slices) == 1 else f"Slice {index}{named}"


def _measured(analysis: Analysis, index: int) -> list[Lesion]:
    """The largest lesions whose diameters were taken in a slice."""
    found = [one for one in analysis.lesions if one.diameters is not None and one.diameters.slice == index]
    return found[:_MEASURED]


def _diameters(lesions: Sequence[Lesion], analysis: Analysis) -> str:
    known = analysis.scan.affine is not None
    return _listed([diameters_text(one.diameters, known) for one in lesions if one.diameters is not None])


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _scale_bar(pictures: Pictures, view: View) -> tuple[float, str] | None:
    """The longest round length that takes up to a third of the picture."""
    spacing = pictures.analysis.scan.spacing_mm
    if spacing is None:
        return None
    per_mm = view.width / ((view.right - view.left) * spacing[2])
    length = next((length for length in _BARS_MM if length * per_mm <= view.width / 3), None)
    return None if length is None else (round(length * per_mm, 1), length_text(length, known=True, digits=0))


def _finer(view: View) -> View:
    return view.fitted(view.width * _FINENESS, view.height * _FINENESS)
