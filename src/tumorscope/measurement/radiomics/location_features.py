"""Where a region is in the head, and what surrounds it. None of these features is from the IBSI.

The type of a tumor depends on its location: pituitary tumors are in the middle at the base,
meningiomas at the edge of the brain, gliomas inside. And on its edge: what is brighter
or darker around it, and how sharply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import ndimage

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.radiomics.aggregation import ratio
from tumorscope.preprocessing.head import head_mask
from tumorscope.preprocessing.intensity import normalize

_RING = 0.04
"""Width of the ring around the region, as a share of the head's size."""


@dataclass(frozen=True, eq=False)
class HeadSlice:
    """One slice with its head.

    Attributes:
        image: float32 ``(row, column)``, normalized over the head.
        head: boolean, the same shape: one part, without holes.
        size: side of a square as large as the head, in pixels.
    """

    image: np.ndarray
    head: np.ndarray
    size: float


def find_head(image: np.ndarray) -> HeadSlice:
    """Find the head in a slice and put its intensities on one scale.

    Args:
        image: ``(row, column)``, any real type, finite.
    """
    marked = head_mask(image[None, :, :, None])
    normal = normalize(image[None].astype(np.float32), marked)[0]
    labels, count = cast(tuple[np.ndarray, int], ndimage.label(marked[0]))
    largest = np.bincount(labels.ravel())[1:].argmax() + 1 if count else 0
    head = np.asarray(ndimage.binary_fill_holes(labels == largest))
    return HeadSlice(normal, head, float(head.sum()) ** 0.5)


def location_features(view: HeadSlice, mask: np.ndarray) -> dict[str, float]:
    """Place in the head, the head's own form, and the ring around the region.

    Rows and columns run from 0 to 1 over the head's bounding box; distances are in units
    of the head's size, intensities in those of the normalized image.

    Args:
        view: from :func:`find_head`.
        mask: boolean ``(row, column)``, not empty.

    Raises:
        TumorscopeError: the mask is empty or of another shape.
    """
    if mask.shape != view.head.shape or not mask.any():
        raise TumorscopeError(f"a mask of {mask.shape} for a slice of {view.head.shape}; give one that is not empty")
    rows, columns = ndimage.find_objects(view.head.astype(np.uint8))[0]
    height, width = rows.stop - rows.start, columns.stop - columns.start
    center = np.argwhere(mask).mean(axis=0)
    middle = np.argwhere(view.head).mean(axis=0)
    depth = np.asarray(ndimage.distance_transform_edt(np.pad(view.head, 1)))[1:-1, 1:-1]
    row, column = np.round(center).astype(int)
    across = (center[1] + 0.5 - columns.start) / width
    mean, deviation, step = _ring(view, mask)
    found = {
        "place_row": (center[0] + 0.5 - rows.start) / height,
        "place_column": across,
        "place_off_middle": abs(2 * across - 1),
        "place_from_center": float(np.linalg.norm(center - middle)) / view.size,
        "place_depth": depth[row, column] / view.size,
        "place_nearest_edge": depth[mask].min() / view.size,
        "place_area_share": float(mask.sum()) / view.size**2,
        "head_aspect": height / width,
        "head_symmetry": _symmetry(view.image[rows, columns]),
        "ring_mean": mean,
        "ring_deviation": deviation,
        "ring_step": step,
    }
    return {name: float(value) for name, value in found.items()}


def _ring(view: HeadSlice, mask: np.ndarray) -> tuple[float, float, float]:
    """Mean and deviation of the ring around the region, and how much brighter the region is; 0 without a ring."""
    outside = np.asarray(ndimage.distance_transform_edt(~mask))
    ring = view.image[(outside > 0) & (outside <= max(1.0, _RING * view.size)) & view.head]
    if not ring.size:
        return 0.0, 0.0, 0.0
    return float(ring.mean()), float(ring.std()), float(view.image[mask].mean() - ring.mean())


def _symmetry(box: np.ndarray) -> float:
    """Correlation with the mirror image: high for axial and coronal slices, low for sagittal ones."""
    image = box.astype(float) - box.mean()
    return ratio(float((image * image[:, ::-1]).sum()), float((image**2).sum()))
