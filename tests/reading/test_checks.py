from __future__ import annotations

import numpy as np
import pytest

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import checked, label
from tumorscope.scan import Scan


def scan(voxels: np.ndarray, sequences: tuple[str, ...] = ("t1",)) -> Scan:
    return Scan(voxels=voxels, sequences=sequences, case="case", kind="picture")


def ramp(channels: int = 1) -> np.ndarray:
    return np.arange(40 * 40 * channels, dtype=np.float32).reshape(1, 40, 40, channels)


def test_a_sound_scan_passes_untouched():
    given = scan(ramp())
    assert checked(given) is given


def test_a_few_nan_become_zero_and_are_told():
    voxels = ramp()
    voxels[0, 3, 4:6, 0] = np.nan, np.inf
    result = checked(scan(voxels))
    assert result.voxels[0, 3, 4:6, 0].tolist() == [0, 0]
    assert result.notes == ("2 NaN or infinite voxels set to 0",)
    assert np.isnan(voxels[0, 3, 4, 0]), "the caller's array is not changed"


def test_many_nan_are_refused():
    voxels = ramp()
    voxels[0, :10] = np.nan
    with pytest.raises(UnreadableScan, match="25% of the voxels"):
        checked(scan(voxels))


def test_a_flat_channel_beside_a_good_one_is_only_told():
    voxels = ramp(2)
    voxels[..., 1] = 7
    assert checked(scan(voxels, ("t1", "flair"))).notes == ("no contrast in flair: every pixel is the same",)


def test_sixteen_pixels_are_the_least():
    checked(scan(ramp()[:, :16, :16]))
    with pytest.raises(UnreadableScan, match="15×16 pixels are too few"):
        checked(scan(ramp()[:, :15, :16]))


def test_labels_are_one_short_line():
    assert "\n" not in label("a\nb.png")
    assert len(label("x" * 400 + ".png")) < 100
