"""The separate lesions of a mask: how large each is, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import ndimage

from tumorscope.measuring.diameters import Diameters, find_diameters
from tumorscope.measuring.position import Midline, find_midline
from tumorscope.scan import Scan

_TOUCHING = ndimage.generate_binary_structure(3, 3)
"""Voxels that share a face, an edge or a corner belong to one lesion."""

MEASURABLE_MM = 10.0
"""RANO: both diameters of a measurable lesion are at least this long (Wen 2010, 2023)."""

_THICK_MM = 5.0
"""RANO: where slices are farther apart, both diameters must be twice that distance (Wen 2010)."""


@dataclass(frozen=True)
class Lesion:
    """One connected part of a mask.

    Attributes:
        voxels: how many.
        first, last: corners of the bounding box ``(slice, row, column)``, both inside.
        centre: mean position ``(slice, row, column)``.
        centre_mm: the same in millimetres, RAS+, or None without an affine.
        volume_mm3: voxels times the volume of the cell between their centres, so slice gaps are
            counted in; None without an affine.
        largest_slice: the slice with the largest area.
        tumor_probability: the largest presence probability among its slices.
        diameters: the longest in-plane diameter and the longest at a right angle to it, in mm, or
            in pixels without an affine.
        extent_mm: of the bounding box, edge to edge along ``(slice, row, column)``, slice gaps
            counted in; None without an affine.
        hemisphere: ``"left"``, ``"right"`` or ``"midline"`` of the patient; None where not known.
        midline_distance_mm: from the centre to the head's midline, None where not known.
    """

    voxels: int
    first: tuple[int, int, int]
    last: tuple[int, int, int]
    centre: tuple[float, float, float]
    centre_mm: tuple[float, float, float] | None
    volume_mm3: float | None
    largest_slice: int
    tumor_probability: float
    diameters: Diameters | None = None
    extent_mm: tuple[float, float, float] | None = None
    hemisphere: str | None = None
    midline_distance_mm: float | None = None

    @property
    def slice_count(self) -> int:
        """How many slices it reaches through."""
        return self.last[0] - self.first[0] + 1

    @property
    def measurable(self) -> bool | None:
        """Whether RANO would follow its size; None where the voxel size is not known."""
        return None if self.extent_mm is None or self.diameters is None else self.unmeasurable is None

    @property
    def unmeasurable(self) -> str | None:
        """Why RANO would not follow its size, in a few words; None where it would or that is not known.

        Both diameters are at least 10 mm, or twice the distance of the slices where that is
        over 5 mm; it is seen in two slices or more; and the longest diameter does not cross a
        cavity. That its margins are clear, no mask can say. Source: Wen et al., J Clin Oncol
        2010;28:1963, "Measurable and nonmeasurable disease".
        """
        if self.extent_mm is None or self.diameters is None:
            return None
        apart = self.extent_mm[0] / self.slice_count
        least = 2 * apart if apart > _THICK_MM else MEASURABLE_MM
        if min(self.diameters.longest.length, self.diameters.perpendicular.length) < least:
            return f"a diameter under {least:.4g} mm"
        if self.slice_count == 1:
            return "in one slice only"
        return None if self.diameters.inside else "its longest diameter crosses a gap"


def find_lesions(mask: np.ndarray, scan: Scan, slice_probability: np.ndarray) -> tuple[Lesion, ...]:
    """Connected components, the largest first.

    Args:
        mask: boolean ``(slice, row, column)`` on the scan's grid.
        scan: gives positions and sizes in millimetres where it knows them.
        slice_probability: ``(slice,)``.
    """
    marked = _bounding_box(mask)
    if marked is None:
        return ()
    corner = np.array([axis.start for axis in marked])
    labels, _ = label_lesions(mask[marked])
    spacing, volume = scan.spacing_mm, scan.voxel_volume_mm3
    midline = find_midline(scan)
    lesions = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        start = corner + [axis.start for axis in box]
        centre = np.argwhere(inside).mean(axis=0) + start
        areas = inside.sum(axis=(1, 2))
        centre_mm = _patient_position(scan, centre)
        hemisphere, distance = _side(midline, centre_mm)
        lesions.append(
            Lesion(
                voxels=int(areas.sum()),
                first=_triple(start),
                last=_triple(start + inside.shape - 1),
                centre=_position(centre),
                centre_mm=centre_mm,
                volume_mm3=None if volume is None else round(float(areas.sum() * volume), 2),
                largest_slice=int(start[0] + areas.argmax()),
                tumor_probability=float(slice_probability[start[0] : start[0] + len(inside)].max()),
                diameters=find_diameters(inside, (1.0, 1.0) if spacing is None else spacing[1:], _triple(start)),
                extent_mm=None if spacing is None else _position(np.array(inside.shape) * spacing),
                hemisphere=hemisphere,
                midline_distance_mm=distance,
            )
        )
    return tuple(sorted(lesions, key=lambda lesion: -lesion.voxels))


def label_lesions(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected components of ``(slice, row, column)`` from one, and count their voxels.

    Returns:
        Labels of the mask's shape, zero outside, and sizes ``(label,)``; ``sizes[0]`` is the outside.
    """
    labels = np.zeros(mask.shape, np.int32)
    box = _bounding_box(mask)
    if box is None:
        return labels, np.array([mask.size])
    inner, count = cast(tuple[np.ndarray, int], ndimage.label(mask[box], _TOUCHING))
    labels[box] = inner
    sizes = np.bincount(inner.ravel(), minlength=count + 1)
    sizes[0] += mask.size - inner.size
    return labels, sizes


def _bounding_box(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The part of a scan that holds anything: most of a scan is empty, and counting in it is slow."""
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(slices):
        return None
    kept = slice(slices[0], slices[-1] + 1)
    flat = np.any(mask[kept], axis=0)
    rows, columns = np.flatnonzero(np.any(flat, axis=1)), np.flatnonzero(np.any(flat, axis=0))
    return kept, slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _triple(values: np.ndarray) -> tuple[int, int, int]:
    slice_, row, column = (int(value) for value in values)
    return slice_, row, column


def _patient_position(scan: Scan, centre: np.ndarray) -> tuple[float, float, float] | None:
    if scan.affine is None:
        return None
    slice_, row, column = centre
    return _position(scan.affine @ (column, row, slice_, 1.0))


def _side(midline: Midline | None, centre: tuple[float, float, float] | None) -> tuple[str | None, float | None]:
    if midline is None or centre is None:
        return None, None
    return midline.hemisphere(centre), round(abs(midline.distance_mm(centre)), 1)


def _position(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 2) for value in values[:3])
    return first, second, third
