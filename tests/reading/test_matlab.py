from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reading.files import head, write_cjdata

from tumorscope.reading import open_scan, read_cjdata

IMAGE = head(40, 60).astype(np.int16)
MASK = np.zeros((40, 60), bool)
MASK[5:9, 30:50] = True


def test_a_sample_is_turned_as_matlab_shows_it(tmp_path: Path):
    data = read_cjdata(write_cjdata(tmp_path / "7.mat", IMAGE, MASK))
    assert np.array_equal(data.image, IMAGE)
    assert np.array_equal(data.mask, MASK)
    assert (data.label, data.patient) == (2, "100360")
    assert data.border.tolist() == [[10, 20], [12, 22]]


def test_its_slice_opens_as_a_t1c_picture(tmp_path: Path):
    scan = open_scan(write_cjdata(tmp_path / "7.mat", IMAGE, MASK))
    assert (scan.sequences, scan.kind, scan.case, scan.affine) == (("t1c",), "picture", "7", None)
    assert np.array_equal(scan.voxels[0, :, :, 0], IMAGE)


@pytest.mark.real
def test_real_masks_lie_where_the_real_borders_are(figshare_folder: Path):
    for number in range(1, 21):
        data = read_cjdata(figshare_folder / f"{number}.mat")
        rows, columns = np.nonzero(data.mask)
        assert np.abs([columns.min(), rows.min()] - data.border.min(axis=0)).max() < 3
        assert np.abs([columns.max(), rows.max()] - data.border.max(axis=0)).max() < 3
        assert data.label in (1, 2, 3)


@pytest.mark.real
def test_real_tumours_enhance(figshare_folder: Path):
    """Contrast-enhanced tumours are brighter than the rest of the head in most samples."""
    brighter = 0
    for number in range(1, 21):
        data = read_cjdata(figshare_folder / f"{number}.mat")
        around = data.image[(data.image > 30) & ~data.mask]
        brighter += data.image[data.mask].mean() > np.median(around)
    assert brighter >= 16
