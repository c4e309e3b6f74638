"""Masks of analyses as files."""

from __future__ import annotations

from pathlib import Path

from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.mask_files import encode_mask_volume


def write_mask(analysis: Analysis, folder: Path) -> Path:
    path = folder / "mask.nii.gz"
    path.write_bytes(encode_mask_volume(analysis))
    return path
