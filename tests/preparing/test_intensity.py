import numpy as np
import pytest

from tumorscope.preprocessing.intensity import HIGHEST, LOWEST, _mapped, normalize, standardize, without_spikes


def test_a_normal_distribution_comes_out_standard():
    image = np.random.default_rng(0).normal(500, 40, (2, 200, 200))
    result = normalize(image, np.ones(image.shape, bool))
    assert abs(result.mean()) < 0.02
    assert abs(result.std() - 1) < 0.02


def test_a_bright_tumor_does_not_move_the_scale_of_the_brain():
    chance = np.random.default_rng(0)
    healthy = chance.normal(100, 10, (1, 100, 100))
    ill = healthy.copy()
    ill[0, 40:55, 40:55] = 400
    everywhere = np.ones(healthy.shape, bool)
    brain = np.s_[0, :30]
    difference = normalize(ill, everywhere)[brain] - normalize(healthy, everywhere)[brain]
    assert np.abs(difference).mean() < 0.1  # mean and deviation would move it by more than a half


def test_scanner_units_do_not_matter():
    image = np.random.default_rng(0).integers(0, 4000, (2, 50, 50)).astype(np.uint16)
    head = image > 200
    np.testing.assert_allclose(normalize(image, head), normalize(image * 7.5 - 300, head), atol=1e-4)


def test_values_stay_in_the_stated_range():
    image = np.random.default_rng(0).standard_cauchy((1, 100, 100))
    result = normalize(image, np.ones(image.shape, bool))
    assert result.min() >= LOWEST
    assert result.max() <= HIGHEST


def test_an_image_without_contrast_becomes_zeros():
    assert not normalize(np.full((1, 20, 20), 7), np.ones((1, 20, 20), bool)).any()


def test_large_scans_are_scaled_as_small_ones_are():
    image = np.random.default_rng(0).gamma(4, 20, (20, 200, 200)).astype(np.float32)
    whole = normalize(image, np.ones(image.shape, bool))
    low, middle, high = np.percentile(image, (5, 50, 95))
    np.testing.assert_allclose(whole, np.clip((image - middle) / (high - low) * 3.2897, LOWEST, HIGHEST), atol=0.03)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("spike", [1e10, -1e30, float(np.finfo(np.float32).max)])
def test_a_pixel_out_of_all_proportion_is_clipped_and_the_others_stay(spike: float):
    image = np.random.default_rng(0).normal(500, 40, (1, 100, 100)).astype(np.float32)
    spiked = image.copy()
    spiked[0, 50, 50] = spike
    everywhere = np.ones(image.shape, bool)
    one, other = normalize(image, everywhere), normalize(spiked, everywhere)
    assert other[0, 50, 50] == (HIGHEST if spike > 0 else LOWEST)
    other[0, 50, 50] = one[0, 50, 50]
    np.testing.assert_allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.float64])
def test_short_integers_of_their_full_range_come_out_as_longer_types_do(dtype: type):
    image = np.where(np.arange(100) < 6, -20_000, 20_000 + np.arange(100))[None, None].repeat(50, 1).astype(np.int16)
    everywhere = np.ones(image.shape, bool)
    np.testing.assert_array_equal(normalize(image, everywhere), normalize(image.astype(dtype), everywhere))


def test_an_offset_costs_long_integers_no_precision():
    image = np.random.default_rng(0).integers(0, 1000, (1, 60, 60)).astype(np.int32)
    everywhere = np.ones(image.shape, bool)
    np.testing.assert_allclose(normalize(image + 2**30, everywhere), normalize(image, everywhere), atol=1e-6)


def test_images_without_spikes_are_handed_on_as_they_are():
    image = np.random.default_rng(0).gamma(4, 20, (64, 64)).astype(np.float32)
    assert without_spikes(image) is image


def ellipsoid() -> tuple[np.ndarray, np.ndarray]:
    """A head of many gray levels in air, ``(slice, row, column)``, and where it is."""
    z, y, x = np.mgrid[-1:1:12j, -1:1:64j, -1:1:64j]
    head = z**2 + y**2 + x**2 < 0.8
    values = 300 + 120 * x + 60 * np.sin(7 * y) + np.random.default_rng(1).normal(0, 20, head.shape)
    return np.where(head, values, 20), head


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: 0.01 * image - 7,
        lambda image: (image / 500) ** 2.2,
        np.sqrt,
        lambda image: np.searchsorted(np.sort(image.ravel()), image) / image.size,  # histogram equalization
    ],
    ids=["none", "scale", "gamma", "root", "equalized"],
)
def test_standardized_gray_levels_do_not_depend_on_increasing_changes(change):
    image, head = ellipsoid()
    expected = standardize(image, head)
    found = standardize(change(image), head)
    assert np.abs(found - expected)[head].mean() < 0.02
    assert np.median(found[head]) == pytest.approx(0, abs=0.01)


def test_standardized_integers_and_floats_agree_and_stay_within_the_scale():
    image, head = ellipsoid()
    whole = np.round(image).astype(np.int16)
    large = np.repeat(whole, 3, axis=0)
    heads = np.repeat(head, 3, axis=0)
    assert large.size > 1 << 16
    np.testing.assert_allclose(standardize(large, heads), standardize(large.astype(np.float32), heads), atol=1e-5)
    found = standardize(np.where(head, image, -1e6), head)
    assert found.min() == LOWEST
    assert found.max() <= HIGHEST
    assert not standardize(np.zeros((2, 8, 8)), np.ones((2, 8, 8), bool)).any()


def test_rounding_does_not_split_a_level_on_which_several_percentiles_lie():
    image, head = ellipsoid()
    saturated = np.minimum(image, np.percentile(image[head], 70)).astype(np.float32)
    rounded = saturated * (1 + np.random.default_rng(0).uniform(-1e-7, 1e-7, image.shape)).astype(np.float32)
    assert (rounded != saturated).any()
    np.testing.assert_allclose(standardize(rounded, head), standardize(saturated, head), atol=1e-3)


@pytest.mark.parametrize("widest", [1, 1e6])
def test_the_table_of_gray_levels_is_as_good_as_interpolation(widest):
    """Also where levels are so uneven that most of them share a few steps of the table."""
    random = np.random.default_rng(0)
    image = random.gamma(2, 300, (4, 64, 64)).astype(np.float32)
    levels, standard = np.percentile(image, np.linspace(0.5, 99.5, 27)), np.linspace(LOWEST, HIGHEST, 27)
    levels[-1] *= widest
    np.testing.assert_allclose(_mapped(image, levels, standard), np.interp(image, levels, standard), atol=2e-5)
