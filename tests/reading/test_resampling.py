from __future__ import annotations

import numpy as np
import pytest
from dicom_making import CORONAL, SAGITTAL, Grid, oblique

from tumorscope.core.geometry import Geometry
from tumorscope.preprocessing.resampling import coverage, resample_onto

GRID = Grid((12, 40, 36), (5.0, 2.0, 2.5))


def geometry(grid: Grid) -> Geometry:
    return Geometry(grid.shape, grid.affine)


def ramp(grid: Grid) -> np.ndarray:
    """A value that grows evenly along each axis of the patient: linear interpolation is exact on it."""
    index = np.stack([*np.indices(grid.shape)[::-1], np.ones(grid.shape)], axis=-1)
    x, y, z, _ = np.moveaxis(index @ grid.affine.T, -1, 0)
    return (1000 + 2 * x - 3 * y + 5 * z).astype(np.float32)


@pytest.mark.parametrize(
    "source",
    [
        Grid((24, 60, 60), (3.0, 2.0, 2.0)),
        Grid((24, 60, 60), (3.0, 2.0, 2.0), shift_mm=(1.3, -2.1, 0.7)),
        Grid((60, 40, 50), (2.0, 2.5, 2.5), SAGITTAL),
        Grid((60, 40, 50), (2.0, 2.5, 2.5), CORONAL),
        Grid((40, 80, 80), (2.5, 2.0, 2.0), oblique(12, -7, 20)),
        Grid((30, 80, 80), (4.0, 2.0, 2.0), (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)),
    ],
)
def test_values_stay_at_their_place_in_the_patient(source: Grid):
    assert coverage(geometry(source), geometry(GRID)) == 1
    carried = resample_onto(ramp(source), geometry(source), geometry(GRID))
    inside = (slice(1, -1), slice(2, -2), slice(2, -2))  # at the rim a voxel's outer half takes its center's value
    assert np.abs(carried - ramp(GRID))[inside].max() < 0.02


@pytest.mark.parametrize("turn", [(0, 0, 0), (3, 1, -2)])
def test_whole_numbers_stay_whole_and_within_half_a_unit(turn: tuple[float, float, float]):
    source = Grid((24, 60, 60), (3.0, 2.0, 2.0), oblique(*turn))
    carried = resample_onto(np.rint(ramp(source)).astype(np.int16), geometry(source), geometry(GRID))
    assert carried.dtype == np.int16
    assert np.abs(carried - ramp(GRID))[1:-1, 2:-2, 2:-2].max() <= 1.02


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 0, 4)])
def test_where_a_volume_does_not_reach_its_lowest_value_stands(turn: tuple[float, float, float]):
    source = Grid((6, 40, 36), (5.0, 2.0, 2.5), oblique(*turn))
    volume = np.full(source.shape, 7, np.int16)
    volume[2, 20, 20] = -3
    carried = resample_onto(volume, geometry(source), geometry(GRID))
    middle = (slice(None), slice(10, 30), slice(10, 26))
    assert (carried[middle][:3] == -3).all(), "below the volume"
    assert (carried[middle][9:] == -3).all(), "above it"
    assert carried[middle][4:8].max() == 7


def test_both_ways_of_interpolating_agree():
    noise = np.random.default_rng(0).normal(0, 1, (20, 40, 40)).astype(np.float32)
    source = Grid((20, 40, 40), (3.0, 2.0, 2.0), oblique(0, 0, 0.02))
    tilted = Grid((20, 40, 40), (3.0, 2.0, 2.0), oblique(0, 0, 0.4))
    one = resample_onto(noise, geometry(source), geometry(GRID))
    other = resample_onto(noise, geometry(tilted), geometry(GRID))
    assert np.abs(one - other)[1:-1, 4:-4, 4:-4].mean() < 0.1
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def test_one_grid_is_recognized_however_its_affine_was_rounded():
    rounded = GRID.affine + np.random.default_rng(1).uniform(-1e-5, 1e-5, (4, 4)) * [[1], [1], [1], [0]]
    assert geometry(GRID).same_grid(Geometry(GRID.shape, rounded))
    assert not geometry(GRID).same_grid(Geometry((13, 40, 36), GRID.affine))
    moved = Grid(GRID.shape, GRID.spacing_mm, shift_mm=(0.2, 0, 0))
    assert not geometry(GRID).same_grid(geometry(moved))
    volume = ramp(GRID)
    assert resample_onto(volume, geometry(GRID), Geometry(GRID.shape, rounded)) is volume


def test_coverage_is_the_share_of_the_grid():
    half = Grid((6, 40, 36), (5.0, 2.0, 2.5), shift_mm=(0, 0, -15.0))
    assert coverage(geometry(half), geometry(GRID)) == pytest.approx(0.5)
    far = Grid((6, 40, 36), (5.0, 2.0, 2.5), shift_mm=(500.0, 0, 0))
    assert coverage(geometry(far), geometry(GRID)) == 0


def with_gaps(grid: Grid, *missing: int) -> tuple[np.ndarray, Geometry]:
    """A ramp on a grid some of whose slices are missing."""
    kept = np.setdiff1d(np.arange(grid.shape[0]), missing)
    positions = kept - kept[0]
    return ramp(grid)[kept], Geometry((len(kept), *grid.shape[1:]), grid.affine, positions.astype(float))


@pytest.mark.parametrize("turn", [(0, 0, 0), (12, -7, 20)])
def test_missing_slices_move_nothing_and_one_is_bridged(turn: tuple[float, float, float]):
    source = Grid((40, 80, 80), (2.5, 2.0, 2.0), oblique(*turn))
    volume, stack = with_gaps(source, 15, 22)
    carried = resample_onto(volume, stack, geometry(GRID))
    inside = (slice(1, -1), slice(2, -2), slice(2, -2))
    assert np.abs(carried - ramp(GRID))[inside].max() < 0.02
    assert coverage(stack, geometry(GRID)) == 1


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 0, 4)])
def test_where_several_slices_are_missing_nothing_is_made_up(turn: tuple[float, float, float]):
    source = Grid((12, 60, 60), (5.0, 2.0, 2.0), oblique(*turn))
    volume, stack = with_gaps(source, 4, 5, 6)
    carried = resample_onto(volume, stack, geometry(GRID))
    assert (carried[5, 10:30, 10:26] == volume.min()).all()
    assert np.abs(carried - ramp(GRID))[[2, 3, 7, 8, 9], 10:30, 10:26].max() < 0.02
    assert coverage(stack, geometry(GRID)) == pytest.approx(11 / 12)


def test_a_grid_that_lacks_slices_gets_the_values_of_those_it_has():
    source = Grid((24, 60, 60), (3.0, 2.0, 2.0))
    expected, onto = with_gaps(GRID, 4, 5, 9)
    carried = resample_onto(ramp(source), geometry(source), onto)
    assert np.abs(carried - expected)[1:-1, 2:-2, 2:-2].max() < 0.02
