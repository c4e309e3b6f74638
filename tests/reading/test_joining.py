"""Series of one study on one grid, where one of them lacks slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_making import Grid, voxels_on, write_series

from tumorscope.io import open_scan

GRID = Grid(shape=(12, 48, 48), spacing_mm=(8.0, 4.8, 4.8))
MISSING = 7


def study_lacking(folder: Path, lacking: str) -> Path:
    for number, sequence in enumerate(("flair", "t1"), 1):
        files = write_series(folder, sequence, GRID, number=number)
        if sequence == lacking:
            files[MISSING].unlink()
    return folder


@pytest.mark.parametrize("lacking", ["flair", "t1"])
def test_a_missing_slice_moves_no_other(tmp_path: Path, lacking: str):
    """Slices above the gap were one slice off."""
    scan = open_scan(study_lacking(tmp_path, lacking))
    assert scan.sequences == ("t1", "flair")
    kept = np.delete(np.arange(12), MISSING) if lacking == "flair" else np.arange(12)
    compared = kept != MISSING
    for sequence in scan.sequences:
        expected = voxels_on(GRID, sequence)[kept]
        assert np.array_equal(scan.channel(sequence)[compared], expected[compared])
    if lacking == "t1":
        below, above = (voxels_on(GRID, "t1")[MISSING + side].astype(float) for side in (-1, 1))
        assert np.abs(scan.channel("t1")[MISSING] - (below + above) / 2).max() <= 0.5
    assert (scan.slice_positions is None) == (lacking == "t1")
