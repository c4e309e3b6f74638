"""The two diameters of a lesion in one slice, as RANO takes them.

RANO sizes a lesion by the product of its longest diameter in the acquired plane and the
longest diameter at a right angle to it, both in one slice (Macdonald 1990; Wen 2010, 2023).
It is written for a reader with calipers; what it means for a mask is settled here.

*Edges.* The contour runs half-way between the centers of neighboring pixels of which one is
in the lesion (marching squares at level 0.5): IBSI's and PyRadiomics' diameters are taken
from the same contour. So a single pixel of 1 mm is 1 mm long, and a row of five 5 mm. On the
masks of random ellipses each end is less than half a pixel from the true one, which is not
so for the pixels' centers or their corners.

*Longest.* The longest straight line between two points of the contour, the largest Feret
diameter.

*Perpendicular.* The longest straight line at a right angle to it that stays within the
lesion: "the cystic or surgical cavity should not be measured" (Wen 2010). The program
of Chang 2019, whose diameters were compared with readers', requires the same.

*Where the longest line leaves the lesion* (a ring, a horseshoe), :attr:`Diameters.crosses_gap` is
true: such lesions "should be considered nonmeasurable" (Wen 2010).

*Slice.* The one with the largest product.

References: Macdonald et al., J Clin Oncol 1990;8:1277. Wen et al., J Clin Oncol 2010;28:1963.
Wen et al., J Clin Oncol 2023;41:5187. Chang et al., Neuro Oncol 2019;21:1412.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MOST_OUTSIDE = 0.1
"""So much of the longest line may be outside: the steps of a slanting edge cut into it."""

_FINEST = 1e-6
"""Lines nearer to each other than this are one, in the unit of the pixel size."""

# The contour within each square of four pixel centers. Corners are numbered 1 (top left),
# 2 (top right), 4 (bottom right), 8 (bottom left); their sum over the lesion's pixels is the
# square's code. A line joins the middles of two sides where it cuts one of these codes apart.
# Pixels that touch by a corner belong together (5 and 10), as they do in a lesion.
_TOP, _RIGHT, _BOTTOM, _LEFT = (-1.0, -0.5), (-0.5, 0.0), (0.0, -0.5), (-0.5, -1.0)
_LINES = {
    (_TOP, _RIGHT): (2, 13, 5),
    (_RIGHT, _BOTTOM): (4, 11, 10),
    (_BOTTOM, _LEFT): (8, 7, 5),
    (_LEFT, _TOP): (1, 14, 10),
    (_TOP, _BOTTOM): (6, 9),
    (_LEFT, _RIGHT): (3, 12),
}
_LINES_OF = [
    np.array([line for line, codes in _LINES.items() if code in codes]).reshape(-1, 2, 2) for code in range(16)
]

_WAYS = np.stack([np.cos(np.arange(8) * np.pi / 8), np.sin(np.arange(8) * np.pi / 8)])
_BETWEEN = np.cos(np.pi / 16) ** 2
"""Any direction is within 1/16 of a half turn of one of eight, and its perpendicular of that one's."""


@dataclass(frozen=True)
class Diameter:
    """A straight line from edge to edge of a lesion within one slice.

    Attributes:
        length: in millimeters where the pixel size is known, else in pixels.
        start, end: ``(row, column)`` of the end points; whole numbers are pixel centers.
    """

    length: float
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True)
class Diameters:
    """The longest in-plane diameter, and the longest at a right angle to it in the same slice.

    Attributes:
        slice: where they were taken, from zero.
        longest, perpendicular: the two lines.
        crosses_gap: whether the longest line leaves the lesion, as in a ring or a horseshoe.
    """

    slice: int
    longest: Diameter
    perpendicular: Diameter
    crosses_gap: bool = False

    @property
    def product(self) -> float:
        """RANO's bidimensional product, mm² (or square pixels)."""
        return self.longest.length * self.perpendicular.length


def find_diameters(
    mask: np.ndarray, pixel_size: tuple[float, float] = (1.0, 1.0), corner: tuple[int, int, int] = (0, 0, 0)
) -> Diameters:
    """RANO's two diameters of one lesion, in the slice where their product is largest.

    Args:
        mask: boolean ``(slice, row, column)``, not empty; all of it is one lesion.
        pixel_size: height and width of a pixel, in mm.
        corner: where the mask begins in the scan ``(slice, row, column)``; added to the result.

    >>> mask = np.zeros((1, 5, 6), bool)
    >>> mask[0, 1:4, 0:6] = True
    >>> found = find_diameters(mask, pixel_size=(1.0, 2.0))
    >>> round(found.longest.length, 2), round(found.perpendicular.length, 2)
    (12.17, 3.04)
    """
    size = np.array(pixel_size, float)
    boxes = [_box_area(part) * size.prod() for part in mask]
    best: tuple[float, int, np.ndarray, np.ndarray] | None = None
    for index in sorted(range(len(mask)), key=lambda index: -boxes[index]):
        if best is not None and 2 * boxes[index] <= best[0]:
            break  # the product of two lines at a right angle is at most twice the area around them
        lines = _contour(mask[index]) * size
        widths = np.ptp(lines.reshape(-1, 2) @ _WAYS, axis=0)
        if best is not None and (widths * np.roll(widths, 4)).max() <= best[0] * _BETWEEN:
            continue  # too narrow in all directions
        longest = _farthest(_hull(lines.reshape(-1, 2)))
        length = float(np.linalg.norm(longest[1] - longest[0]))
        across = np.array([longest[0, 1] - longest[1, 1], longest[1, 0] - longest[0, 0]]) / length
        chord = _longest_chord(lines, across)
        product = length * float(np.linalg.norm(chord[1] - chord[0]))
        if best is None or product > best[0]:
            best = (product, index, longest, chord)
    assert best is not None  # the mask is not empty
    _, index, longest, chord = best
    offset = np.array(corner[1:], float)
    return Diameters(
        slice=corner[0] + index,
        longest=_diameter(longest, size, offset),
        perpendicular=_diameter(chord, size, offset),
        crosses_gap=_share_inside(mask[index], longest / size) < 1 - _MOST_OUTSIDE,
    )


