import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.preprocessing.crop_resize import CropResize, _sampling
from tumorscope.preprocessing.head import Box


def disc(shape: tuple[int, int], center: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= radius**2


def test_a_frame_that_is_the_whole_image_at_its_own_size_changes_nothing():
    image = np.random.default_rng(0).random((64, 64), np.float32)
    crop_resize = CropResize((64, 64), Box(0, 0, 64, 64), 64)
    np.testing.assert_allclose(crop_resize.forward(image), image, atol=1e-6)
    np.testing.assert_allclose(crop_resize.inverse(image), image, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    top=st.floats(-20, 40),
    left=st.floats(-20, 40),
    side=st.floats(120, 260),
    size=st.sampled_from([96, 128, 192]),
)
def test_a_mask_comes_back_where_it_was(top, left, side, size):
    shape = (230, 210)
    mask = disc(shape, (top + side / 2, left + side / 2), side / 5)
    crop_resize = CropResize(shape, Box(top, left, side, side), size)
    back = crop_resize.inverse(crop_resize.forward(mask)) >= 0.5
    assert 2 * (back & mask).sum() / (back.sum() + mask.sum()) > 0.96
    if mask.any():
        np.testing.assert_allclose(np.argwhere(back).mean(0), np.argwhere(mask).mean(0), atol=0.25)


def test_nothing_is_restored_outside_the_frame():
    crop_resize = CropResize((100, 100), Box(30, 40, 32, 32), 64)
    restored = crop_resize.inverse(np.ones((64, 64)))
    assert restored[31:61, 41:71].min() > 0.99
    restored[30:62, 40:72] = 0
    assert not restored.any()


def test_shrinking_averages_instead_of_skipping():
    stripes = np.zeros((128, 128), np.float32)
    stripes[::2] = 1
    small = CropResize((128, 128), Box(0, 0, 128, 128), 32).forward(stripes)
    np.testing.assert_allclose(small[2:-2], 0.5, atol=0.02)


@pytest.mark.parametrize("aspect", [0.5, 2.0])
def test_a_frame_of_oblong_pixels_keeps_proportions(aspect):
    box = Box(10, 20, 60 / aspect, 60)
    crop_resize = CropResize((160, 100), box, 60)
    rows, columns = np.mgrid[:160, :100]
    center_row, center_column = 10 + 30 / aspect, 50
    ellipse = ((rows + 0.5 - center_row) * aspect) ** 2 + (columns + 0.5 - center_column) ** 2 < 20**2
    seen = crop_resize.forward(ellipse) > 0.5
    height, width = np.ptp(np.argwhere(seen), axis=0) + 1
    assert abs(height - width) <= 2


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(5, 300), st.integers(5, 300)),
    top=st.floats(-300, 300),
    left=st.floats(-300, 300),
    side=st.floats(4, 600),
    size=st.sampled_from([16, 64, 192]),
)
def test_banded_blocks_give_what_the_whole_matrices_give(shape, top, left, side, size):
    """Also for rectangles that lie outside the image, where every weight is zero."""
    images = np.random.default_rng(0).random((3, *shape), np.float32)
    crop_resize, back = CropResize(shape, Box(top, left, side, side), size), np.ones((size, size), np.float32)
    rows = _sampling(shape[0], size, top, side / size)
    columns = _sampling(shape[1], size, left, side / size)
    np.testing.assert_allclose(crop_resize.forward(images), rows @ images @ columns.T, atol=1e-5)
    rows = _sampling(size, shape[0], -top * size / side, size / side, beyond="zero")
    columns = _sampling(size, shape[1], -left * size / side, size / side, beyond="zero")
    np.testing.assert_allclose(crop_resize.inverse(back), rows @ back @ columns.T, atol=1e-5)
