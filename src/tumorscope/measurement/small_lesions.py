"""Lesions under a volume, left out of other people's masks where the user asks for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.segmentation import Segmentation
from tumorscope.measurement.lesions import label_lesions


def without_small_lesions(segmentation: Segmentation, smallest_mm3: float) -> Segmentation:
    """Each label without its connected parts that are smaller than a volume; a note counts them.

    Raises:
        TumorscopeError: the voxel size is not known, or nothing is left.
    """
    geometry, case = segmentation.geometry, segmentation.case
    if geometry is None:
        raise TumorscopeError(f"{case}: the voxel size is not known, so volumes are not either; leave out --min-volume")
    masks, left_out = [], 0
    for name, mask in segmentation.masks():
        kept, small = _large_lesions(mask, geometry, smallest_mm3)
        left_out += small
        masks.append((name, kept))
    if not any(mask.any() for _name, mask in masks):
        raise TumorscopeError(f"{case}: every lesion is smaller than {smallest_mm3 / 1000:g} ml; nothing is left")
    what = f"{left_out} lesion{'s' if left_out > 1 else ''} smaller than {smallest_mm3 / 1000:g} ml left out"
    note = Note("small_components", what)
    notes = (*segmentation.notes, *((note,) if left_out else ()))
    found = Segmentation.of_masks(masks, segmentation.shape, case, segmentation.kind, geometry, notes)
    return replace(found, slice_numbers=segmentation.slice_numbers)


def _large_lesions(mask: np.ndarray, geometry: Geometry, smallest_mm3: float) -> tuple[np.ndarray, int]:
    """A mask without its small connected parts, and how many these are."""
    labels, sizes = label_lesions(mask)
    volumes = np.zeros(len(sizes))
    for index, extent in enumerate(geometry.slice_extents):
        volumes += np.bincount(labels[index].ravel(), minlength=len(sizes)) * extent * geometry.voxel_volume_mm3
    small = volumes < smallest_mm3
    small[0] = True
    return ~small[labels], int(small.sum()) - 1
