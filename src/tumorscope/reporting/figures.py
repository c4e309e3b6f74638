"""Figures as SVG, the same on screen and on paper.

Lines are legible in gray, too: each has a dark casing, the predicted mask is a solid line, the enhancing tumor
dashes and dots, other compartments short dashes, the true mask a dashed line, and half of an activation map's maximum a dotted one.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tumorscope.reporting.diameter_lines import Line
from tumorscope.reporting.png import encode_png
from tumorscope.reporting.templating import render
from tumorscope.reporting.tiles import Sides

if TYPE_CHECKING:
    from markupsafe import Markup
    from PIL.Image import Image as PillowImage

WIDTH = 720
"""Width of a figure in its own units, a quarter of a millimeter each on A4."""


@dataclass(frozen=True)
class Figure:
    """A figure with its alternative text and its caption."""

    name: str
    svg: Markup
    alt: str
    caption: str


@dataclass(frozen=True)
class Contour:
    """An SVG path around a mask, or where an activation map reaches half of its maximum; None is its kind's color."""

    path: str
    kind: Literal["predicted", "enhancing", "part", "true", "half"]
    color: str | None = None


@dataclass(frozen=True)
class Tile:
    """One image of a figure and its annotations, in the figure's units.

    Attributes:
        x, y, width, height: position and size.
        image: a data URI.
        above, below: text.
        contours, lines: relative to the tile's top left corner.
        sides: of the patient, where they are labeled.
        bar: length of the scale bar and its label.
    """

    x: float
    y: float
    width: float
    height: float
    image: str
    above: str = ""
    below: str = ""
    contours: tuple[Contour, ...] = ()
    lines: tuple[Line, ...] = ()
    sides: Sides | None = None
    bar: tuple[float, str] | None = None


def data_uri(image: PillowImage, *, gray: bool = False) -> str:
    content = encode_png(image.convert("L") if gray else image)
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def draw_slices(
    tiles: Sequence[Tile], height: float, *, heat: tuple[str, ...] = (), heat_x: float = 0, heat_height: float = 0
) -> Markup:
    values = {"heat": heat, "heat_x": heat_x, "heat_height": heat_height}
    return render("slices.svg.j2", "html", tiles=tiles, width=WIDTH, height=round(height, 1), **values)
