import numpy as np
import pytest

from tumorscope.measuring.lesions import drop_small, find_lesions
from tumorscope.scan import Scan


def scan_of(shape, affine=None):
    return Scan(np.zeros((*shape, 1)), ("flair",), "case", "volume", affine=affine)


def two_lesions():
    mask = np.zeros((6, 20, 20), bool)
    mask[1:4, 3:9, 4:8] = True
    mask[4:6, 14:16, 14:17] = True
    return mask


def test_two_lesions_stay_two_and_the_largest_comes_first():
    mask = two_lesions()
    large, small = find_lesions(mask, scan_of(mask.shape), np.linspace(0, 1, 6))
    assert (large.voxels, small.voxels) == (72, 12)
    assert (large.first, large.last) == ((1, 3, 4), (3, 8, 7))
    assert large.centre == (2.0, 5.5, 5.5)
    assert small.tumor_probability == 1.0
    assert large.tumor_probability == pytest.approx(0.6)


def test_volume_counts_slice_gaps_and_oblique_axes():
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.5, 0.7, 6.0])
    affine[:3, 3] = (-10, 20, 30)
    mask = two_lesions()
    lesion = find_lesions(mask, scan_of(mask.shape, affine), np.ones(6))[0]
    assert lesion.volume_mm3 == pytest.approx(72 * 0.5 * 0.7 * 6.0)
    np.testing.assert_allclose(lesion.centre_mm, (affine @ (5.5, 5.5, 2.0, 1))[:3], atol=0.01)


def test_without_an_affine_nothing_is_said_in_millimetres():
    mask = two_lesions()
    lesion = find_lesions(mask, scan_of(mask.shape), np.ones(6))[0]
    assert lesion.volume_mm3 is None
    assert lesion.centre_mm is None


def test_voxels_that_share_a_corner_are_one_lesion():
    mask = np.zeros((2, 4, 4), bool)
    mask[0, 1, 1] = mask[1, 2, 2] = True
    assert len(find_lesions(mask, scan_of(mask.shape), np.ones(2))) == 1


def test_small_parts_are_left_out_and_counted_never_the_second_tumour():
    mask = two_lesions()
    mask[0, 0, 0] = True
    kept, dropped = drop_small(mask, smallest=5)
    assert dropped == 1
    assert kept.sum() == 84
    np.testing.assert_array_equal(drop_small(mask, 0)[0], mask)
