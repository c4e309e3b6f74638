import numpy as np
import pytest

from tumorscope.datasets.not_brain import FAMILIES, draw_family


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_draws_grey_pictures(name):
    if name == "plots":
        pytest.importorskip("matplotlib")
    for picture in draw_family(name, 3, seed=3):
        assert picture.ndim == 2
        assert picture.size > 0
        assert np.isfinite(picture).all()
        assert picture.dtype in (np.uint8, np.uint16, np.float32)


@pytest.mark.parametrize("name", ["photographs", "things", "CT head", "MRI knee", "text", "blank"])
def test_the_same_seed_draws_the_same_pictures(name):
    first, second = (list(draw_family(name, 2, seed=4)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(
        one.shape != other.shape or (one != other).any()
        for one, other in zip(first, draw_family(name, 2, seed=5), strict=True)
    )


def test_asking_for_more_pictures_does_not_change_the_first():
    few, many = list(draw_family("noise", 2)), list(draw_family("noise", 4))
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one, other)


def test_a_skull_is_brighter_than_the_brain_within_on_ct():
    brighter = 0
    for picture in draw_family("CT head", 12, seed=6):
        rows, columns = np.array(picture.shape) // 2
        brain = picture[rows - 8 : rows + 8, columns - 8 : columns + 8]
        brighter += np.percentile(picture, 99) > 1.2 * np.median(brain)
    assert brighter >= 10


def test_blank_pictures_hold_next_to_nothing():
    ranges = [np.ptp(picture) for picture in draw_family("blank", 40)]
    assert np.median(ranges) == 0
