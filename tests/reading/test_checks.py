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


@pytest.mark.parametrize("fill", [np.finfo(np.float32).min, 1e30])
def test_what_programs_fill_in_becomes_background_however_much_it_is(fill: float):
    voxels = ramp() + 12
    voxels[0, :20] = fill
    result = checked(scan(voxels))
    assert np.unique(result.voxels[0, :20]).tolist() == [voxels[0, 20:].min()]
    assert np.array_equal(result.voxels[0, 20:], voxels[0, 20:])
    assert result.notes == (f"800 voxels of {fill:.3g}, which no scanner measures, set to the lowest of the others",)


def test_each_channel_is_filled_with_its_own_lowest():
    voxels = np.stack([ramp()[..., 0] + 5, ramp()[..., 0] - 300], axis=-1)
    voxels[0, 1, 1] = 1e30
    result = checked(scan(voxels, ("t1", "flair")))
    assert result.voxels[0, 1, 1].tolist() == [5, -300]


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
