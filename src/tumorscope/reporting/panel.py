"""The image panel: MRI, true mask, predicted mask, and both masks on the MRI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tumorscope.core.scan import Scan
from tumorscope.inference.activation_maps import ActivationMap
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import COLORS, ENHANCING_TUMOR, TUMOR, Color
from tumorscope.reporting.agreement import on_grid
from tumorscope.reporting.slice_names import numbering_text, slice_text
from tumorscope.reporting.slice_selection import choose_slices
from tumorscope.reporting.tiles import (
    View,
    activation_tile,
    background_channel,
    frame_head,
    mask_tile,
    mri_tile,
    overlay_tile,
    shape_tile,
    sides,
    window,
)
from tumorscope.reporting.typography import font_of, write
from tumorscope.reporting.wording import area_text, clean, finding_line, probability_text, sequence_text

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from PIL.ImageDraw import ImageDraw as Pen

TRUE_COLOR = (255, 54, 48)
PREDICTED_COLOR = COLORS[TUMOR]
_BACKGROUND, _BRIGHT, _MUTED, _RULE = (15, 18, 22), (238, 241, 245), (158, 168, 180), (48, 54, 62)
_MARGIN, _GAP, _LABELS, _HEADER, _HEADINGS, _FOOTER = 24, 8, 148, 70, 30, 66
_NARROWEST = 760
"""Room for the title and the notice."""
_LOWEST = 112
"""Room for a row's label."""

Column = Literal["mri", "truth", "predicted", "mri_truth", "mri_predicted", "part", "activation"]
_HEADING: dict[Column, str] = {
    "mri": "MRI",
    "truth": "True mask",
    "predicted": "Predicted mask",
    "mri_truth": "MRI with true mask",
    "mri_predicted": "MRI with predicted mask",
    "part": "With enhancing tumor",
    "activation": "Activation map",
}


@dataclass(frozen=True)
class Layout:
    """Positions on a panel, in pixels from its top left corner."""

    columns: tuple[Column, ...]
    rows: int
    tile_width: int
    tile_height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the panel."""
        right = self.corner(0, len(self.columns) - 1)[0] + self.tile_width + _MARGIN
        bottom = self.corner(self.rows, 0)[1] - _GAP + _FOOTER
        return max(right, _NARROWEST), bottom

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Left and top of a tile."""
        left = _MARGIN + _LABELS + column * (self.tile_width + _GAP)
        return left, _HEADER + _HEADINGS + row * (max(self.tile_height, _LOWEST) + _GAP)


def draw_panel(analysis: Analysis, truth: np.ndarray | None = None, slices: int = 4) -> PillowImage:
    """Draw the most representative slices, one per row.

    With a true mask every row has five images: MRI, true mask, predicted mask, MRI with
    the true mask in red, MRI with the predicted mask in green. Without, it has three. A label
    inside the whole tumor is drawn in its own color and adds an image of its own sequence; an
    activation map, where requested, adds one.

    Args:
        analysis: the findings.
        truth: boolean ``(slice, row, column)`` on the scan's grid, or None.
        slices: how many at most.

    Returns:
        An RGB image.

    Raises:
        TumorscopeError: the true mask has another shape than the scan.
    """
    from PIL import Image, ImageDraw

    scan = analysis.scan
    if truth is not None:
        truth = on_grid(truth, scan)
    chosen = choose_slices(analysis, truth, slices)
    masks = [analysis.mask] if truth is None else [analysis.mask, truth]
    channel = background_channel(scan, analysis.bundle.card.inputs.sequences)
    view = frame_head(scan, channel, chosen, *masks)
    layout = Layout(_columns(analysis, truth), len(chosen), view.width, view.height)
    panel = Image.new("RGB", layout.size, _BACKGROUND)
    pen = ImageDraw.Draw(panel)
    _draw_frame(pen, analysis, layout)
    volume = scan.voxels[..., channel]
    limits = window(volume)
    shown = _on_another_sequence(analysis)
    part = None if shown is None else _PartColumn.of(shown, analysis.colors[shown.label])
    for row, index in enumerate(chosen):
        true = None if truth is None else truth[index]
        mri = mri_tile(volume[index], limits, view)
        tiles = _tiles(mri, analysis, index, true, view)
        if part is not None:
            tiles["part"] = part.tile(index, view)
        if analysis.activation is not None:
            tiles["activation"] = activation_tile(mri, analysis.activation.on_slice(index), view)
        for column, name in enumerate(layout.columns):
            panel.paste(tiles[name], layout.corner(row, column))
        _draw_sides(pen, scan, layout, row)
        _draw_label(pen, analysis, true, index, layout.corner(row, 0)[1])
    return panel


