"""The report's figures of slices: which are shown, with contours, diameters and activation maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import ENHANCING_TUMOR, TUMOR, color_name
from tumorscope.measurement.lesions import Lesion
from tumorscope.reporting.contour_lines import contour_path
from tumorscope.reporting.diameter_lines import diameter_lines
from tumorscope.reporting.figures import WIDTH, Contour, Figure, Tile, data_uri, draw_slices
from tumorscope.reporting.slice_names import numbering_text, slice_text
from tumorscope.reporting.slice_selection import choose_slices
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
    from PIL.Image import Image as PillowImage

_KEY_HEIGHT, _STRIP_HEIGHT, _MAP_HEIGHT, _GAP, _LINE = 300, 132, 216, 12, 14
_FINENESS = 1.6
"""Pixels of the stored image per unit: about 160 per inch on paper."""
_STRIP = 5
_MAPS = 3
_MEASURED = 3
"""Lesions with diameters in one slice; more would overlap."""
_BARS_MM = (50, 20, 10, 5, 2, 1)


@dataclass(frozen=True, eq=False)
class Images:
    """What all figures of a report share: the slices shown, and how they are shown.

    Attributes:
        analysis: the findings.
        truth: boolean ``(slice, row, column)`` or None.
        key: the most representative slice.
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

    def gray(self, index: int, view: View) -> PillowImage:
        """One slice as RGB."""
        return mri_tile(self.analysis.scan.voxels[index, :, :, self.channel], self.limits, view)

    def contours(self, index: int, view: View) -> tuple[Contour, ...]:
        """The masks' contours on a slice."""
        found = [
            _contour(self.analysis, label, contour_path(label.mask[index], view)) for label in self.analysis.labels
        ]
        if self.truth is not None:
            found.append(Contour(contour_path(self.truth[index], view), "true"))
        return tuple(contour for contour in found if contour.path)


def _contour(analysis: Analysis, label: Analysis, path: str) -> Contour:
    if label.label == ENHANCING_TUMOR:
        return Contour(path, "enhancing")
    if label not in analysis.parts:
        return Contour(path, "predicted")
    return Contour(path, "part", "#{:02x}{:02x}{:02x}".format(*analysis.colors[label.label]))


def choose_images(analysis: Analysis, truth: np.ndarray | None = None) -> Images:
    """Choose what to show: the slice in which the largest lesion was measured, and further representative slices."""
    scan = analysis.scan
    key = _key_slice(analysis)
    chosen = choose_slices(analysis, truth, _STRIP + 1) if analysis.assessed else ()
    marked = analysis.mask if truth is None else analysis.mask | truth
    if marked.any():  # slices without a mask would add nothing
        chosen = tuple(index for index in chosen if marked[index].any())
    others = tuple(index for index in chosen if index != key)[:_STRIP]
    shown = tuple(sorted({key, *others}))
    channel = background_channel(scan, analysis.bundle.card.inputs.sequences)
    masks = [analysis.mask] if truth is None else [analysis.mask, truth]
    view = frame_head(scan, channel, shown, *masks)
    return Images(analysis, truth, key, others, channel, view, window(scan.voxels[..., channel]))


def key_figure(images: Images, name: str = "slices") -> Figure:
    """The key slice alone, and with contours and diameters.

    Args:
        images: what is shown, and how.
        name: of the figure; unique within a report.
    """
    analysis, key = images.analysis, images.key
    segmented = bool(images.contours(key, images.view))
    view = images.view.fitted((WIDTH - _GAP) / 2, _KEY_HEIGHT)
    measured = _measured(analysis, key)
    image = data_uri(images.gray(key, _finer(view)), gray=True)
    what = _slice_words(images, key)
    bar = _scale_bar(images, view)
    left = (WIDTH - (1 + segmented) * view.width - segmented * _GAP) / 2
    tiles = [Tile(left, _LINE, view.width, view.height, image, what, sides=sides(analysis.scan), bar=bar)]
    if segmented:
        tiles.append(
            Tile(
                left + view.width + _GAP,
                _LINE,
                view.width,
                view.height,
                image,
                "With contour and diameters" if measured else "With contour",
                contours=images.contours(key, view),
                lines=diameter_lines(measured, analysis, view),
            )
        )
    alt = f"{what}, cropped to the head."
    if measured:
        alt += f" With the contour and the diameters, {_diameters(measured, analysis)}."
    return Figure(name, draw_slices(tiles, _LINE + view.height + 4), alt, _key_caption(images, bool(measured)))


def further_figure(images: Images, name: str = "further") -> Figure | None:
    """A strip of further slices with contours; None where there are none.

    A figure of its own, so that the key slice fits on the first page below the findings.
    """
    if not images.others:
        return None
    view = images.view.fitted((WIDTH - (_STRIP - 1) * _GAP) / _STRIP, _STRIP_HEIGHT)
    what = "the area of the mask" if images.analysis.lesions else "their tumor probability"
    tiles, alt = _strip(images, view, 0), f"{_capital(_slices(images, images.others))}, with {what}."
    return Figure(name, draw_slices(tiles, view.height + _LINE + 4), alt, f"Further slices, with {what}.")


