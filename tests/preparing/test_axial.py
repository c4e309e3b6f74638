import itertools

import numpy as np
import pytest

from tumorscope.preprocessing.axial import View, acquired_plane, axial_view
from tumorscope.preprocessing.sampling import SliceSampling, sample_slices

AXIAL = np.diag([-1.0, -1.0, 1.0, 1.0])  # columns to the left, rows to posterior, slices to superior


def reordered(
    volume: np.ndarray, order: tuple[int, int, int], flips: tuple[bool, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """A volume with its axes permuted and flipped, and the affine that says so."""
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for new_axis, old_axis in enumerate(order):
        sign = -1 if flips[new_axis] else 1
        affine[:3, 2 - new_axis] = sign * AXIAL[:3, 2 - old_axis]
    stored = np.flip(volume.transpose(order), [axis for axis in range(3) if flips[axis]])
    return stored, affine


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
@pytest.mark.parametrize("flips", itertools.product([False, True], repeat=3))
def test_an_isotropic_volume_looks_the_same_however_it_was_acquired(order, flips):
    volume = np.random.default_rng(0).random((5, 6, 7))
    stored, affine = reordered(volume, order, flips)
    view = axial_view(stored.shape, affine)
    np.testing.assert_array_equal(view.forward(stored), volume)
    np.testing.assert_array_equal(view.inverse(view.forward(stored)), stored)


def test_a_tilted_head_is_cut_in_the_nearest_plane():
    angle = np.deg2rad(25)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = AXIAL.copy()
    affine[:3, :3] = turn @ affine[:3, :3]
    assert axial_view((5, 6, 7), affine).axes == (0, 1, 2)


def test_a_thick_sagittal_stack_keeps_its_slices():
    affine = np.array([[0.0, 0, 6, 0], [-0.5, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 0, 1]])
    assert acquired_plane(affine) == "sagittal"
    view = axial_view((20, 256, 256), affine)
    assert view == View(spacing_mm=(6.0, 0.5, 0.5))
    assert view.is_acquired


def test_spacing_follows_the_axes():
    stored, affine = reordered(np.zeros((5, 6, 7)), (2, 0, 1), (False, False, False))
    affine[:3, 2] *= 1.2  # the acquired slices run from side to side
    view = axial_view(stored.shape, affine)
    assert view.spacing_mm == pytest.approx((1.0, 1.0, 1.2))
    assert view.pixel_aspect == pytest.approx(1 / 1.2)
    assert not view.is_acquired


def test_without_geometry_nothing_is_turned():
    assert axial_view((3, 4, 5), None) == View()
    assert acquired_plane(None) is None


@pytest.mark.parametrize(
    ("spacing", "stride", "step"),
    [
        *((1.0, 3, 2), (2.0, 1, 3), (3.0, 1, 2), (5.0, 1, 1), (6.5, 1, 1), (0.5, 6, 2)),
        *((4.0, 1, 2), (4.002, 1, 2), (1.002, 3, 2), (3.003, 1, 2), (2.4, 1, 3)),  # at a limit, or nearly
    ],
)
def test_thin_slices_are_sampled_at_half_the_distance_of_training(spacing, stride, step):
    sampling = sample_slices(100, spacing, 6.0)
    assert (sampling.stride, sampling.step) == (stride, step)


def test_slices_of_unknown_distance_are_all_analyzed():
    assert sample_slices(100, None, 6.0) == sample_slices(100, 1.0, None) == SliceSampling(100)
    assert sample_slices(1, 1.0, 6.0) == SliceSampling(1)


def test_between_analyzed_slices_values_change_linearly_and_the_ends_are_analyzed():
    sampling = SliceSampling(count=9, stride=3)
    assert sampling.indices.tolist() == [0, 3, 6, 8]
    values = np.array([0.0, 3.0, 6.0, 10.0], np.float32)
    spread = sampling.spread(np.stack([values, values], axis=1))
    assert spread[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 10]
    assert spread.dtype == np.float32
