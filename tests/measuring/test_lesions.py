from dataclasses import replace

import numpy as np
import pytest
from measuring.ellipsoids import Ellipsoid, Grid

from tumorscope.core.note import texts
from tumorscope.core.scan import Scan
from tumorscope.measurement.lesions import find_lesions, total_volume_mm3, unknown_volumes


def scan_of(shape, affine=None):
    return Scan(np.zeros((*shape, 1)), ("flair",), "case", "volume", affine=affine)


def two_lesions():
    mask = np.zeros((6, 20, 20), bool)
    mask[1:4, 3:9, 4:8] = True
    mask[4:6, 14:16, 14:17] = True
    return mask


def test_two_lesions_stay_two_and_the_largest_comes_first():
    mask = two_lesions()
    large, small = find_lesions(mask, scan_of(mask.shape), np.linspace(0, 1, 6))
    assert (large.voxels, small.voxels) == (72, 12)
    assert (large.first, large.last) == ((1, 3, 4), (3, 8, 7))
    assert large.center == (2.0, 5.5, 5.5)
    assert small.tumor_probability == 1.0
    assert large.tumor_probability == pytest.approx(0.6)


def test_volume_counts_slice_gaps_and_oblique_axes():
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.5, 0.7, 6.0])
    affine[:3, 3] = (-10, 20, 30)
    mask = two_lesions()
    lesion = find_lesions(mask, scan_of(mask.shape, affine), np.ones(6))[0]
    assert lesion.volume_mm3 == pytest.approx(72 * 0.5 * 0.7 * 6.0)
    np.testing.assert_allclose(lesion.center_mm, (affine @ (5.5, 5.5, 2.0, 1))[:3], atol=0.01)


def test_without_an_affine_nothing_is_said_in_millimeters():
    mask = two_lesions()
    lesion = find_lesions(mask, scan_of(mask.shape), np.ones(6))[0]
    assert lesion.volume_mm3 is None
    assert lesion.center_mm is None


def test_voxels_that_share_a_corner_are_one_lesion():
    mask = np.zeros((2, 4, 4), bool)
    mask[0, 1, 1] = mask[1, 2, 2] = True
    assert len(find_lesions(mask, scan_of(mask.shape), np.ones(2))) == 1


GRIDS = {
    "isotropic": Grid((48, 64, 64), (1.0, 1.0, 1.0)),
    "anisotropic": Grid((24, 72, 80), (2.5, 0.9, 0.8)),
    "thick slices": Grid((14, 96, 96), (5.5, 0.7, 0.7)),
    "oblique": Grid((30, 64, 64), (2.0, 1.0, 1.0), angles=(20, -15, 35)),
    "oblique and anisotropic": Grid((30, 90, 60), (2.0, 0.6, 1.1), angles=(-33, 10, 70)),
}
SOLIDS = {
    "ball": Ellipsoid((18, 18, 18), center=(0.4, -1.1, 0.3)),
    "upright": Ellipsoid((22, 14, 17), center=(1.3, 0.2, -0.7)),
    "askew": Ellipsoid((23, 13, 16), angles=(25, 40, -10), center=(-0.6, 0.9, 1.2)),
}


@pytest.mark.parametrize("solid", SOLIDS.values(), ids=SOLIDS)
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_an_ellipsoid_is_measured_to_within_half_a_voxel(grid, solid):
    mask = solid.mask(grid)
    (lesion,) = find_lesions(mask, grid.scan(), np.ones(grid.shape[0]))
    assert lesion.volume_mm3 == pytest.approx(solid.volume, rel=0.015)
    voxel = np.array(grid.spacing)
    # The center, along slice, row and column.
    away = (np.array(lesion.center_mm) - solid.center) @ grid.directions[:, ::-1]
    assert (np.abs(away) < 0.1 * voxel).all()
    # Both faces of the bounding box; the last voxel's own middle lies inside.
    half = np.sqrt(np.einsum("ij,ik,kj->j", grid.directions, solid.covariance, grid.directions))[::-1]
    assert (np.abs(np.array(lesion.extent_mm) - 2 * half) < 2 * 0.55 * voxel).all()
    # The diameters, each end.
    found = lesion.diameters
    (longer, shorter), vectors = solid.section(grid, found.slice)
    if longer < shorter:
        (longer, shorter), vectors = (shorter, longer), vectors[:, ::-1]
    for line, axis, direction in (
        (found.longest, longer, vectors[:, 0]),
        (found.perpendicular, shorter, vectors[:, 1]),
    ):
        pixel = float(np.abs(direction) @ voxel[:0:-1])
        assert abs(line.length - 2 * axis) / 2 < 0.5 * pixel
    # And no slice shows a clearly larger section.
    largest = max(np.prod(solid.section(grid, index)[0]) for index in np.flatnonzero(mask.any(axis=(1, 2))))
    assert longer * shorter > 0.95 * largest


