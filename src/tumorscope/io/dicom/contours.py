"""Contours around the pixels of one slice, and the pixels inside contours.

Points are ``(row, column)`` in pixels; whole numbers are pixel centers. Contours run a quarter of a pixel outside the
centers of the pixels that they enclose, along rows and columns: programs that round points to pixels, programs that
take the pixels whose centers are inside, and programs that scan row by row all find the same pixels, since no point
is on a center or half-way between two.

A hole is joined to the rim as a keyhole: programs differ in what a contour inside another one means, but not here.
The bridge runs half-way between two rows of pixels that are inside, so it crosses no center.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from tumorscope.core.geometry import SAME_POSITION

_OUTSIDE = 0.25
"""How far outside the pixel centers contours run."""

_SIDES = (((0, 0), (0, 1)), ((0, 1), (1, 1)), ((1, 1), (1, 0)), ((1, 0), (0, 0)))
"""Start and end of a cell's upper, right, lower and left side, in cells; the cell is always on the same hand."""

Point = tuple[int, int, int]
"""Row and column in quarters of a pixel; then which pass of a bridge it is on, 0 for none."""


def trace_contours(mask: np.ndarray) -> list[np.ndarray]:
    """The contours of a mask ``(row, column)``.

    Returns:
        For each part whose pixels share sides a closed polygon ``(point, 2)``; the last point is joined to the first.

    >>> trace_contours(np.array([[0, 1, 1]]))[0].tolist()
    [[0.25, 0.75], [-0.25, 0.75], [-0.25, 2.25], [0.25, 2.25]]
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return []
    corner = np.array([rows[0], columns[0]])
    labels, _count = ndimage.label(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])  # type: ignore[misc]
    return [
        _contour(labels[box] == number) + corner + [axis.start for axis in box]
        for number, box in enumerate(ndimage.find_objects(labels), start=1)
    ]


def fill_contours(contours: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The pixels of one slice that contours enclose.

    A pixel is inside where an odd number of contours is around its center, so that one inside another is a hole; and
    where a contour passes its center within rounding. A contour of one point is a pixel, of two points a line.

    Args:
        contours: closed polygons ``(point, 2)``; copies of one count once.
        shape: ``(rows, columns)``; what is beyond is left out.

    Returns:
        Boolean ``(row, column)``.
    """
    distinct = {contour.tobytes(): contour for contour in contours}.values()
    polygons = [contour for contour in distinct if len(contour) > 2]
    starts = np.concatenate([*polygons, np.empty((0, 2))])
    ends = np.concatenate([*(np.roll(contour, -1, axis=0) for contour in polygons), np.empty((0, 2))])
    mask = _enclosed(starts, ends, shape)
    _mark(mask, _passed_centers(starts, ends, shape, along=0))
    _mark(mask, _passed_centers(starts, ends, shape, along=1))
    for contour in distinct:
        if len(contour) <= 2:
            _mark(mask, _line(contour))
    return mask


def _contour(part: np.ndarray) -> np.ndarray:
    """The contour ``(point, 2)`` of one part ``(row, column)``, along its rim and over bridges around its holes."""
    cells = _cells(part)
    following = _sides(cells)
    first = min(following)  # the uppermost corner is on the rim
    corners, known = tuple(following), set(_walk(following, first))
    for corner in corners:
        if corner not in known:
            hole = _walk(following, corner)
            known.update(hole)
            _bridge(following, cells, hole)
    loop = np.array(_walk(following, first))[:, :2]
    steps = np.sign(np.roll(loop, -1, axis=0) - loop)
    turns = (steps != np.roll(steps, 1, axis=0)).any(axis=1)
    # The side that closes the line runs along a row: plastimatch 1.9.4 misses one across rows on coronal and sagittal
    # series, with up to half of a lesion's pixels.
    return np.roll(loop[turns], 1, axis=0) / 4


def _cells(part: np.ndarray) -> np.ndarray:
    """Squares of half a pixel: one around each center, and between centers where all pixels around are inside."""
    rows, columns = part.shape
    cells = np.zeros((2 * rows - 1, 2 * columns - 1), bool)
    cells[::2, ::2] = part
    cells[1::2, ::2] = part[:-1] & part[1:]
    cells[::2, 1::2] = part[:, :-1] & part[:, 1:]
    cells[1::2, 1::2] = cells[1::2, :-1:2] & cells[1::2, 2::2]
    return cells


