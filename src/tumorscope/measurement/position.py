"""Which side of the head a lesion is on: the head's own midline, found by its symmetry.

The scanner's ``x = 0`` is where the magnet is, not where the head is, and heads are shifted
and turned. So the plane is sought about which the head is most nearly its own mirror image
(Ardekani et al., IEEE Trans Med Imaging 1997;16:947): where it cuts the head from ear to ear,
and how far it is turned about the long axis (yaw) and tilted about the axis from front to
back (roll). Nothing is said where the file does not tell right from left, where the scan
shows too little of the head's width, or where nothing in it is symmetric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from weakref import WeakKeyDictionary

import numpy as np
from scipy import ndimage

from tumorscope.core.scan import SIDES_ASSUMED, Scan
from tumorscope.preprocessing.head import head_mask

MIDLINE_MM = 5.0
"""A center nearer to the plane than this is on the midline: the plane is not known more exactly."""

THIN_SLICE_MM = 4.0
"""Symmetry is sought on a grid about this coarse: the tumor matters little, and it is quick."""

_POINTS = 4000
_NARROWEST_MM = 80.0
"""Less of a head than this from side to side may be one half of it."""

_LOWEST_MM = 40.0
"""In a thinner stack of slices the roll cannot be seen; it is taken as none."""

_ALIKE = 0.5
"""The correlation of the two halves below which the head is not symmetric."""

_SHOWN = 0.6
"""So much of the head must have its mirror image within the scan."""

_STEPS = (8.0, 0.08, 0.08)
"""The first steps of the search: mm, then radians of yaw and roll. They are halved to a 32nd."""


@dataclass(frozen=True, eq=False)
class Midline:
    """The head's plane of symmetry, millimeters in RAS+.

    Attributes:
        normal: unit vector towards the patient's right.
        offset_mm: ``normal @ point`` for the points of the plane.
        likeness: correlation of the head with its mirror image.
    """

    normal: np.ndarray
    offset_mm: float
    likeness: float

    def distance_mm(self, point: tuple[float, float, float]) -> float:
        """Signed distance of a point, positive on the patient's right."""
        return float(self.normal @ np.asarray(point) - self.offset_mm)

    def laterality(self, point: tuple[float, float, float]) -> str:
        """``"right"``, ``"left"`` or, within :data:`MIDLINE_MM`, ``"midline"``."""
        distance = self.distance_mm(point)
        if abs(distance) < MIDLINE_MM:
            return "midline"
        return "right" if distance > 0 else "left"


_found: WeakKeyDictionary[Scan, Midline | None] = WeakKeyDictionary()


def find_midline(scan: Scan) -> Midline | None:
    """The plane between the halves of the head, or None where the scan does not show it.

    It is sought once per scan: every mask of a scan is measured with it.

    Args:
        scan: of any plane and any number of channels; the first with contrast is used.
    """
    if scan not in _found:
        _found[scan] = _seek_midline(scan)
    return _found[scan]


