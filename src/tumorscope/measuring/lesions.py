"""The separate lesions of a mask and how large each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import ndimage

from tumorscope.measuring.diameters import Diameters
from tumorscope.scan import Scan

_TOUCHING = ndimage.generate_binary_structure(3, 3)
"""Voxels that share a face, an edge or a corner belong to one lesion."""


@dataclass(frozen=True)
class Lesion:
    """One connected part of a mask.

    Attributes:
        voxels: how many.
        first, last: corners of the bounding box ``(slice, row, column)``, both inside.
        centre: mean position ``(slice, row, column)``.
        centre_mm: the same in millimetres, RAS+, or None without an affine.
        volume_mm3: slice gaps counted in, or None without an affine.
        largest_slice: the slice with the largest area.
        tumor_probability: the largest presence probability among its slices.
        diameters: the longest in-plane diameter and the longest at a right angle to it.
        extent_mm: edge to edge along ``(slice, row, column)``, or None without an affine.
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
    lesions = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        start = corner + [axis.start for axis in box]
        positions = np.argwhere(inside) + start
        centre = positions.mean(axis=0)
        areas = inside.sum(axis=(1, 2))
        slices = slice(start[0], start[0] + len(inside))
        volume = scan.voxel_volume_mm3
        lesions.append(
            Lesion(
                voxels=len(positions),
                first=_triple(positions.min(axis=0)),
                last=_triple(positions.max(axis=0)),
                centre=_position(centre),
                centre_mm=_patient_position(scan, centre),
                volume_mm3=None if volume is None else round(len(positions) * volume, 2),
                largest_slice=int(start[0] + areas.argmax()),
                tumor_probability=float(slice_probability[slices].max()),
            )
        )
    return tuple(sorted(lesions, key=lambda lesion: -lesion.voxels))


def drop_small(mask: np.ndarray, smallest: int) -> tuple[np.ndarray, int]:
    """Leave out components with fewer voxels; say how many there were.

    Args:
        mask: boolean ``(slice, row, column)``.
        smallest: voxels that a component must have to stay.

    Returns:
        The mask without them, and their number.
    """
    if smallest <= 1 or not mask.any():
        return mask, 0
    labels, sizes = label_lesions(mask)
    small = sizes < smallest
    small[0] = False
    return mask & ~small[labels], int(small.sum())


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
    found = ndimage.find_objects(mask.view(np.uint8)) if mask.size else []
    return found[0] if found else None


def _triple(values: np.ndarray) -> tuple[int, int, int]:
    slice_, row, column = (int(value) for value in values)
    return slice_, row, column


def _patient_position(scan: Scan, centre: np.ndarray) -> tuple[float, float, float] | None:
    if scan.affine is None:
        return None
    slice_, row, column = centre
    return _position(scan.affine @ (column, row, slice_, 1.0))


def _position(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 2) for value in values[:3])
    return first, second, third
