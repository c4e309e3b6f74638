import numpy as np

from tumorscope.preparing.intensity import HIGHEST, LOWEST, normalize


def test_a_normal_distribution_comes_out_standard():
    image = np.random.default_rng(0).normal(500, 40, (2, 200, 200))
    result = normalize(image, np.ones(image.shape, bool))
    assert abs(result.mean()) < 0.02
    assert abs(result.std() - 1) < 0.02


def test_a_bright_tumour_does_not_move_the_scale_of_the_brain():
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
