"""A mask put onto the grid of a scan: other axes are turned, slices that were left out filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.io.checks import size_text

if TYPE_CHECKING:
    from tumorscope.measurement.label_files import LabeledMask

_SAME_POSITION = 0.1
"""In voxels: how far a mask's voxels may be from the scan's and still be the same ones."""

_NEAREST = 0.5
"""The same where the mask cannot be nearer: on an even grid, of a scan that leans or lacks slices."""


def onto_scan(mask: LabeledMask, scan: Scan) -> LabeledMask:
    """The same mask on a scan's grid.

    Where the scan leans or lacks slices, a mask on even slices above each other is taken for what
    :class:`tumorscope.core.geometry.EvenGrid` makes of such a scan: each voxel goes to the nearest one, and what
    is marked where slices are missing is left out with a note.

    Raises:
        UnreadableScan: of another size, on a grid of its own, or beyond the scan.
    """
    there, here = scan.geometry, mask.geometry
    if there is None or here is None:
        if mask.shape != scan.shape:
            raise UnreadableScan(
                f"{mask.case}: the mask is {size_text(mask.shape)}, the scan {size_text(scan.shape)}; "
                "draw it on the scan's own grid"
            )
        return mask if there is None else replace(mask, affine=scan.affine, slice_positions=scan.slice_positions)
    _require_same_axes(mask, here, there)
    parts, left_out = [], 0
    for name, part in mask.parts:
        places, lost = _voxels(mask.case, np.argwhere(part), here, there)
        left_out += lost
        whole = np.zeros(scan.shape, bool)
        whole[tuple(places.T)] = True
        parts.append((name, whole))
    what = f"{left_out} voxels of the mask are where the scan has no slice; left out"
    notes = [Note("mask_outside_scan", what)] if left_out else []
    return replace(
        mask,
        parts=tuple(parts),
        shape=scan.shape,
        affine=scan.affine,
        slice_positions=scan.slice_positions,
        notes=(*mask.notes, *notes),
    )


def _voxels(case: str, marked: np.ndarray, here: Geometry, there: Geometry) -> tuple[np.ndarray, int]:
    """Where marked voxels are among the scan's ``(voxel, slice row column)``, and how many are between its slices."""
    mm = here.to_mm(marked)
    exact = there.to_index(mm)
    evened = here.is_even and not here.leans
    lost = np.zeros(len(marked), bool)
    if not there.is_even:
        position = there.position_of(exact[:, 0])
        beside = there.positions[there.nearest_slice(position)] - position
        inside = (position > there.positions[0]) & (position < there.positions[-1])
        tolerance = _NEAREST * here.spacing_mm[0] / there.spacing_mm[0] + 1e-6 if evened else _SAME_POSITION
        lost = inside & (np.abs(beside) > tolerance)
        exact[inside] = there.to_index(mm + np.outer(beside, there.normal_step_mm))[inside]
    nearest = np.rint(exact).astype(int)
    places = nearest[~lost]
    off = np.abs(exact[~lost] - places)
    furthest = np.array([_SAME_POSITION, *[_NEAREST + 1e-6 if evened and there.leans else _SAME_POSITION] * 2])
    if (off > furthest).any():
        raise UnreadableScan(_elsewhere(case))
    if (places < 0).any() or (places >= there.shape).any():
        raise UnreadableScan(f"{case}: the mask reaches beyond the scan; give the scan that it was drawn on")
    return places, int(lost.sum())


def _require_same_axes(mask: LabeledMask, here: Geometry, there: Geometry) -> None:
    """Axes may be turned by right angles, but a step along one must be a step along another.

    Raises:
        UnreadableScan: they are not.
    """
    step = (np.linalg.inv(there.affine) @ here.affine)[:3, :3]  # (column, row, slice) of the mask to those of the scan
    if here.leans != there.leans:
        step[:2, 2] = 0
    sizes = np.array(here.shape[::-1])
    for axis in np.flatnonzero(sizes == 1):  # how far the next slice would be says nothing
        step[:, axis] /= np.abs(step[:, axis]).max()
    if mask.kind == "slices" or not there.is_even:  # how far planes are apart is seen at each that is marked
        step[:, 2] /= np.abs(step[:, 2]).max()
    nearest = np.rint(step)
    whole = (np.abs(nearest).sum(axis=0) == 1).all() and (np.abs(nearest).sum(axis=1) == 1).all()
    if not whole or (np.abs(step - nearest) * (sizes - 1)).max() > _SAME_POSITION:
        raise UnreadableScan(_elsewhere(mask.case))


def _elsewhere(case: str) -> str:
    return f"{case}: the mask does not lie on the scan's grid (affines differ); resample it onto the scan"
