"""Draws the page's example, a head with a tumor: ``python static-page/example.py``."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from tumorscope.datasets.phantom import make_phantom, plausible_lesion

SEED = 3
WHITE = 250
"""Of 255 gray levels, for the brightest voxel but a thousandth."""


def main() -> None:
    """A T1 with contrast agent of 20 thick slices, in eight bits, which keeps the file small."""
    lesion = plausible_lesion(SEED, "meningioma")
    scan = make_phantom([lesion], seed=SEED, shape=(20, 160, 160), sequences=("t1c",), noise=0.02).scan
    voxels = scan.voxels[..., 0].transpose(2, 1, 0).astype(float)
    gray = np.clip(voxels * (WHITE / np.percentile(voxels, 99.9)), 0, 255).round().astype(np.uint8)
    nib.save(nib.Nifti1Image(gray, scan.affine), Path(__file__).with_name("example.nii.gz"))


if __name__ == "__main__":
    main()
