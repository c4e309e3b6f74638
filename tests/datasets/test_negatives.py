import numpy as np
import pytest

from tumorscope.datasets.negatives import FAMILIES, draw_family


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_draws_gray_images(name):
    if name == "plots":
        pytest.importorskip("matplotlib")
    for image in draw_family(name, 3, seed=3):
        assert image.ndim == 2
        assert image.size > 0
        assert np.isfinite(image).all()
        assert image.dtype in (np.uint8, np.uint16, np.float32)


@pytest.mark.parametrize("name", ["photographs", "things", "CT head", "MRI knee", "text", "blank"])
def test_the_same_seed_draws_the_same_images(name):
    first, second = (list(draw_family(name, 2, seed=4)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(
        one.shape != other.shape or (one != other).any()
        for one, other in zip(first, draw_family(name, 2, seed=5), strict=True)
    )


def test_asking_for_more_images_does_not_change_the_first():
    few, many = list(draw_family("noise", 2)), list(draw_family("noise", 4))
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one, other)


def test_a_skull_is_brighter_than_the_brain_within_on_ct():
    brighter = 0
    for image in draw_family("CT head", 12, seed=6):
        rows, columns = np.array(image.shape) // 2
        brain = image[rows - 8 : rows + 8, columns - 8 : columns + 8]
        brighter += np.percentile(image, 99) > 1.2 * np.median(brain)
    assert brighter >= 10


def test_blank_images_hold_next_to_nothing():
    ranges = [np.ptp(image) for image in draw_family("blank", 40)]
    assert np.median(ranges) == 0