def test_on_the_whole_sizes_are_neither_too_large_nor_too_small():
    """Over many places of one ellipsoid the errors of extent and volume cancel out."""
    grid, errors = GRIDS["anisotropic"], []
    for center in np.random.default_rng(0).uniform(-1.5, 1.5, (20, 3)):
        solid = Ellipsoid((20, 13, 16), angles=(10, 20, 30), center=tuple(center))
        (lesion,) = find_lesions(solid.mask(grid), grid.scan(), np.ones(grid.shape[0]))
        half = np.sqrt(np.diag(solid.covariance))[::-1]
        errors.append([*(np.array(lesion.extent_mm) - 2 * half) / grid.spacing, lesion.volume_mm3 / solid.volume - 1])
    mean = np.mean(errors, axis=0)
    assert (np.abs(mean[:3]) < 0.4).all()
    assert abs(mean[3]) < 0.002


def test_diameters_stay_the_same_when_slices_move_apart():
    """What Raidionics got wrong: lengths multiplied by the voxel's volume."""
    mask = SOLIDS["ball"].mask(GRIDS["isotropic"])
    near, far = (
        find_lesions(mask, Grid(mask.shape, (apart, 1.0, 1.0)).scan(), np.ones(len(mask)))[0] for apart in (1.0, 4.0)
    )
    assert far.volume_mm3 == pytest.approx(4 * near.volume_mm3)
    assert far.diameters == near.diameters
    assert far.extent_mm == (4 * near.extent_mm[0], *near.extent_mm[1:])
    fine = find_lesions(mask, Grid(mask.shape, (1.0, 0.5, 0.5)).scan(), np.ones(len(mask)))[0]
    assert fine.diameters.longest.length == pytest.approx(near.diameters.longest.length / 2, abs=2e-3)


def test_a_lesion_of_one_voxel_is_kept_and_has_a_size():
    mask = two_lesions()
    mask[0, 19, 19] = True
    scan = Grid(mask.shape, (3.0, 0.5, 0.5)).scan()
    lesions = find_lesions(mask, scan, np.ones(6))
    assert [lesion.voxels for lesion in lesions] == [72, 12, 1]
    dot = lesions[-1]
    assert dot.extent_mm == (3.0, 0.5, 0.5)
    assert (dot.diameters.longest.length, dot.diameters.perpendicular.length) == (0.5, 0.5)
    assert dot.measurable is False


def test_a_lesion_that_fills_the_scan_is_measured_to_its_edges():
    mask = np.ones((3, 12, 16), bool)
    (lesion,) = find_lesions(mask, Grid(mask.shape, (4.0, 1.0, 1.0)).scan(), np.ones(3))
    assert lesion.extent_mm == (12.0, 12.0, 16.0)
    assert lesion.diameters.longest.length == pytest.approx(np.hypot(11, 16), abs=0.6)
    assert lesion.diameters.slice == 0


def test_diameters_are_where_the_lesion_is():
    mask = np.zeros((6, 60, 60), bool)
    mask[3:5, 40:44, 10:31] = True
    found = find_lesions(mask, scan_of(mask.shape), np.ones(6))[0].diameters
    assert found.slice == 3
    (top, left), (bottom, right) = np.sort([found.longest.start, found.longest.end], axis=0)
    assert (top >= 39.5, bottom <= 43.5, left == 9.5 or right == 30.5) == (True, True, True)