def _sides(cells: np.ndarray) -> dict[Point, Point]:
    """From each corner on a boundary of the cells the next one; no two sides begin at one corner."""
    padded = np.pad(cells, 1)
    beside = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    following: dict[Point, Point] = {}
    for neighbor, (start, end) in zip(beside, _SIDES, strict=True):
        sides = np.argwhere(cells & ~neighbor)
        following |= zip(_corners(sides + start), _corners(sides + end), strict=True)
    return following


def _corners(corners: np.ndarray) -> list[Point]:
    """Upper left corners of cells ``(corner, row and column)`` as points."""
    return [(row, column, 0) for row, column in (2 * corners - 1).tolist()]


def _walk(following: Mapping[Point, Point], first: Point) -> list[Point]:
    """The points of a closed line."""
    line, point = [first], following[first]
    while point != first:
        line.append(point)
        point = following[point]
    return line


def _bridge(following: dict[Point, Point], cells: np.ndarray, hole: Sequence[Point]) -> None:
    """Join a hole to what is left of it, the rim or another hole, by a line there and back.

    It begins at the upper end of the hole's left side, where it is half-way between two rows that are inside.
    """
    column, row = min((column, row) for row, column, _ in hole)
    cell_row, end = (row + 1) // 2, (column + 1) // 2
    outside = np.flatnonzero(~cells[cell_row, :end])
    landing = 2 * (int(outside[-1]) + 1 if len(outside) else 0) - 1
    level = row + 1
    hole_start, hole_end = (level - 1, column, 0), (level + 1, column, 0)  # down the hole's left side
    rim_start, rim_end = (level + 1, landing, 0), (level - 1, landing, 0)  # up the side that the bridge meets
    there, back = ((level, landing, 1), (level, column, 1)), ((level, column, 2), (level, landing, 2))
    following |= zip((rim_start, *there), (*there, hole_end), strict=True)
    following |= zip((hole_start, *back), (*back, rim_end), strict=True)


def _enclosed(starts: np.ndarray, ends: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose center is inside by the even-odd rule, counted along rows from the left."""
    rows, columns = shape
    first = np.clip(np.ceil(np.minimum(starts[:, 0], ends[:, 0])), 0, rows).astype(int)
    last = np.clip(np.ceil(np.maximum(starts[:, 0], ends[:, 0])), 0, rows).astype(int)
    side, row = _runs(first, last)
    slope = (ends[side, 1] - starts[side, 1]) / (ends[side, 0] - starts[side, 0])
    column = starts[side, 1] + (row - starts[side, 0]) * slope
    crossings = np.zeros((rows, columns + 1), int)
    np.add.at(crossings, (row, np.clip(np.ceil(column), 0, columns).astype(int)), 1)
    return np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1


def _passed_centers(starts: np.ndarray, ends: np.ndarray, shape: tuple[int, int], along: int) -> np.ndarray:
    """Pixels ``(pixel, 2)`` whose center a side passes within rounding, sought at whole rows (0) or columns (1)."""
    low, high = np.minimum(starts, ends)[:, along], np.maximum(starts, ends)[:, along]
    first = np.clip(np.ceil(low - SAME_POSITION), 0, shape[along]).astype(int)
    last = np.clip(np.floor(high + SAME_POSITION) + 1, 0, shape[along]).astype(int)
    side, level = _runs(first, last)
    length = (ends - starts)[side, along]
    share = np.clip((level - starts[side, along]) / np.where(length == 0, 1, length), 0, 1)
    points = starts[side] + share[:, None] * (ends - starts)[side]
    nearest = np.rint(points)
    return nearest[(np.abs(points - nearest) <= SAME_POSITION).all(axis=1)]


def _runs(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For ranges of whole numbers, ends excluded, the index of the range and each number in it."""
    counts = np.maximum(last - first, 0)
    index = np.repeat(np.arange(len(first)), counts)
    return index, np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[index]


def _line(points: np.ndarray) -> np.ndarray:
    """The pixels ``(pixel, 2)`` on a straight line between the first and the last point."""
    steps = int(np.ceil(np.abs(points[-1] - points[0]).max())) + 1
    return np.rint(np.linspace(points[0], points[-1], steps))


def _mark(mask: np.ndarray, pixels: np.ndarray) -> None:
    inside = pixels[((pixels >= 0) & (pixels < mask.shape)).all(axis=1)].astype(int)
    mask[inside[:, 0], inside[:, 1]] = True
