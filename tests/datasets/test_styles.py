import numpy as np
import pytest
from scipy import stats

from tumorscope.datasets import styles


def images(slices: int = 2, size: int = 48) -> np.ndarray:
    """A smooth round head on black, float32 within 0 to 1."""
    rows, columns = np.mgrid[:size, :size] / size - 0.5
    head = np.clip(1.2 - 2.6 * np.hypot(rows, columns), 0, 1) * (0.7 + 0.3 * np.sin(9 * rows))
    return np.repeat(head[None, ..., None], slices, axis=0).astype(np.float32)


def test_gray_levels_fill_the_unit_range_whatever_they_were():
    low = images() * 3000 - 500
    unit = styles.to_unit(low.astype(np.int16))
    assert unit.min() == 0
    assert unit.max() == 1
    np.testing.assert_allclose(unit, images() / images().max(), atol=0.03)  # a thousandth is cut off


def test_equalization_spreads_gray_levels_evenly_and_keeps_their_order():
    changed = styles.equalize(images())
    inside = images() > 0.01
    assert stats.spearmanr(images()[inside], changed[inside]).statistic > 0.999
    counts, _ = np.histogram(changed[inside], bins=5, range=(changed[inside].min(), 1))
    assert counts.min() > 0.7 * counts.mean()


def test_gamma_window_and_curves_are_what_they_are_called():
    values = np.array([0, 0.25, 0.5, 1], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(styles.gamma(values, 2).ravel(), [0, 0.0625, 0.25, 1])
    np.testing.assert_allclose(styles.invert(values).ravel(), [1, 0.75, 0.5, 0])
    np.testing.assert_allclose(styles.window(values, 0, 100), values, atol=1e-6)
    np.testing.assert_allclose(styles.curve(values, np.array([0, 0.8, 1])).ravel(), [0, 0.4, 0.8, 1], atol=1e-6)


def test_skull_stripping_blackens_the_rim_and_keeps_what_must_stay():
    keep = np.zeros((2, 48, 48), bool)
    keep[:, 6:9, 22:26] = True
    stripped = styles.strip_skull(images(), 0.12, keep)
    assert stripped[0, 24, 24, 0] == images()[0, 24, 24, 0]
    assert (stripped[keep] == images()[keep]).all()
    rows, columns = np.mgrid[:48, :48] / 48 - 0.5
    radius = np.hypot(rows, columns)
    assert stripped[0, ..., 0][(radius > 0.4) & ~keep[0]].max() == 0
    assert 0.4 < np.count_nonzero(stripped) / np.count_nonzero(images()) < 0.8


def test_resolution_noise_shading_and_compression_change_little_but_something():
    chance = np.random.default_rng(0)
    for changed in (
        styles.coarsen(images(), 0.5),
        styles.add_noise(images(), 0.02, chance),
        styles.shade(images(), 0.3, chance),
        styles.compress(images(), 40),
        styles.sharpen(images(), 1),
        styles.clahe(images(), 0.01),
    ):
        assert changed.shape == images().shape
        assert 0 <= changed.min() <= changed.max() <= 1
        difference = np.abs(changed - images()).mean()
        assert 1e-4 < difference < 0.25


def test_letters_are_bright_and_borders_even():
    lettered = styles.add_letters(images(), np.random.default_rng(2))
    assert (lettered >= images()).all()
    assert (lettered > images() + 0.3).any()
    bordered = styles.add_border(images(), 0.05, 0.8)
    assert (bordered[:, :2] == np.float32(0.8)).all()
    np.testing.assert_array_equal(bordered[:, 2:-2, 2:-2], images()[:, 2:-2, 2:-2])


@pytest.mark.parametrize("seed", range(25))
def test_a_restyled_scan_is_the_same_for_the_same_seed_and_keeps_its_shape(seed):
    voxels = (np.concatenate([images(), images() ** 2], axis=3) * 1000).astype(np.int16)
    one, other = (styles.restyle(voxels, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.shape == voxels.shape
    assert one.dtype == np.uint8
    assert one.std() > 5


def test_styles_differ_from_seed_to_seed():
    voxels = (images() * 1000).astype(np.int16)
    drawn = {styles.restyle(voxels, np.random.default_rng(seed)).tobytes() for seed in range(25)}
    assert len(drawn) == 25