def draw_thumbnail(analysis: Analysis) -> PillowImage:
    """The most representative slice with every predicted mask, cropped to the head, without any text.

    Returns:
        An RGB image of at most one tile.
    """
    scan = analysis.scan
    chosen = choose_slices(analysis, None, 1)
    channel = background_channel(scan, analysis.bundle.card.inputs.sequences)
    view = frame_head(scan, channel, chosen, analysis.mask)
    mri = mri_tile(scan.voxels[chosen[0], ..., channel], window(scan.voxels[..., channel]), view)
    return _tiles(mri, analysis, chosen[0], None, view)["mri_predicted"]


def _columns(analysis: Analysis, truth: np.ndarray | None) -> tuple[Column, ...]:
    true, predicted = truth is not None, "mask" in analysis.bundle.card.outputs
    wanted: dict[Column, bool] = {
        "mri": True,
        "truth": true,
        "predicted": predicted,
        "mri_truth": true,
        "mri_predicted": predicted,
        "part": _on_another_sequence(analysis) is not None,
        "activation": analysis.activation is not None,
    }
    return tuple(column for column, shown in wanted.items() if shown)


def _on_another_sequence(analysis: Analysis) -> Analysis | None:
    """The label that another bundle segmented; compartments by one bundle are drawn into one column."""
    return next(iter(analysis.by_bundle[1:]), None)


@dataclass(frozen=True, eq=False)
class _PartColumn:
    """A label inside the whole tumor, on the sequence on which it was segmented."""

    part: Analysis
    color: Color
    channel: int
    limits: tuple[float, float]

    @classmethod
    def of(cls, part: Analysis, color: Color) -> _PartColumn:
        channel = background_channel(part.scan, part.bundle.card.inputs.sequences)
        return cls(part, color, channel, window(part.scan.voxels[..., channel]))

    def tile(self, index: int, view: View) -> PillowImage:
        mri = mri_tile(self.part.scan.voxels[index, :, :, self.channel], self.limits, view)
        return overlay_tile(mri, shape_tile(self.part.mask[index], view), self.color)


def _tiles(
    mri: PillowImage, analysis: Analysis, index: int, true: np.ndarray | None, view: View
) -> dict[Column, PillowImage]:
    colors = analysis.colors
    shapes = [(shape_tile(label.mask[index], view), colors[label.label]) for label in analysis.labels]
    predicted, overlaid = mask_tile(shapes[0][0]), mri
    for shape, color in shapes:
        overlaid = overlay_tile(overlaid, shape, color)
    for shape, color in shapes[1:]:
        predicted = overlay_tile(predicted, shape, color)
    tiles: dict[Column, PillowImage] = {"mri": mri, "predicted": predicted, "mri_predicted": overlaid}
    if true is not None:
        shape = shape_tile(true, view)
        tiles["truth"] = mask_tile(shape)
        tiles["mri_truth"] = overlay_tile(mri, shape, TRUE_COLOR)
    return tiles


