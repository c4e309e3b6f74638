"""RANO's two diameters against brute force, analytic shapes and the mistakes that peers shipped."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import pdist
from skimage.measure import find_contours

from tumorscope.measurement.diameters import Diameter, Diameters, find_diameters

masks = arrays.arrays(bool, st.tuples(st.just(1), st.integers(1, 12), st.integers(1, 12))).filter(np.any)
sizes = st.tuples(st.floats(0.4, 3), st.floats(0.4, 3))


def contour(mask, size):
    """Of ``(row, column)`` by scikit-image, as pieces ``(piece, end, 2)`` in mm."""
    lines = find_contours(np.pad(mask, 1).astype(float), 0.5, fully_connected="high")
    return np.array([(one, other) for line in lines for one, other in pairwise(line - 1)]) * np.array(size)


def chord_lengths(pieces, direction, count=500):
    """The longest stretch inside, on each of many lines in one direction."""
    normal = np.array([-direction[1], direction[0]])
    place, height = pieces @ normal, pieces @ direction
    longest = []
    for level in np.linspace(place.min(), place.max(), count + 2)[1:-1] + 1e-7:
        cut = (place.min(axis=1) < level) & (place.max(axis=1) > level)
        share = (level - place[cut, 0]) / (place[cut, 1] - place[cut, 0])
        crossings = np.sort(height[cut, 0] + share * (height[cut, 1] - height[cut, 0]))
        longest.append(np.max(crossings[1::2] - crossings[::2], initial=0))
    return np.array(longest)


def ends_mm(diameter, size):
    return np.array([diameter.start, diameter.end]) * size


@settings(max_examples=60, deadline=None)
@given(masks, sizes)
def test_the_longest_is_the_longest_of_all_pairs_of_points(mask, size):
    found = find_diameters(mask, size)
    pieces = contour(mask[0], size)
    assert found.longest.length == pytest.approx(pdist(pieces.reshape(-1, 2)).max(), abs=2e-3)
    start, end = ends_mm(found.longest, size)
    assert np.linalg.norm(end - start) == pytest.approx(found.longest.length, abs=5e-3)


@settings(max_examples=15, deadline=None)
@given(masks, sizes)
def test_the_perpendicular_is_the_longest_stretch_of_all_lines_at_a_right_angle(mask, size):
    found = find_diameters(mask, size)
    long, across = (np.diff(ends_mm(line, size), axis=0)[0] for line in (found.longest, found.perpendicular))
    assert abs(long @ across) <= 0.01 * np.linalg.norm(long) * max(np.linalg.norm(across), 0.5)
    lengths = chord_lengths(contour(mask[0], size), np.array([-long[1], long[0]]) / np.linalg.norm(long))
    # No line of many is longer, and the nearest of them is hardly shorter than the corner it passes.
    assert lengths.max() <= found.perpendicular.length + 2e-3
    assert lengths.max() >= found.perpendicular.length - 0.2 * max(size)


@settings(max_examples=40, deadline=None)
@given(masks)
def test_nothing_depends_on_which_way_the_image_is_held(mask):
    found = find_diameters(mask, (0.7, 1.3))
    turned = find_diameters(mask.transpose(0, 2, 1)[:, ::-1], (1.3, 0.7))
    assert turned.longest.length == pytest.approx(found.longest.length, abs=2e-3)


@pytest.mark.parametrize("size", [(1.0, 1.0), (0.5, 2.0), (0.49, 0.49)])
def test_one_pixel_is_as_long_as_a_pixel(size):
    found = find_diameters(np.ones((1, 1, 1), bool), size)
    assert (found.longest.length, found.perpendicular.length) == pytest.approx((max(size), min(size)))


def test_a_row_of_pixels_is_as_long_as_they_are():
    found = find_diameters(np.ones((1, 1, 5), bool), (0.8, 0.8))
    assert (found.longest.length, found.perpendicular.length) == pytest.approx((4.0, 0.8))
    assert (found.longest.start, found.longest.end) == ((0.0, -0.5), (0.0, 4.5))


@pytest.mark.parametrize("angle", range(0, 180, 15))
@pytest.mark.parametrize("size", [(1.0, 1.0), (0.9, 0.6), (0.5, 1.4)])
def test_an_ellipse_has_its_axes_each_end_within_half_a_pixel(angle, size):
    row, column = np.mgrid[-60:61, -60:61]
    y, x = (row + 0.23) * size[0], (column - 0.37) * size[1]
    turn = np.radians(angle)
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    mask = (along / 24) ** 2 + (across / 15) ** 2 <= 1
    found = find_diameters(mask[None], size)
    for line, axis in ((found.longest, 48), (found.perpendicular, 30)):
        direction = np.diff(ends_mm(line, size), axis=0)[0] / line.length
        pixel = np.abs(direction) @ size  # how long a pixel is this way
        assert abs(line.length - axis) / 2 < 0.5 * pixel
    assert not found.crosses_gap


def test_lengths_are_in_mm_and_never_multiplied_by_the_voxels_volume():
    """A disc 20 mm wide is that, however long or far apart the voxels are."""
    for size in ((1.0, 1.0), (0.5, 0.5), (0.25, 0.5)):
        row, column = np.mgrid[-50:51, -50:51]
        disc = ((row * size[0]) ** 2 + (column * size[1]) ** 2 <= 100)[None]
        found = find_diameters(np.repeat(disc, 3, axis=0), size)
        assert found.longest.length == pytest.approx(20, abs=2 * max(size))
        assert found.perpendicular.length == pytest.approx(20, abs=2 * max(size))
        assert found.product == pytest.approx(found.longest.length * found.perpendicular.length)


def test_the_slice_is_the_one_with_the_largest_product():
    mask = np.zeros((4, 40, 40), bool)
    mask[0, 20, 2:38] = True  # longest
    mask[1, 5:18, 5:18] = True
    mask[2, 5:25, 5:25] = True  # widest
    assert find_diameters(mask, corner=(10, 0, 0)).slice == 12


def test_a_corner_moves_the_ends_and_not_the_lengths():
    mask = np.random.default_rng(0).random((2, 9, 9)) < 0.5
    plain, moved = find_diameters(mask), find_diameters(mask, corner=(3, 100, 200))
    assert moved.product == plain.product
    assert np.subtract(moved.longest.start, plain.longest.start) == pytest.approx((100, 200))


def test_a_line_across_a_cavity_is_not_a_diameter():
    """A ring: the longest line says that it leaves the lesion, the other one stays within it."""
    row, column = np.mgrid[-30:31, -30:31]
    distance = np.hypot(row, column)
    ring = ((distance < 25) & (distance > 18))[None]
    found = find_diameters(ring)
    assert found.crosses_gap
    assert found.longest.length == pytest.approx(50, abs=1.1)
    assert found.perpendicular.length == pytest.approx(2 * np.sqrt(25**2 - 18**2), abs=1.5)
    assert not find_diameters((distance < 25)[None]).crosses_gap


def test_parts_that_only_touch_are_not_one_line():
    """Bars above and below a long one, one column apart: no straight line runs through both."""
    mask = np.zeros((1, 11, 31), bool)
    mask[0, 5] = mask[0, :5, 10] = mask[0, 6:, 11] = True
    assert find_diameters(mask).perpendicular.length == pytest.approx(6)


def test_a_line_that_slants_along_the_steps_of_an_edge_is_inside():
    mask = np.zeros((1, 40, 40), bool)
    for step in range(36):
        mask[0, step // 3 : step // 3 + 3, step : step + 3] = True
    assert not find_diameters(mask).crosses_gap


def test_a_product_is_of_both_lengths():
    line = Diameter(4.0, (0, 0), (0, 4)), Diameter(3.0, (0, 0), (3, 0))
    assert Diameters(0, *line).product == 12