def _box_area(mask: np.ndarray) -> int:
    """Pixels in the box around ``(row, column)``."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(np.ptp(rows) + 1) * int(np.ptp(columns) + 1) if len(rows) else 0


def _contour(mask: np.ndarray) -> np.ndarray:
    """The contour of ``(row, column)`` as straight pieces ``(piece, end, row and column)``, in pixels."""
    padded = np.pad(mask, 1).view(np.uint8)
    code = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, 1:] + 8 * padded[1:, :-1]
    columns = code.shape[1]
    places = np.flatnonzero((code > 0) & (code < 15))
    codes = code.ravel()[places]
    corners = np.stack(np.divmod(places, columns), axis=1)
    pieces = [corners[codes == kind, None, None] + _LINES_OF[kind] for kind in np.unique(codes)]
    return np.concatenate([piece.reshape(-1, 2, 2) for piece in pieces])


def _hull(points: np.ndarray) -> np.ndarray:
    """Corners of the convex hull of ``(n, 2)`` by Andrew's monotone chain.

    SciPy's is as quick, but importing it costs more than all measuring does.
    """
    ordered = sorted(set(map(tuple, points.tolist())))
    corners: list[tuple[float, float]] = []
    for way in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for row, column in way:
            while len(chain) > 1:
                (row0, column0), (row1, column1) = chain[-2], chain[-1]
                if (row1 - row0) * (column - column0) > (column1 - column0) * (row - row0):
                    break
                chain.pop()
            chain.append((row, column))
        corners += chain[:-1]
    return np.array(corners)


def _farthest(corners: np.ndarray) -> np.ndarray:
    """The two of ``(n, 2)`` that are farthest apart."""
    apart = ((corners[:, None] - corners[None]) ** 2).sum(axis=2)
    one, other = np.unravel_index(int(apart.argmax()), apart.shape)
    return corners[[one, other]]


def _longest_chord(lines: np.ndarray, along: np.ndarray) -> np.ndarray:
    """The longest line in one direction that stays within a contour: two points ``(end, 2)``.

    Between two neighboring corners of the contour every line in that direction crosses the
    same pieces, so the length changes evenly and is longest at one of the two. Lines that go
    exactly through corners are left out: there parts would seem to join that only touch.

    Args:
        lines: pieces ``(piece, end, 2)`` of closed curves.
        along: unit vector.
    """
    across = np.array([along[1], -along[0]])
    place, height = np.round(lines @ across, 9), lines @ along
    levels = np.unique(place)
    low, high = (np.searchsorted(levels, bound) for bound in (place.min(axis=1), place.max(axis=1)))
    crossed = high - low
    piece = np.repeat(np.arange(len(lines)), crossed)
    band = np.arange(len(piece)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + low[piece]
    slope = (height[piece, 1] - height[piece, 0]) / (place[piece, 1] - place[piece, 0])
    sides = [height[piece, 0] + (levels[band + side] - place[piece, 0]) * slope for side in (0, 1)]
    # Every band's crossings go in and out of the lesion in turn.
    order = np.lexsort((sides[0] + sides[1], band))
    crossings = np.stack(sides)[:, order].reshape(2, -1, 2)
    wide = np.diff(levels)[band[order][::2]] > _FINEST
    length = np.where(wide, crossings[..., 1] - crossings[..., 0], 0)
    side, chord = np.unravel_index(int(length.argmax()), length.shape)
    level = levels[band[order][2 * chord] + side]
    return level * across + crossings[side, chord][:, None] * along


def _share_inside(mask: np.ndarray, line: np.ndarray) -> float:
    """The share of a line between two points ``(end, row and column)`` that is on pixels of the mask."""
    count = max(16, int(4 * np.linalg.norm(line[1] - line[0])))
    steps = (np.arange(count) + 0.5) / count
    places = np.rint(line[0] + steps[:, None] * (line[1] - line[0])).astype(int)
    places = np.clip(places, 0, np.array(mask.shape) - 1)
    return float(mask[places[:, 0], places[:, 1]].mean())


def _diameter(line: np.ndarray, size: np.ndarray, offset: np.ndarray) -> Diameter:
    (row0, column0), (row1, column1) = np.round(line / size + offset, 3).tolist()
    return Diameter(round(float(np.linalg.norm(line[1] - line[0])), 3), (row0, column0), (row1, column1))
