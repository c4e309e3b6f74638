"""Text on images, in the font that comes with Pillow."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw as Pen
    from PIL.ImageFont import FreeTypeFont, ImageFont

_RAISED = {"²": "2", "³": "3"}
"""The font lacks these; they are drawn as small raised digits."""
_DRAWABLE = frozenset("·…") | frozenset(_RAISED)
_SIMILAR = str.maketrans({"–": "-", "—": "-", "−": "-", "×": "x", "≥": ">", "≤": "<"})


def write(pen: Pen, position: tuple[int, int], text: str, size: int, color: tuple[int, ...], room: float) -> float:
    """Write a line on its baseline, shortened to the available room; return its width.

    Args:
        pen: draws on the image.
        position: left end and baseline.
        text: characters that the font lacks lose their accents or become ``?``.
        size: of the letters, in pixels.
        color: RGB.
        room: in pixels.
    """
    text = drawable(text)
    while len(text) > 1 and width(text, size) > room:
        text = text[:-2].rstrip() + "…"
    left, baseline = float(position[0]), position[1]
    for part, raised in _parts(text):
        font = font_of(_raised_size(size) if raised else size)
        pen.text((left, baseline - (size * 0.38 if raised else 0)), part, color, font, anchor="ls")
        left += font.getlength(part)
    return left - position[0]


def width(text: str, size: int) -> float:
    """Width of a drawable line in pixels."""
    return sum(font_of(_raised_size(size) if raised else size).getlength(part) for part, raised in _parts(text))


def drawable(text: str) -> str:
    """The text in characters that the font has.

    >>> drawable("Müller – 12 mm²")
    'Muller - 12 mm²'
    """
    signs = []
    for sign in text.translate(_SIMILAR):
        base = sign if sign in _DRAWABLE else unicodedata.normalize("NFKD", sign)
        signs.append("".join(part for part in base if not unicodedata.combining(part)))
    return "".join(sign if sign in _DRAWABLE or " " <= sign <= "~" else "?" for sign in "".join(signs))


@cache
def font_of(size: int) -> FreeTypeFont | ImageFont:
    """Pillow's own font; a small bitmap font where Pillow was built without FreeType."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _raised_size(size: int) -> int:
    return max(8, round(size * 0.66))


def _parts(text: str) -> list[tuple[str, bool]]:
    """The text split at raised digits, and whether each part is raised."""
    parts: list[tuple[str, bool]] = []
    for sign in text:
        raised = sign in _RAISED
        sign = _RAISED.get(sign, sign)
        if parts and parts[-1][1] == raised:
            parts[-1] = (parts[-1][0] + sign, raised)
        else:
            parts.append((sign, raised))
    return parts
