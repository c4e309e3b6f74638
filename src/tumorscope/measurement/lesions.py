"""The separate lesions of a mask: how large each is, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import ndimage

from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.measurement.diameters import Diameters, find_diameters
from tumorscope.measurement.location import LesionLocation
from tumorscope.measurement.position import Midline, find_midline

_TOUCHING = ndimage.generate_binary_structure(3, 3)
"""Voxels that share a face, an edge or a corner belong to one lesion."""

MEASURABLE_MM = 10.0
"""RANO: both diameters of a measurable lesion are at least this long (Wen 2010, 2023)."""

MOST_UNSEEN = 0.5
"""A volume of which more than this share is where slices are missing is a guess, and not given."""

_THICK_MM = 5.0
"""RANO: where slices are farther apart, both diameters must be twice that distance (Wen 2010)."""


@dataclass(frozen=True)
class Lesion:
    """One connected part of a mask.

    Attributes:
        voxels: how many.
        first, last: corners of the bounding box ``(slice, row, column)``, both inside.
        center: mean position ``(slice, row, column)``.
        center_mm: the same in millimeters, RAS+, or None without an affine; each slice counts for as
            much as it represents.
        volume_mm3: voxels times the volume of the cell between their centers, so slice gaps are
            counted in; None without an affine, or where more than half of it is in gaps between slices
            (:data:`MOST_UNSEEN`).
        largest_slice: the slice with the largest area.
        tumor_probability: the largest presence probability among its slices.
        diameters: the longest in-plane diameter and the longest at a right angle to it, in mm, or
            in pixels without an affine.
        extent_mm: of the bounding box, edge to edge along ``(slice, row, column)``, slice gaps
            counted in; None without an affine.
        laterality: ``"left"``, ``"right"`` or ``"midline"`` of the patient; None where not known.
        midline_distance_mm: from the center to the head's midline, None where not known.
        location: lobe and hemisphere by an atlas; None where not requested or not assessed.
    """

    voxels: int
    first: tuple[int, int, int]
    last: tuple[int, int, int]
    center: tuple[float, float, float]
    center_mm: tuple[float, float, float] | None
    volume_mm3: float | None
    largest_slice: int
    tumor_probability: float
    diameters: Diameters | None = None
    extent_mm: tuple[float, float, float] | None = None
    laterality: str | None = None
    midline_distance_mm: float | None = None
    location: LesionLocation | None = None

    @property
    def slice_count(self) -> int:
        """How many slices it reaches through."""
        return self.last[0] - self.first[0] + 1

    @property
    def measurable(self) -> bool | None:
        """Whether RANO would follow its size; None where the voxel size is not known."""
        return None if self.extent_mm is None or self.diameters is None else self.nonmeasurable_reason is None

    @property
    def nonmeasurable_reason(self) -> str | None:
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
        return "its longest diameter crosses a gap" if self.diameters.crosses_gap else None


def find_lesions(mask: np.ndarray, scan: Scan, slice_probability: np.ndarray) -> tuple[Lesion, ...]:
    """Connected components, the largest first.

    Args:
        mask: boolean ``(slice, row, column)`` on the scan's grid.
        scan: gives positions and sizes in millimeters where they are known.
        slice_probability: ``(slice,)``.
    """
    marked = _bounding_box(mask)
    if marked is None:
        return ()
    corner = np.array([axis.start for axis in marked])
    labels, _ = label_lesions(mask[marked])
    midline = find_midline(scan)
    lesions = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        start = corner + [axis.start for axis in box]
        areas = np.zeros(scan.shape[0], int)
        areas[start[0] : start[0] + len(inside)] = inside.sum(axis=(1, 2))
        lesions.append(
            Lesion(
                voxels=int(areas.sum()),
                first=_triple(start),
                last=_triple(start + inside.shape - 1),
                center=_position(np.argwhere(inside).mean(axis=0) + start),
                largest_slice=int(areas.argmax()),
                tumor_probability=float(slice_probability[start[0] : start[0] + len(inside)].max()),
                **_in_patient(scan, inside, start, areas, midline),
            )
        )
    return tuple(sorted(lesions, key=lambda lesion: -lesion.voxels))


def total_volume_mm3(lesions: Sequence[Lesion], mask: np.ndarray, scan: Scan) -> float | None:
    """The volume of a mask whose lesions these are; None without an affine, or where that of a lesion is not known."""
    if scan.geometry is None or any(lesion.volume_mm3 is None for lesion in lesions):
        return None
    return round(scan.geometry.volume_mm3(mask.sum(axis=(1, 2))), 2)


def unknown_volumes(lesions: Sequence[Lesion]) -> tuple[Note, ...]:
    """Which lesions have no volume although the voxel size is known, and why: one line each."""
    return tuple(
        Note(
            "unknown_volume",
            f"the volume of lesion {number} cannot be measured: more than half of it is where slices are missing",
        )
        for number, lesion in enumerate(lesions, start=1)
        if lesion.extent_mm is not None and lesion.volume_mm3 is None
    )


def _in_patient(
    scan: Scan, inside: np.ndarray, start: np.ndarray, areas: np.ndarray, midline: Midline | None
) -> dict[str, Any]:
    """What is measured of one lesion: in millimeters where the voxel size is known, and diameters in pixels elsewhere."""
    geometry, first = scan.geometry, _triple(start)
    if geometry is None:
        return {"center_mm": None, "volume_mm3": None, "diameters": find_diameters(inside, (1.0, 1.0), first)}
    spacing = geometry.spacing_mm
    voxels = np.argwhere(inside) + start
    center_mm = _position(np.average(geometry.to_mm(voxels), axis=0, weights=geometry.slice_extents[voxels[:, 0]]))
    laterality, distance = _side(midline, center_mm)
    seen = geometry.unseen_share(areas) <= MOST_UNSEEN
    height = geometry.extent_mm(first[0], first[0] + len(inside) - 1)
    return {
        "center_mm": center_mm,
        "volume_mm3": round(geometry.volume_mm3(areas), 2) if seen else None,
        "diameters": find_diameters(inside, spacing[1:], first),
        "extent_mm": _position(np.array([height, *np.array(inside.shape[1:]) * spacing[1:]])),
        "laterality": laterality,
        "midline_distance_mm": distance,
    }


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


def number_lesions(mask: np.ndarray) -> np.ndarray:
    """The number of the lesion at each voxel, from one in the order of :func:`find_lesions`; uint16, 0 outside."""
    numbered = np.zeros(mask.shape, np.uint16)
    box = _bounding_box(mask)
    if box is not None:
        labels, sizes = label_lesions(mask[box])
        order = np.argsort(-sizes[1:], kind="stable")  # as find_lesions sorts them
        numbers = np.zeros(len(sizes), np.uint16)
        numbers[order + 1] = np.arange(1, len(sizes))
        numbered[box] = numbers[labels]
    return numbered


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


def _side(midline: Midline | None, center: tuple[float, float, float] | None) -> tuple[str | None, float | None]:
    if midline is None or center is None:
        return None, None
    return midline.laterality(center), round(abs(midline.distance_mm(center)), 1)


def _position(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 2) for value in values[:3])
    return first, second, third
