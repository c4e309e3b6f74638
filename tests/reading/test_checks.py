from __future__ import annotations

import numpy as np
import pytest

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.core.scan import Scan
from tumorscope.io.checks import checked, label


def scan(voxels: np.ndarray, sequences: tuple[str, ...] = ("t1",)) -> Scan:
    return Scan(voxels=voxels, sequences=sequences, case="case", kind="image")


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
    assert texts(result.notes) == ("2 NaN or infinite voxels set to 0",)
    assert np.isnan(voxels[0, 3, 4, 0]), "the caller's array is not changed"


@pytest.mark.parametrize("fill", [np.finfo(np.float32).min, 1e30])
def test_what_programs_fill_in_becomes_background_however_much_it_is(fill: float):
    voxels = ramp() + 12
    voxels[0, :20] = fill
    result = checked(scan(voxels))
    assert np.unique(result.voxels[0, :20]).tolist() == [voxels[0, 20:].min()]
    assert np.array_equal(result.voxels[0, 20:], voxels[0, 20:])
    assert texts(result.notes) == (
        f"800 voxels of {fill:.3g}, which no scanner measures, set to the lowest of the others",
    )


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
    assert texts(checked(scan(voxels, ("t1", "flair"))).notes) == ("no contrast in flair: every pixel is the same",)


def test_sixteen_pixels_are_the_least():
    checked(scan(ramp()[:, :16, :16]))
    with pytest.raises(UnreadableScan, match="15×16 pixels are too few"):
        checked(scan(ramp()[:, :15, :16]))


def test_labels_are_one_short_line():
    assert "\n" not in label("a\nb.png")
    assert len(label("x" * 400 + ".png")) < 100


def head_of(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Scan:
    """A ball of tissue that takes half of every side, and voxels of (slice, row, column) millimeters."""
    axes = (np.linspace(-2, 2, length) for length in shape)
    ball = sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")) < 1
    affine = np.diag([*reversed(spacing_mm), 1.0])
    return Scan(ball[..., None] * np.float32(100), ("t1",), "case", "volume", affine)


@pytest.mark.parametrize(
    ("spacing_mm", "size"),
    [
        ((500, 500, 500), "32,"),  # micrometers taken for millimeters, half of 128 voxels
        ((0.5, 0.5, 0.5), "32 "),
        ((2, 6, 6), "38"),
        ((16, 2.5, 2.5), "4"),  # only across the slices
    ],
)
def test_voxels_that_make_no_head_are_doubted_with_both_sizes(spacing_mm: tuple[float, ...], size: str):
    (note,) = texts(checked(head_of((64, 128, 128), spacing_mm)).notes)
    shown = "×".join(f"{length:g}" for length in reversed(spacing_mm))
    assert note.startswith(f"voxels of {shown} mm make what is shown {size}")
    assert "a head measures 100 to 350 mm; check the voxel size" in note


@pytest.mark.parametrize("spacing_mm", [(1, 2, 2), (5, 3, 3), (0.1, 2, 4), (2, 5.2, 5.2)])
def test_voxels_that_make_a_head_are_not(spacing_mm: tuple[float, ...]):
    given = head_of((64, 128, 128), spacing_mm)
    assert checked(given) is given


def test_dicom_is_doubted_like_nifti(tmp_path):
    from reading.files import head, write_nifti, write_series

    from tumorscope.io import open_scan

    pixels = np.stack([head(seed=seed) for seed in range(16)]).astype(np.int16)
    for size, expected in ((0.1, 1), (4.0, 0), (12.0, 1)):
        write_series(tmp_path / f"dicom{size}", pixels, spacing=(3.0, size, size))
        affine = np.diag([size, size, 3.0, 1])
        path = write_nifti(tmp_path / f"{size}.nii", pixels.transpose(2, 1, 0), affine)
        for scan in (open_scan(tmp_path / f"dicom{size}"), open_scan(path)):
            assert sum("a head measures" in note for note in texts(scan.notes)) == expected, size
