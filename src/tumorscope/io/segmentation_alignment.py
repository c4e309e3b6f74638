"""A segmentation put onto the grid of a scan: axes are turned, slices that were left out filled in."""

from __future__ import annotations

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import SAME_POSITION, Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.core.segmentation import Segmentation
from tumorscope.io.checks import size_text

_NEAREST = 0.5
"""In voxels: how far a mask's voxels may be from the scan's where they cannot be nearer: on an even grid, of a scan
that leans or lacks slices."""


def onto_scan(segmentation: Segmentation, scan: Scan) -> Segmentation:
    """The same segmentation on a scan's grid.

    Where the scan leans or lacks slices, a mask on even slices above each other is taken for what
    :class:`tumorscope.core.geometry.EvenGrid` makes of such a scan: each voxel goes to the nearest one, and what
    is marked where slices are missing is left out with a note.

    Raises:
        UnreadableScan: of another size, on a grid of its own, or beyond the scan.
    """
    own, target = segmentation.geometry, scan.geometry
    if target is None or own is None:
        if segmentation.shape != scan.shape:
            raise UnreadableScan(f"{segmentation.case}: {differing_shapes(segmentation.shape, scan.shape)}")
        return segmentation if target is None else segmentation.on_grid(segmentation.layers, target)
    if own.same_grid(target):
        return segmentation.on_grid(segmentation.layers, target)
    _require_same_axes(segmentation, own, target)
    layers = np.zeros((len(segmentation.layers), *scan.shape), segmentation.layers.dtype)
    left_out = 0
    for source, result in zip(segmentation.layers, layers, strict=True):
        marked = np.argwhere(source)
        index, lost = _voxels(segmentation.case, marked, own, target)
        left_out += int(lost.sum())
        result[tuple(index.T)] = source[tuple(marked[~lost].T)]
    note = Note("mask_outside_scan", f"{left_out} voxels of the mask are where the scan has no slice; left out")
    return segmentation.on_grid(layers, target, (note,) if left_out else ())


def require_same_voxels(segmentation: Segmentation, scan: Scan, name: str) -> None:
    """The segmentation of a volume covers the scan's voxels, no more and no fewer; its axes may be turned.

    Raises:
        UnreadableScan: it does not.
    """
    own, target = segmentation.geometry, scan.geometry
    if own is None or target is None or own.same_voxels(target):
        return
    if sorted(own.shape) != sorted(target.shape):
        raise UnreadableScan(f"{name}: {differing_shapes(own.shape, target.shape)}")
    raise UnreadableScan(f"{name}: is elsewhere in the patient than the scan (affines differ); resample it")


def differing_shapes(mask: tuple[int, ...], scan: tuple[int, ...]) -> str:
    """Why a mask of one shape does not fit a scan of another."""
    return f"the mask is {size_text(mask)}, the scan {size_text(scan)}; draw it on the scan's own grid"


def _voxels(case: str, marked: np.ndarray, own: Geometry, target: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Where marked voxels are among the scan's, ``(voxel, slice row column)``, and which are between its slices.

    Raises:
        UnreadableScan: a voxel is not on the scan's grid, or beyond it.
    """
    mm = own.to_mm(marked)
    exact = target.to_index(mm)
    even = own.is_even and not own.leans
    lost = np.zeros(len(marked), bool)
    if not target.is_even:
        position = target.position_of(exact[:, 0])
        beside = target.positions[target.nearest_slice(position)] - position
        inside = (position > target.positions[0]) & (position < target.positions[-1])
        tolerance = _NEAREST * own.spacing_mm[0] / target.spacing_mm[0] + 1e-6 if even else SAME_POSITION
        lost = inside & (np.abs(beside) > tolerance)
        exact[inside] = target.to_index(mm + np.outer(beside, target.normal_step_mm))[inside]
    nearest = np.rint(exact).astype(int)
    index = nearest[~lost]
    distance = np.abs(exact[~lost] - index)
    within_slice = _NEAREST + 1e-6 if even and target.leans else SAME_POSITION
    if (distance > (SAME_POSITION, within_slice, within_slice)).any():
        raise UnreadableScan(_off_grid(case))
    if (index < 0).any() or (index >= target.shape).any():
        raise UnreadableScan(f"{case}: the mask reaches beyond the scan; give the scan that it was drawn on")
    return index, lost


def _require_same_axes(segmentation: Segmentation, own: Geometry, target: Geometry) -> None:
    """Axes may be turned by right angles, but a step along one must be a step along another.

    Raises:
        UnreadableScan: they are not.
    """
    step = (np.linalg.inv(target.affine) @ own.affine)[:3, :3]  # (column, row, slice) of the mask to the scan's
    if own.leans != target.leans:
        step[:2, 2] = 0
    sizes = np.array(own.shape[::-1])
    for axis in np.flatnonzero(sizes == 1):  # there is no next slice
        step[:, axis] /= np.abs(step[:, axis]).max()
    if segmentation.kind == "slices" or not target.is_even:  # the distance of planes is checked at each that is marked
        step[:, 2] /= np.abs(step[:, 2]).max()
    nearest = np.rint(step)
    whole = (np.abs(nearest).sum(axis=0) == 1).all() and (np.abs(nearest).sum(axis=1) == 1).all()
    if not whole or (np.abs(step - nearest) * (sizes - 1)).max() > SAME_POSITION:
        raise UnreadableScan(_off_grid(segmentation.case))


def _off_grid(case: str) -> str:
    return f"{case}: the mask is not on the scan's grid (affines differ); resample it onto the scan"