def _seek_midline(scan: Scan) -> Midline | None:
    if scan.affine is None or any(note.code == SIDES_ASSUMED.code for note in scan.notes):
        return None
    coarse, affine = _coarse(*_even(scan))
    if coarse.max() == coarse.min():
        return None
    head = head_mask(coarse[..., None])
    signal = _signal(coarse, head)
    points = _patient(np.argwhere(head), affine)
    # The head's own width and height, a few stray pixels left out.
    low, high = np.percentile(points, (1, 99), axis=0)
    if high[0] - low[0] < _NARROWEST_MM:
        return None
    center = np.array([np.median(points[:, 0]), *((low + high) / 2)[1:]])
    points = points[:: max(1, len(points) // _POINTS)]
    to_grid = np.linalg.inv(affine)
    homogeneous = np.c_[points, np.ones(len(points))].T
    place = to_grid @ homogeneous
    here = ndimage.map_coordinates(signal, place[2::-1], order=1, mode="nearest")

    def asymmetry(found: np.ndarray) -> float:
        normal, offset = _plane(found, center)
        mirror = np.eye(4)
        mirror[:3, :3] -= 2 * np.outer(normal, normal)
        mirror[:3, 3] = 2 * offset * normal
        place = to_grid @ mirror @ homogeneous
        there = ndimage.map_coordinates(signal, place[2::-1], order=1, mode="constant", cval=-1)
        shown = there >= 0  # positions outside the scan do not count
        if shown.mean() < _SHOWN or not there[shown].std() * here[shown].std():
            return 1.0
        return 1 - float(np.corrcoef(here[shown], there[shown])[0, 1])

    rolls = high[2] - low[2] >= _LOWEST_MM
    found, worst = _search(asymmetry, np.array(_STEPS) * (1, 1, rolls))
    if 1 - worst < _ALIKE:
        return None
    normal, offset = _plane(found, center)
    return Midline(normal, offset, 1 - worst)


def _even(scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    """The voxels as evenly spaced slices, each the nearest one, and their affine."""
    geometry = scan.geometry
    assert geometry is not None  # the caller has looked
    if geometry.is_even:
        return scan.voxels, geometry.affine
    slices, affine = geometry.even_planes()
    return scan.voxels[slices], affine


def _coarse(voxels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One channel ``(slice, row, column)`` averaged to about :data:`THIN_SLICE_MM`, and its affine."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    shape = voxels.shape[:3]
    steps = [max(1, min(round(THIN_SLICE_MM / length), count)) for length, count in zip(lengths, shape, strict=True)]
    # Of long blocks two voxels along each axis are average enough.
    taken = [(0, step // 2) if step >= 4 else tuple(range(step)) for step in steps]
    counts = [count // step for count, step in zip(shape, steps, strict=True)]
    few = voxels[::2, ::8, ::8]
    channel = next((index for index in range(voxels.shape[3]) if few[..., index].min() < few[..., index].max()), 0)
    total = np.zeros(counts, np.float32)
    for first in product(*taken):
        cut = tuple(
            slice(start, start + (count - 1) * step + 1, step)
            for start, count, step in zip(first, counts, steps, strict=True)
        )
        total += voxels[(*cut, channel)]
    scaled = affine.copy()
    for axis in range(3):  # column, row, slice
        scaled[:3, axis] *= steps[2 - axis]
        scaled[:3, 3] += affine[:3, axis] * np.mean(taken[2 - axis])
    return total / len(list(product(*taken))), scaled


def _signal(image: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Brightness over the air, from 0 to 1 at the head's median, slightly smoothed.

    What is brighter than most of the head, such as fat and many a tumor, counts like the rest.
    """
    air = np.median(image[~head]) if not head.all() else image.min()
    bright = np.abs(image - air)
    return ndimage.gaussian_filter(np.clip(bright / max(float(np.percentile(bright[head], 60)), 1e-6), 0, 1), 0.7)


def _patient(indices: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Voxels ``(n, slice row column)`` in millimeters ``(n, 3)``."""
    return indices[:, ::-1] @ affine[:3, :3].T + affine[:3, 3]


def _plane(found: np.ndarray, center: np.ndarray) -> tuple[np.ndarray, float]:
    """Normal and offset of the plane ``found[0]`` mm right of the center, turned and tilted."""
    shift, yaw, roll = found
    normal = np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])
    return normal, float(normal @ center + normal[0] * shift)


def _search(cost: Callable[[np.ndarray], float], steps: np.ndarray) -> tuple[np.ndarray, float]:
    """The lowest cost near zero by a search along the axes with ever smaller steps (Hooke and Jeeves 1961)."""
    found = np.zeros(len(steps))
    lowest = cost(found)
    for halving in range(6):
        better = True
        while better:
            better = False
            for axis in np.flatnonzero(steps):
                for sign in (1, -1):
                    tried = found.copy()
                    tried[axis] += sign * steps[axis] / 2**halving
                    value = cost(tried)
                    if value < lowest:
                        found, lowest, better = tried, value, True
                        break
    return found, lowest