def activation_figure(images: Images, caption: str) -> Figure:
    """Activation maps on the key slice and further representative ones, with their scale."""
    analysis = images.analysis
    activation = analysis.activation
    assert activation is not None  # the caller has checked
    best = [index for index in choose_slices(analysis, images.truth, _MAPS) if index != images.key]
    chosen = sorted([images.key, *best[: _MAPS - 1]])
    room = WIDTH - 90
    view = images.view.fitted((room - (_MAPS - 1) * _GAP) / _MAPS, _MAP_HEIGHT)
    tiles, x = [], 0.0
    for index in chosen:
        words = slice_text(analysis.scan, index) if len(analysis.slices) > 1 else ""
        if activation.question == "type":
            words = f"{words}: {type_name(activation.predictions[index])}".removeprefix(": ")
        gray = images.gray(index, _finer(view))
        strength = activation.on_slice(index)
        warm = activation_tile(gray, strength, _finer(view))
        strongest = Contour(contour_path(strength >= 0.5, view), "half")
        predicted = [one for one in images.contours(index, view) if one.kind == "predicted"]
        contours = (*predicted, *([strongest] if strongest.path else []))
        tiles.append(Tile(x, 0, view.width, view.height, data_uri(warm), "", words, contours))
        x += view.width + _GAP
    caption += " Dotted line: where the map reaches half of its highest value."
    if analysis.mask[chosen].any():
        caption += " Solid line: the predicted mask."
    alt = f"{_capital(_slices(images, chosen))}, warm where contributions are largest. {caption}"
    heat = tuple(f"rgb{color}" for color in HEAT)
    svg = draw_slices(tiles, view.height + _LINE + 4, heat=heat, heat_x=x + 6, heat_height=min(120, view.height - 30))
    return Figure("activation", svg, alt, caption)


def _key_slice(analysis: Analysis) -> int:
    if analysis.lesions:
        largest = analysis.lesions[0]
        return largest.largest_slice if largest.diameters is None else largest.diameters.slice
    if analysis.assessed:
        return choose_slices(analysis, None, 1)[0]
    return len(analysis.slices) // 2


def _strip(images: Images, view: View, top: float) -> list[Tile]:
    """Further slices, side by side."""
    analysis = images.analysis
    left = (WIDTH - len(images.others) * view.width - (len(images.others) - 1) * _GAP) / 2
    tiles = []
    for position, index in enumerate(images.others):
        finding = analysis.slices[index]
        below = probability_text(finding.tumor_probability)
        if analysis.lesions:
            below = area_text(finding.area_px, finding.area_mm2) if finding.area_px else "no contour"
        tiles.append(
            Tile(
                left + position * (view.width + _GAP),
                top,
                view.width,
                view.height,
                data_uri(images.gray(index, _finer(view)), gray=True),
                below=f"{slice_text(analysis.scan, index)}: {below}",
                contours=images.contours(index, view),
            )
        )
    return tiles


def _key_caption(images: Images, measured: bool) -> str:
    analysis = images.analysis
    names = analysis.scan.slice_names
    file = f" ({clean(names[images.key], 60)})" if names else ""
    parts = [f"{_slice_words(images, images.key)}{file}, cropped to the head."]
    shown = sorted({images.key, *images.others})
    if analysis.mask[shown].any():
        parts += _mask_captions(analysis)
    if images.truth is not None and images.truth[shown].any():
        parts.append("Dashed line: the true mask.")
    if measured:
        which = "straight lines: the longest diameter and the longest perpendicular diameter"
        several = sum(lesion.diameters is not None for lesion in analysis.lesions) > 1
        parts.append(f"White {which}{', of the lesions measured in this slice' if several else ''}.")
    if sides(analysis.scan) is not None:
        parts.append("Letters name the patient's sides.")
    if len(analysis.slices) > 1:
        parts.append(f"{_capital(numbering_text(analysis.scan))}.")
    return " ".join(parts)


def _mask_captions(analysis: Analysis) -> list[str]:
    if analysis.label == TUMOR:
        return ["Solid line: the predicted mask."]
    lines = {
        part.label: f"{color_name(analysis.colors[part.label]).capitalize()} dashed line" for part in analysis.parts
    }
    lines |= {ENHANCING_TUMOR: "Magenta line of dashes and dots"}
    return [f"{lines.get(label.label, 'Solid line')}: the {label.label}." for label in analysis.labels if label.lesions]


def _slice_words(images: Images, index: int) -> str:
    scan = images.analysis.scan
    sequence = scan.sequences[images.channel]
    named = "" if sequence == "unknown" else f", {sequence_text(sequence)}"
    return f"{_capital(slice_text(scan, index))}{named}"


def _slices(images: Images, indices: Sequence[int]) -> str:
    return _listed([slice_text(images.analysis.scan, index) for index in indices])


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _measured(analysis: Analysis, index: int) -> list[Lesion]:
    """The largest lesions that were measured in a slice."""
    found = [one for one in analysis.lesions if one.diameters is not None and one.diameters.slice == index]
    return found[:_MEASURED]


def _diameters(lesions: Sequence[Lesion], analysis: Analysis) -> str:
    known = analysis.scan.affine is not None
    return _listed([diameters_text(one.diameters, known) for one in lesions if one.diameters is not None])


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _scale_bar(images: Images, view: View) -> tuple[float, str] | None:
    """The longest round length that spans at most a third of the image."""
    spacing = images.analysis.scan.spacing_mm
    if spacing is None:
        return None
    per_mm = view.width / ((view.right - view.left) * spacing[2])
    length = next((length for length in _BARS_MM if length * per_mm <= view.width / 3), None)
    return None if length is None else (round(length * per_mm, 1), length_text(length, known=True, digits=0))


def _finer(view: View) -> View:
    return view.fitted(view.width * _FINENESS, view.height * _FINENESS)
