from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading.files import rotation

from tumorscope.io.orientation import radiological_grid, scan_affine, slice_direction

SHAPE = (5, 6, 7)
ORIENTATIONS = [
    (order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def stored_affine(order, signs, spacing=(1.0, 1.1, 1.2)) -> np.ndarray:
    """Stored axis k runs along patient axis ``order[k]`` with ``signs[k]``."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis in range(3):
        affine[order[axis], axis] = signs[axis] * spacing[axis]
    affine[:3, 3] = (12, -7, 3)
    return affine


def assert_marked_voxel_stays(affine: np.ndarray, shape=SHAPE) -> None:
    """A voxel marked in patient space lands on the same point in the scan and returns."""
    grid = radiological_grid(shape, affine)
    stored = np.zeros(shape)
    mark = tuple(min(2, length - 1) for length in shape)
    stored[mark] = 1
    scan = grid.to_scan(stored.reshape((*shape, 1)[:3]))
    slice_, row, column = np.argwhere(scan == 1)[0]
    there = scan_affine(grid) @ (column, row, slice_, 1)
    expected = affine @ np.array([*(*mark, 0)[:3], 1.0])
    assert np.allclose(there, expected)
    assert np.array_equal(grid.to_stored(scan), stored)


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_a_marked_voxel_stays_where_it_is_in_all_48_orientations(order, signs):
    assert_marked_voxel_stays(stored_affine(order, signs))


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_equal_spacing_is_shown_axially_column_left_row_posterior_slice_superior(order, signs):
    affine = scan_affine(radiological_grid(SHAPE, stored_affine(order, signs, (1, 1, 1))))
    assert np.allclose(affine[:3, :3], np.diag([-1, -1, 1]))


@given(
    st.sampled_from(ORIENTATIONS),
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(0.3, 6)] * 3),
)
@settings(max_examples=60, deadline=None)
def test_oblique_volumes_return_to_their_grid(orientation, angles, spacing):
    affine = stored_affine(*orientation, spacing)
    affine[:3, :3] = rotation(*angles) @ affine[:3, :3]
    assert_marked_voxel_stays(affine)


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_thick_slices_are_shown_in_their_own_plane(plane: int):
    spacing = [1.0, 1.0, 1.0]
    spacing[plane] = 5.0
    affine = scan_affine(radiological_grid(SHAPE, np.diag([*spacing, 1.0])))
    directions = np.sign(affine[:3, :3].round(6)).T  # rows: column, row, slice directions in RAS
    left, posterior, superior, inferior, right = (-1, 0, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (1, 0, 0)
    expected = {0: (posterior, inferior, right), 1: (left, inferior, posterior), 2: (left, posterior, superior)}
    assert directions.tolist() == [list(direction) for direction in expected[plane]]


def test_an_axis_of_length_one_is_the_slice_axis():
    grid = radiological_grid((30, 1, 30), np.eye(4))
    assert grid.to_scan(np.zeros((30, 1, 30))).shape == (1, 30, 30)


def test_an_image_of_two_axes_is_one_slice():
    assert_marked_voxel_stays(np.diag([-0.5, 2.0, 1.0, 1.0]), shape=(5, 6))


@pytest.mark.parametrize(
    ("normal", "expected"),
    [((0, 0, -1), (0, 0, 1)), ((0, 0.1, 0.99), (0, 0.1, 0.99)), ((0, -1, 0), (0, 1, 0)), ((1, 0, 0), (-1, 0, 0))],
)
def test_dicom_slices_are_counted_up_back_and_right(normal, expected):
    assert slice_direction(np.array(normal, float)).tolist() == list(map(float, expected))