def _draw_frame(pen: Pen, analysis: Analysis, layout: Layout) -> None:
    """Everything around the tiles: title, finding, column headings, legend, notice."""
    width, height = layout.size
    room = width - 2 * _MARGIN
    write(pen, (_MARGIN, 30), clean(analysis.scan.case), 23, _BRIGHT, room)
    write(pen, (_MARGIN, 55), finding_line(analysis), 15, _MUTED, room)
    pen.line([(_MARGIN, _HEADER), (width - _MARGIN, _HEADER)], _RULE)
    for column, name in enumerate(layout.columns):
        left, top = layout.corner(0, column)
        heading = _HEADING[name]
        used = analysis.bundle.card.inputs.sequences
        sequence = analysis.scan.sequences[background_channel(analysis.scan, used)]
        if name == "mri" and sequence != "unknown":
            heading += f" ({sequence_text(sequence)})"
        if name == "part":
            shown = background_channel(analysis.scan, analysis.by_bundle[1].bundle.card.inputs.sequences)
            heading = f"{sequence_text(analysis.scan.sequences[shown])}, {heading[0].lower()}{heading[1:]}"
        write(pen, (left, top - 9), heading, 14, _BRIGHT, layout.tile_width)
    left = _MARGIN
    legend: list[tuple[Column, tuple[int, int, int], str]] = [("mri_truth", TRUE_COLOR, "true mask")]
    for label in analysis.labels:
        legend.append(
            ("mri_predicted", analysis.colors[label.label], label.label if analysis.parts else "predicted mask")
        )
    for name, color, text in legend:
        if name in layout.columns:
            pen.rectangle([left, height - 52, left + 12, height - 40], tuple(part // 3 for part in color), color)
            left += 20 + round(write(pen, (left + 20, height - 41), text, 13, _BRIGHT, room)) + 24
    notes = ["cropped to the head", *([numbering_text(analysis.scan)] if len(analysis.slices) > 1 else [])]
    if analysis.activation is not None:
        notes.append(f"warm: contributions to {_question(analysis.activation)}")
    write(pen, (left, height - 41), "; ".join(notes), 13, _MUTED, width - left)
    write(pen, (_MARGIN, height - 16), analysis.notice, 13, _BRIGHT, room)


def _question(activation: ActivationMap) -> str:
    return "a tumor" if activation.question == "presence" else "the likeliest type"


def _draw_label(pen: Pen, analysis: Analysis, true: np.ndarray | None, index: int, top: int) -> None:
    """The values of one slice, beside its tiles."""
    finding, area = analysis.slices[index], analysis.scan.pixel_area_mm2
    lines = [(slice_text(analysis.scan, index), 17, _BRIGHT)]
    if finding.name:
        lines.append((clean(finding.name, 18), 12, _MUTED))
    lines.append((f"probability {probability_text(finding.tumor_probability)}", 13, _BRIGHT))
    if "mask" in analysis.bundle.card.outputs:
        lines.append((f"predicted {area_text(finding.area_px, finding.area_mm2)}", 13, PREDICTED_COLOR))
    for part in analysis.parts:
        inside = part.slices[index]
        named = "enhancing" if part.label == ENHANCING_TUMOR else clean(part.label, 18)
        lines.append((f"{named} {area_text(inside.area_px, inside.area_mm2)}", 13, analysis.colors[part.label]))
    if finding.type_probabilities and analysis.tumor_type is not None:
        likeliest = max(finding.type_probabilities.items(), key=lambda item: item[1])
        lines.append((f"{likeliest[0]} {probability_text(likeliest[1])}", 13, _BRIGHT))
    if true is not None:
        pixels = int(np.count_nonzero(true))
        lines.append((f"true {area_text(pixels, None if area is None else pixels * area)}", 13, TRUE_COLOR))
    baseline = top - 4
    for text, size, color in lines:
        baseline += size + 7
        write(pen, (_MARGIN, baseline), text, size, color, _LABELS - 12)


def _draw_sides(pen: Pen, scan: Scan, layout: Layout, row: int) -> None:
    """Label the patient's sides on the MRI where the file states them."""
    named = sides(scan)
    if named is None:
        return
    left, top = layout.corner(row, 0)
    middle = top + layout.tile_height // 2
    pen.text((left + 5, middle), named.left, _MUTED, font_of(13), anchor="lm")
    pen.text((left + layout.tile_width - 5, middle), named.right, _MUTED, font_of(13), anchor="rm")
