import numpy as np
import pytest

from tumorscope.preprocessing.frames import without_frame
from tumorscope.preprocessing.head import head_box, head_mask


def head_in_air(offset: float = 0.0, scale: float = 1.0) -> np.ndarray:
    rows, columns = np.mgrid[:120, :140]
    head = ((rows - 60) / 45) ** 2 + ((columns - 75) / 35) ** 2 <= 1
    noise = np.random.default_rng(0).normal(0, 2, (3, 120, 140))
    return ((100 * head + noise) * scale + offset)[..., None].astype(np.float32)


def test_the_box_frames_the_head_and_not_the_air():
    box = head_box(head_mask(head_in_air()))
    assert abs(box.top - 12) < 5
    assert abs(box.top + box.height - 108) < 5
    assert abs((box.left + box.width / 2) - 75.5) < 3


def test_units_and_offsets_of_the_scanner_do_not_matter():
    plain = head_mask(head_in_air())
    np.testing.assert_array_equal(plain, head_mask(head_in_air(offset=-1000)))
    np.testing.assert_array_equal(plain, head_mask(head_in_air(scale=0.003)))


def test_the_box_is_square_in_millimeters():
    box = head_box(head_mask(head_in_air()), pixel_aspect=2.0)
    assert box.height * 2 == box.width


def test_an_image_without_a_head_is_taken_whole():
    flat = np.zeros((2, 40, 50, 1))
    assert head_mask(flat).all()
    box = head_box(head_mask(flat))
    assert (box.height, box.width) == (50, 50)


def test_a_bright_speck_in_the_air_does_not_widen_the_box():
    with_speck = head_in_air()
    with_speck[0, 3, 3] = 400
    plain, specked = head_box(head_mask(head_in_air())), head_box(head_mask(with_speck))
    assert abs(plain.height - specked.height) < 2


@pytest.mark.parametrize("level", [255, 128])
@pytest.mark.parametrize("sides", [(9, 9, 9, 9), (12, 0, 0, 0), (0, 0, 20, 5)])
def test_a_bright_frame_is_neither_head_nor_air(level, sides):
    """As screenshots have it: around the image, or on some sides, blurred where it meets the image, through JPEG."""
    image = np.clip(np.round(head_in_air()), 0, 255).astype(np.uint8)
    top, bottom, left, right = sides
    framed = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=level)
    noise = np.random.default_rng(1).integers(-3, 4, framed.shape)
    framed = np.clip(framed + noise, 0, 255).astype(np.uint8)
    if top:
        framed[:, top] = level // 2
    rows, columns = slice(top, top + 120), slice(left, left + 140)
    head = head_mask(framed)
    assert not head.sum() > head[:, rows, columns].sum()
    np.testing.assert_allclose(head[:, rows, columns].mean(), head_mask(image).mean(), rtol=0.03)


def test_lines_at_the_edges_that_resampling_left_of_a_frame_are_not_the_head():
    """Each side has its own level, and letters interrupt one."""
    image = np.clip(np.round(head_in_air()), 0, 255).astype(np.uint8)
    framed = np.pad(image, ((0, 0), (1, 1), (1, 2), (0, 0)))
    framed[:, 0], framed[:, -1], framed[:, :, 0], framed[:, :, -2:] = 68, 160, 255, 110
    framed[:, 0, 60:62] = 0
    head = head_mask(framed)
    np.testing.assert_array_equal(head[:, :, :3], False)
    np.testing.assert_allclose(head.sum(), head_mask(image).sum(), rtol=0.03)


def test_tissue_that_reaches_the_edges_is_not_a_frame():
    zoomed = head_in_air()[:, 40:80, 50:90]
    assert without_frame(zoomed) is zoomed
    smooth = np.full((1, 60, 60, 1), 100.0) + np.linspace(0, 60, 60)[:, None]  # even lines, brighter and brighter
    assert without_frame(smooth) is smooth


def test_air_of_any_level_is_not_a_frame():
    for air in (0.0, -1000.0, 0.4):
        image = head_in_air(offset=air)
        assert without_frame(image) is image
    signed = np.where(head_in_air() > 50, np.random.default_rng(2).normal(0, 1, (3, 120, 140, 1)), 0)
    assert (without_frame(signed) != signed).mean() < 1e-3  # where the head touches the air's box


@pytest.mark.parametrize("spike", [-1e30, np.nan, -np.inf])
def test_single_pixels_out_of_proportion_do_not_make_air_a_frame(spike):
    image = head_in_air()
    image[0, 30, 30] = image[0, 90, 100] = spike
    assert without_frame(image) is image


def test_an_inverted_image_keeps_its_head():
    image = head_in_air()
    inverted = 255 - np.clip(image, 0, 255)
    np.testing.assert_allclose(head_mask(inverted).mean(), head_mask(image).mean(), rtol=0.03)


def test_blank_images_have_no_frame():
    for value in (0, 255):
        blank = np.full((1, 40, 50, 1), value, np.uint8)
        assert without_frame(blank) is blank
