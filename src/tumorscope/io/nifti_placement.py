"""Where a NIfTI header places its voxels: kept as stored, and compared where it is stated twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorscope.core.note import Note
from tumorscope.core.scan import NiftiPlacement

_FIELDS = (
    *("xyzt_units", "qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("sform_code", "srow_x", "srow_y", "srow_z"),
)
_MM = {"meter": 1000.0, "micron": 0.001}

_SAME_SIZE = 0.01
"""Voxel sizes that differ by a smaller share than this are one size, rounded."""

_SAME_PLACE = 0.5
"""In voxels: transforms that place every corner nearer than this to each other place the volume alike."""


def placement_of(header: Any) -> NiftiPlacement:
    """The fields that place the voxels.

    Args:
        header: nibabel's, as stored: nothing corrected.
    """
    version = 2 if int(header["sizeof_hdr"]) == 540 else 1
    fields = {name: np.array(header[name]) for name in _FIELDS}
    return NiftiPlacement(version, {**fields, "pixdim": np.array(header["pixdim"][:4])})


def unit_mm(header: Any) -> float:
    """How many millimeters the header's unit of length has; an unknown unit is taken for millimeters."""
    return _MM.get(header.get_xyzt_units()[0], 1.0)


def placement_notes(header: Any, shape: tuple[int, ...]) -> tuple[Note, ...]:
    """A note where the header places the voxels in two ways that disagree.

    The sform is used wherever it is coded. Other programs use the qform, or measure by ``pixdim``.

    Args:
        header: nibabel's.
        shape: the spatial axes.
    """
    if header["sform_code"] <= 0:
        return ()
    axes, unit = len(shape), unit_mm(header)
    sform = header.get_sform() * (unit, unit, unit, 1)
    sizes = np.linalg.norm(sform[:3, :axes], axis=0)
    stated = np.abs(header["pixdim"][1 : axes + 1]).astype(float) * unit
    differ = []
    if not np.allclose(stated, sizes, rtol=_SAME_SIZE, atol=0):
        differ.append(f"voxels of {_sizes(stated)} and {_sizes(sizes)} mm")
    if header["qform_code"] <= 0:
        other = "pixdim"
    else:
        other = "qform"
        try:
            qform = header.get_qform() * (unit, unit, unit, 1)
        except ValueError:  # a quaternion that is not a rotation
            differ.append("the qform is not a rotation")
        else:
            differ += _differing_places(qform, sform, shape, float(sizes.min()))
    if not differ:
        return ()
    what = f"{other} and sform disagree: {', '.join(differ)}; the sform is used, other programs may differ"
    return (Note("conflicting_transforms", what),)


def _differing_places(qform: np.ndarray, sform: np.ndarray, shape: tuple[int, ...], voxel_mm: float) -> list[str]:
    from nibabel.orientations import aff2axcodes

    lengths = (*shape, 1)[:3]
    corners = np.array([(*(np.array(corner) * np.subtract(lengths, 1)), 1.0) for corner in np.ndindex(2, 2, 2)])
    apart = float(np.linalg.norm((corners @ (qform - sform).T)[:, :3], axis=1).max())
    if apart <= _SAME_PLACE * voxel_mm:
        return []
    sides = ["".join(str(code) for code in aff2axcodes(affine)[: len(shape)]) for affine in (qform, sform)]
    # Axes that grow to the patient's right, front and top are called R, A and S.
    mirrored = [f"axes that run {sides[0]} and {sides[1]}"] if sides[0] != sides[1] else []
    return [*mirrored, f"positions up to {apart:.3g} mm apart"]


def _sizes(lengths: np.ndarray) -> str:
    return "×".join(f"{length:.3g}" for length in lengths)
