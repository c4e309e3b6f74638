import numpy as np

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