@pytest.mark.parametrize(
    ("sides", "slices", "apart", "why"),
    [
        ((14, 13), 3, 3.0, None),
        ((14, 9), 3, 3.0, "a diameter under 10 mm"),
        ((14, 13), 1, 3.0, "in one slice only"),
        ((14, 11), 3, 6.0, "a diameter under 12 mm"),  # twice the distance of thick slices
        ((14, 13), 3, 6.0, None),
    ],
)
def test_rano_says_which_lesions_are_measurable(sides, slices, apart, why):
    mask = np.zeros((5, 40, 40), bool)
    mask[1 : 1 + slices, 5 : 5 + sides[0], 5 : 5 + sides[1]] = True
    # A bar, so that the diameters are its sides and not its diagonals.
    mask[:, 5 : 5 + sides[0], 5 : 5 + sides[1]] &= _bar(sides)
    (lesion,) = find_lesions(mask, Grid(mask.shape, (apart, 1.0, 1.0)).scan(), np.ones(5))
    assert lesion.nonmeasurable_reason == why
    assert lesion.measurable is (why is None)


def test_a_lesion_around_a_cavity_is_not_measurable():
    row, column = np.indices((60, 60)) - 30
    ring = np.repeat(((np.hypot(row, column) < 25) & (np.hypot(row, column) > 15))[None], 4, axis=0)
    (lesion,) = find_lesions(ring, Grid(ring.shape, (3.0, 1.0, 1.0)).scan(), np.ones(4))
    assert lesion.nonmeasurable_reason == "its longest diameter crosses a gap"


def _bar(sides):
    row, column = np.indices(sides)
    (a, b) = np.array(sides) / 2
    return ((row - a + 0.5) / a) ** 2 + ((column - b + 0.5) / b) ** 2 <= 1


def test_without_a_voxel_size_no_one_knows_whether_a_lesion_is_measurable():
    mask = two_lesions()
    lesion = find_lesions(mask, scan_of(mask.shape), np.ones(6))[0]
    assert (lesion.measurable, lesion.nonmeasurable_reason, lesion.extent_mm) == (None, None, None)
    assert lesion.diameters.longest.length > 0


def uneven(positions, shape=(5, 20, 20)) -> Scan:
    affine = np.diag([0.5, 0.5, 2.0, 1])
    return replace(scan_of(shape, affine), slice_positions=np.array(positions, float))


def test_a_volume_counts_slices_to_half_way_to_their_neighbors():
    scan = uneven([0, 1, 2, 4, 5])
    mask = np.zeros(scan.shape, bool)
    mask[1:4, 2:12, 3:13] = True
    (lesion,) = find_lesions(mask, scan, np.ones(5))
    assert lesion.volume_mm3 == pytest.approx((1 + 1.5 + 1.5) * 100 * 0.5)
    assert lesion.extent_mm == (8.0, 5.0, 5.0)
    assert lesion.center == (2.0, 6.5, 7.5)
    assert lesion.center_mm == pytest.approx((3.75, 3.25, 2 * (1 + 2 * 1.5 + 4 * 1.5) / 4))
    assert total_volume_mm3([lesion], mask, scan) == lesion.volume_mm3


def test_a_volume_that_would_be_mostly_a_guess_is_not_given():
    scan = uneven([0, 1, 2, 12, 13])
    mask = np.zeros(scan.shape, bool)
    mask[1:3, 2:12, 3:13] = True
    mask[4, 16:18, 16:18] = True
    large, small = find_lesions(mask, scan, np.ones(5))
    assert large.volume_mm3 is None
    assert large.diameters.longest.length > 5, "diameters are within a slice and stay"
    assert small.volume_mm3 == pytest.approx(4 * 0.5)
    assert total_volume_mm3([large, small], mask, scan) is None
    assert texts(unknown_volumes([large, small])) == (
        "the volume of lesion 1 cannot be measured: more than half of it is where slices are missing",
    )
    assert unknown_volumes(find_lesions(mask, scan_of(mask.shape), np.ones(5))) == ()


def test_a_third_of_the_slices_gives_the_volume_of_a_ball_all_the_same():
    """44 of 120 slices at random: slices counted at their median distance would be off by a quarter."""
    z = np.sort(np.random.default_rng(3).choice(120, 44, replace=False))
    grid = np.indices((120, 64, 64)) - np.array([60, 32, 32]).reshape(3, 1, 1, 1)
    ball = (grid**2).sum(axis=0) <= 28**2
    usual = float(np.median(np.diff(z)))
    scan = replace(scan_of((44, 64, 64), np.diag([1, 1, usual, 1])), slice_positions=(z - z[0]) / usual)
    (lesion,) = find_lesions(ball[z], scan, np.ones(44))
    assert lesion.volume_mm3 == pytest.approx(ball.sum(), rel=0.03)
    assert abs(lesion.voxels * usual / ball.sum() - 1) > 0.2
