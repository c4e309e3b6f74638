"""Phantoms as files: a folder in the LGG data set's layout, or NIfTI."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorscope.datasets.phantom.build import WHITE_MATTER_SIGNAL, Phantom

_LGG_SEQUENCES = ("t1", "flair", "t1c")
_LGG_WHITE_MATTER = 80.0
"""White matter's gray value in the 8-bit slices, with room for fat above it."""


def write_lgg_folder(phantom: Phantom, folder: Path, case: str | None = None) -> Path:
    """Write slices and masks in the layout of the LGG data set.

    Args:
        phantom: with the sequences t1, flair and t1c.
        folder: the case's folder is made in it.
        case: the folder's name, by default ``PHANTOM_<seed>``. The data set's reader wants
            ``TCGA_<institution>_<patient>_<date>``.

    Returns:
        The case's folder, with ``<case>_<n>.tif`` (RGB, 8 bit) and ``<case>_<n>_mask.tif``
        (0 or 255), n from 1.
    """
    import tifffile

    case = case or f"PHANTOM_{phantom.seed}"
    target = folder / case
    target.mkdir(parents=True, exist_ok=True)
    voxels = np.stack([phantom.scan.channel(sequence) for sequence in _LGG_SEQUENCES], axis=-1)
    images = np.clip(voxels * (_LGG_WHITE_MATTER / WHITE_MATTER_SIGNAL) + 0.5, 0, 255).astype(np.uint8)
    for number, (image, mask) in enumerate(zip(images, phantom.mask, strict=True), start=1):
        tifffile.imwrite(target / f"{case}_{number}.tif", image, photometric="rgb", compression="zlib")
        tifffile.imwrite(target / f"{case}_{number}_mask.tif", mask.astype(np.uint8) * 255, compression="zlib")
    return target


def write_nifti(phantom: Phantom, folder: Path) -> dict[str, Path]:
    """Write ``<sequence>.nii.gz`` for every sequence and ``mask.nii.gz``.

    Returns:
        The files, by sequence and ``"mask"``.
    """
    import nibabel

    scan = phantom.scan
    if scan.stored is None or scan.affine is None:
        raise ValueError("a phantom's scan lies on a grid of known size")
    folder.mkdir(parents=True, exist_ok=True)
    images = {sequence: scan.channel(sequence) for sequence in scan.sequences}
    images["mask"] = phantom.mask.astype(np.uint8)
    paths = {}
    for name, image in images.items():
        paths[name] = folder / f"{name}.nii.gz"
        header = nibabel.Nifti1Image(scan.stored.to_stored(image), scan.stored.affine)
        header.header.set_xyzt_units("mm", "sec")
        nibabel.save(header, paths[name])
    return paths
