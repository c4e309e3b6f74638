"""A stack whose slices are missing or lean: where its voxels are, and what each slice represents."""

import numpy as np
import pytest

from tumorscope.core.geometry import EvenGrid, Geometry

AFFINE = np.array([[-0.5, 0, 0, 10], [0, -0.8, 0, 20], [0, 0, 4.0, -30], [0, 0, 0, 1]])
LEANING = AFFINE + np.array([[0, 0, 1.2, 0], [0, 0, -0.3, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
GAP = np.array([0.0, 1, 2, 4, 5])
"""Slice 3 of 6 is missing."""


def test_each_slice_is_where_it_is_and_not_where_its_number_would_have_it():
    stack = Geometry((5, 8, 9), AFFINE, GAP)
    assert stack.to_mm(np.array([3, 0, 0])).tolist() == [10, 20, -14]
    assert stack.to_mm(np.array([4, 2, 6])).tolist() == [7, 18.4, -10]
    assert stack.to_index(np.array([7, 18.4, -10])) == pytest.approx([4, 2, 6])


def test_positions_between_and_beyond_slices_are_counted_on():
    stack = Geometry((5, 8, 9), AFFINE, GAP)
    assert stack.to_index(np.array([10, 20, -18.0])) == pytest.approx([2.5, 0, 0]), "half way over the gap"
    assert stack.to_index(np.array([10, 20, -6.0])) == pytest.approx([5, 0, 0]), "one step above the last slice"
    assert stack.to_index(np.array([10, 20, -34.0])) == pytest.approx([-1, 0, 0])


def test_slices_represent_the_patient_to_half_way_to_their_neighbors():
    stack = Geometry((5, 8, 9), AFFINE, GAP)
    assert stack.slice_extents.tolist() == [1, 1, 1.5, 1.5, 1]
    whole = np.full(5, 8 * 9)
    assert stack.volume_mm3(whole) == pytest.approx(6 * 8 * 9 * 0.5 * 0.8 * 4), "as if no slice were missing"
    assert stack.extent_mm(0, 4) == pytest.approx(24)
    assert stack.extent_mm(2, 3) == pytest.approx(12)


def test_planes_are_as_far_apart_as_at_a_right_angle_however_the_stack_leans():
    assert Geometry((5, 8, 9), LEANING).spacing_mm == pytest.approx((4, 0.8, 0.5))
    assert Geometry((5, 8, 9), LEANING).voxel_volume_mm3 == pytest.approx(1.6)
    assert Geometry((5, 8, 9), LEANING).leans
    assert not Geometry((5, 8, 9), AFFINE, GAP).leans


@pytest.mark.parametrize("affine", [AFFINE, LEANING])
@pytest.mark.parametrize("positions", [None, GAP, np.array([0, 1, 1.6, 3.3, 4.3])])
def test_an_even_grid_shows_every_slice_where_it_is_to_within_half_a_voxel(affine, positions):
    stack = Geometry((5, 8, 9), affine, positions)
    grid = EvenGrid.of(stack)
    assert grid.geometry.is_even
    assert not grid.geometry.leans
    assert set(grid.slices) == set(range(5))
    numbered = np.arange(1, 5 * 8 * 9 + 1).reshape(5, 8, 9)
    placed = grid.place(numbered)
    shown = np.argwhere(placed)
    index = np.stack(np.unravel_index(placed[tuple(shown.T)] - 1, numbered.shape), axis=1)
    x, y, z = np.abs(grid.geometry.to_mm(shown) - stack.to_mm(index)).T
    assert x.max() <= 0.25 + 1e-9, "half a column"
    assert y.max() <= 0.4 + 1e-9, "half a row"
    apart = grid.geometry.spacing_mm[0]
    assert set(index[z <= apart / 2 + 1e-9, 0]) == set(range(5))


def test_an_even_stack_is_its_own_even_grid():
    stack = Geometry((5, 8, 9), AFFINE)
    grid = EvenGrid.of(stack)
    array = np.zeros(stack.shape)
    assert grid.place(array) is array
    assert np.array_equal(grid.geometry.affine, AFFINE)


def test_slices_far_apart_do_not_make_an_endless_grid():
    positions = np.array([0, 0.01, 1, 2, 900])
    assert EvenGrid.of(Geometry((5, 8, 9), AFFINE, positions)).geometry.shape[0] <= 8 * 5 + 1


def test_one_grid_is_one_only_if_its_slices_are_at_the_same_positions():
    stack = Geometry((5, 8, 9), AFFINE, GAP)
    assert stack.same_grid(Geometry((5, 8, 9), AFFINE + 1e-6, GAP + 1e-4))
    assert not stack.same_grid(Geometry((5, 8, 9), AFFINE))
    assert not stack.same_grid(Geometry((5, 8, 9), AFFINE, np.array([0.0, 1, 2, 3, 5])))
    assert not stack.same_grid(Geometry((5, 8, 9), LEANING, GAP))


def test_a_volume_that_is_mostly_in_a_gap_is_told():
    wide = Geometry((5, 8, 9), AFFINE, np.array([0.0, 1, 2, 12, 13]))
    assert wide.unseen_share(np.array([9, 9, 0, 0, 0])) == 0
    assert wide.unseen_share(np.array([0, 9, 9, 0, 0])) == pytest.approx(4.5 / 6.5)
    assert Geometry((5, 8, 9), AFFINE).unseen_share(np.full(5, 3)) == 0


def test_axes_that_are_turned_have_the_same_voxels_but_are_not_the_same_grid():
    stack = Geometry((5, 8, 9), AFFINE)
    # Columns become slices, and run the other way.
    turn = np.array([[0, 0, -1, 8], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
    turned = Geometry((9, 8, 5), AFFINE @ turn)
    assert turned.same_voxels(stack)
    assert stack.same_voxels(turned)
    assert not turned.same_grid(stack)
    shifted = AFFINE.copy()
    shifted[2, 3] += 4
    assert not Geometry((5, 8, 9), shifted).same_voxels(stack), "by a whole voxel"
    assert not Geometry((5, 8, 8), AFFINE).same_voxels(stack), "without a column"


@pytest.mark.parametrize(("voxels", "same"), [(0.018, True), (0.03, False)])
def test_one_tolerance_decides_whether_grids_are_one(voxels: float, same: bool):
    stack = Geometry((5, 8, 9), AFFINE)
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.5 * voxels
    assert Geometry((5, 8, 9), shifted).same_grid(stack) is same
    assert Geometry((5, 8, 9), shifted).same_voxels(stack) is same
