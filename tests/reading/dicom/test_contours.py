"""Contours of pixels and back: exact for every shape, by our own filling and by others'."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.draw import polygon2mask

from tumorscope.io.dicom.contours import fill_contours, trace_contours


def drawn(text):
    """A mask of ``#`` and dots, with a margin of one pixel."""
    return np.pad(np.array([[sign == "#" for sign in line] for line in text.split()]), 1)


SHAPES = {
    "1 by 1": "#",
    "1 by 2": "##",
    "2 by 1": "# #",
    "2 by 2": "## ##",
    "1 by 9": "#########",
    "touching by a corner": "##.. ##.. ..## ..##",
    "ring": "##### #...# #...# #####",
    "pin hole": "### #.# ###",
    "three holes": "######### #.##.##.# ######### #########",
    "holes above each other": "### #.# ### #.# ###",
    "holes that touch by a corner are one": "##### #.### ##.## #####",
    "a hole behind a hole": "######## #.####.# #.##.#.# ######## ########",
    "an island in a hole": "####### #.....# #.###.# #.#.#.# #.###.# #.....# #######",
    "a comb": "#.#.#.# #######",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_a_shape_comes_back_pixel_for_pixel(text):
    mask = drawn(text)
    assert np.array_equal(fill_contours(trace_contours(mask), mask.shape), mask)


@settings(deadline=None, max_examples=100)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_any_mask_comes_back_pixel_for_pixel(mask):
    assert np.array_equal(fill_contours(trace_contours(mask), mask.shape), mask)


@settings(deadline=None, max_examples=60)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 10), st.integers(1, 10))))
def test_programs_that_fill_each_contour_by_itself_find_the_same_pixels(mask):
    """Keyholes leave nothing to XOR: the union of what scikit-image fills is the mask."""
    contours = trace_contours(mask)
    union = np.zeros(mask.shape, bool)
    for contour in contours:
        union |= polygon2mask(mask.shape, contour)
    assert np.array_equal(union, mask)


@settings(deadline=None, max_examples=60)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 10), st.integers(1, 10))))
def test_no_point_and_no_side_passes_a_pixel_that_is_not_inside(mask):
    """Programs that round points to pixels and draw the sides, as OpenCV does, mark nothing else."""
    for contour in trace_contours(mask):
        # Bridges are the only sides half-way between two centers: both are inside.
        for sign in (-1e-6, 1e-6):
            row, column = np.rint(contour + sign).astype(int).T
            assert mask[row, column].all()


def test_a_part_is_one_contour_and_parts_that_share_only_a_corner_are_two():
    assert len(trace_contours(drawn(SHAPES["three holes"]))) == 1
    assert len(trace_contours(drawn(SHAPES["touching by a corner"]))) == 2


def test_contours_run_a_quarter_of_a_pixel_outside_the_centers():
    (contour,) = trace_contours(drawn("###"))
    assert contour.min(axis=0).tolist() == [0.75, 0.75]
    assert contour.max(axis=0).tolist() == [1.25, 3.25]


@settings(deadline=None, max_examples=30)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 10), st.integers(1, 10))))
def test_the_side_that_closes_a_contour_runs_along_a_row(mask):
    """plastimatch 1.9.4 misses it on coronal and sagittal series where it runs across rows."""
    assert all(contour[0, 0] == contour[-1, 0] for contour in trace_contours(mask))


def square(first, last):
    return np.array([(first, first), (first, last), (last, last), (last, first)], float)


def test_a_contour_within_another_is_a_hole_and_one_within_that_is_inside():
    mask = fill_contours([square(0.5, 10.5), square(2.5, 8.5), square(4.5, 6.5)], (12, 12))
    assert mask.sum() == 10**2 - 6**2 + 2**2
    assert mask[1, 1]
    assert not mask[3, 3]
    assert mask[5, 5]


def test_a_contour_written_twice_counts_once():
    assert fill_contours([square(0.5, 4.5), square(0.5, 4.5)], (6, 6)).sum() == 16


@pytest.mark.parametrize("off", [0, 0.004, -0.004])
def test_pixels_on_a_contour_are_inside_whatever_was_rounded(off):
    """Contours through the outermost pixel centers enclose 20 by 20 pixels, not 19 by 19."""
    assert fill_contours([square(5 + off, 24 - off)], (30, 30)).sum() == 400


def test_a_hole_drawn_through_the_pixels_around_it_keeps_them():
    assert fill_contours([square(0, 9), square(3, 6)], (12, 12)).sum() == 100 - 4


def test_a_keyhole_along_pixel_centers_is_read_as_ring():
    rim, hole = square(0, 9), square(3, 6)
    keyhole = np.concatenate([rim, rim[:1], hole, hole[:1]])  # the bridge runs diagonally through centers
    assert fill_contours([keyhole], (12, 12)).sum() == 100 - 4


def test_contours_of_one_and_of_two_points_are_a_pixel_and_a_line():
    mask = fill_contours([np.array([[2.0, 3.1]]), np.array([[5.0, 1.0], [5.0, 9.0]])], (8, 12))
    assert np.argwhere(mask).tolist() == [[2, 3], *([5, column] for column in range(1, 10))]


def test_what_is_beyond_the_slice_is_left_out():
    mask = fill_contours([square(-4.5, 3.5), np.array([[50.0, 1.0]])], (8, 8))
    assert mask.sum() == 16
