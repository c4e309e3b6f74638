import numpy as np

from tumorscope.preprocessing.clahe import equalize
from tumorscope.preprocessing.intensity import HIGHEST, LOWEST


def test_faint_local_contrast_grows():
    faint = np.zeros((1, 64, 64), np.float32)
    faint[0, 20:40, 20:40] = 0.2
    faint += np.linspace(-1, 1, 64, dtype=np.float32)
    before = faint[0, 30, 30] - faint[0, 30, 15]
    after = equalize(faint)[0, 30, 30] - equalize(faint)[0, 30, 15]
    assert after > 1.5 * before


def test_every_slice_is_equalized_by_itself():
    images = np.random.default_rng(0).normal(0, 1, (3, 2, 32, 32)).astype(np.float32)
    together = equalize(images)
    np.testing.assert_array_equal(together[1:2], equalize(images[1:2]))
    assert together.shape == images.shape


def test_a_rounding_error_beyond_the_range_does_not_matter():
    image = np.full((1, 32, 32), HIGHEST, np.float32)
    image[0, :16] = np.nextafter(np.float32(HIGHEST), np.float32(99))
    image[0, 0, 0] = LOWEST
    assert np.isfinite(equalize(image)).all()
