import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn import metrics as sklearn_metrics

from tumorscope.evaluation import metrics


def square(top: int, left: int, side: int = 10, shape: tuple[int, ...] = (1, 40, 40)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[:, top : top + side, left : left + side] = True
    return mask


NOTHING = np.zeros((1, 40, 40), bool)


@pytest.mark.parametrize(
    ("truth", "predicted", "dice", "hd95"),
    [
        pytest.param(NOTHING, NOTHING, None, None, id="both empty: no value, not counted"),
        pytest.param(square(5, 5), NOTHING, 0.0, None, id="missed: Dice 0, no distance"),
        pytest.param(NOTHING, square(5, 5), 0.0, None, id="invented: Dice 0, no distance"),
        pytest.param(square(5, 5), square(5, 5), 1.0, 0.0, id="equal: Dice 1, distance 0"),
        pytest.param(square(5, 5), square(5, 25), 0.0, 20.0, id="apart: Dice 0, but a distance"),
    ],
)
def test_the_policy_on_empty_masks(truth, predicted, dice, hd95):
    assert metrics.dice(truth, predicted) == dice
    assert metrics.hd95(truth, predicted) == hd95
    assert metrics.slice_dice(truth, predicted) == [dice]
    assert metrics.tumor_slice_dice(truth, predicted) == (dice if truth.any() else None)


@pytest.mark.parametrize("shift", [0, 1, 3, 7, 10, 12])
def test_dice_of_a_shifted_square_is_the_share_that_still_overlaps(shift):
    assert metrics.dice(square(5, 5), square(5, 5 + shift)) == pytest.approx(max(0, 10 - shift) / 10)


@pytest.mark.parametrize("shift", [1, 3, 5])
def test_hd95_of_a_shifted_square_is_the_shift(shift):
    # The leading edge, a tenth of the segmentation and more, lies exactly the shift away.
    assert metrics.hd95(square(5, 5), square(5, 5 + shift)) == shift


def test_hd95_leaves_out_the_worst_twentieth():
    truth = square(5, 5, side=20)
    with_outlier = truth.copy()
    with_outlier[0, 39, 39] = True
    assert metrics.hd95(truth, with_outlier) == 0
    assert metrics.hd95(truth, truth | square(30, 30, side=8)) > 5


def test_hd95_agrees_with_monai_within_a_slice():
    monai = pytest.importorskip("monai.metrics")
    torch = pytest.importorskip("torch")
    chance = np.random.default_rng(1)
    for _ in range(5):
        top, left = chance.integers(2, 15, 2)
        truth, predicted = square(5, 5, 12), square(top, left, 14)
        reference = monai.compute_hausdorff_distance(
            torch.from_numpy(predicted[None].astype(np.float32)),
            torch.from_numpy(truth[None].astype(np.float32)),
            include_background=True,
            percentile=95,
        )
        assert metrics.hd95(truth, predicted) == pytest.approx(float(reference), abs=1e-4)


def test_hd95_is_in_millimeters_and_across_slices_where_the_spacing_is_known():
    truth = np.zeros((9, 20, 20), bool)
    truth[2:5, 5:15, 5:15] = True
    assert metrics.hd95(truth, np.roll(truth, 2, axis=0), (5.0, 1.0, 1.0)) == 10
    assert metrics.hd95(truth, np.roll(truth, 3, axis=2), (5.0, 1.0, 0.5)) == 1.5


def test_hd95_without_spacing_never_measures_across_slices():
    truth, predicted = np.zeros((2, 6, 20, 20), bool)
    truth[1:3, 5:15, 5:15] = True
    predicted[2:4, 5:15, 7:17] = True
    assert metrics.hd95(truth, predicted) == 2
    assert metrics.hd95(truth[:2], predicted[:2]) is None


def test_masks_stored_as_0_and_255_are_refused():
    with pytest.raises(ValueError, match="boolean"):
        metrics.dice(square(5, 5).astype(np.uint8) * 255, square(5, 5))


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        metrics.dice(square(5, 5), square(5, 5, shape=(1, 40, 41)))


def test_dice_on_tumor_slices_ignores_empty_slices_and_false_alarms_there():
    truth = np.concatenate([square(5, 5), square(5, 5), NOTHING, NOTHING])
    predicted = np.concatenate([square(5, 10), NOTHING, square(5, 5), NOTHING])
    assert metrics.tumor_slice_dice(truth, predicted) == pytest.approx((0.5 + 0) / 2)
    assert metrics.dice(truth, predicted) == pytest.approx(2 * 50 / 400)


def test_the_false_positive_rate_counts_only_truly_empty_slices():
    truth_px, predicted_px = np.array([9, 0, 0, 0, 0]), np.array([0, 3, 0, 0, 1])
    assert metrics.empty_slice_false_positive_rate(truth_px, predicted_px) == 0.5
    assert np.isnan(metrics.empty_slice_false_positive_rate(truth_px[:1], predicted_px[:1]))


def test_calibration_error_by_hand():
    # Two bins of two: (0.2, 0.4) with one tumor, (0.6, 0.9) with two.
    probability, present = np.array([0.2, 0.4, 0.6, 0.9]), np.array([0, 1, 1, 1], bool)
    expected = 2 / 4 * abs(0.3 - 0.5) + 2 / 4 * abs(0.75 - 1)
    assert metrics.expected_calibration_error(present, probability, bins=2) == pytest.approx(expected)


def test_calibration_bins_are_of_equal_width_and_hold_zero_and_one():
    assert metrics.calibration_bin(np.array([0, 1 / 30, 1 / 15 + 1e-9, 0.5, 1])).tolist() == [0, 0, 1, 7, 14]


def test_a_calibrated_forecast_has_no_calibration_error_and_a_sure_mistake_has_all_of_it():
    present = np.arange(100) < 20
    assert metrics.expected_calibration_error(present, np.full(100, 0.2)) == pytest.approx(0)
    assert metrics.expected_calibration_error(present, (~present).astype(float)) == pytest.approx(1)


@settings(deadline=None)  # scikit-learn is slow to start
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20), st.integers(0, 3)), min_size=4, max_size=60).filter(
        lambda rows: len({row[0] for row in rows if row[2]}) == 2
    )
)
def test_weighted_figures_equal_scikit_learns(rows):
    present = np.array([row[0] for row in rows])
    probability = np.array([row[1] for row in rows]) / 20
    weights = np.array([row[2] for row in rows], float)
    called = probability >= 0.5
    counts = metrics.confusion(present, called, weights)
    reference = sklearn_metrics.confusion_matrix(present, called, sample_weight=weights, labels=[False, True])
    assert counts == pytest.approx(reference)
    assert metrics.auroc(present, probability, weights) == pytest.approx(
        sklearn_metrics.roc_auc_score(present, probability, sample_weight=weights)
    )
    assert metrics.accuracy(counts) == pytest.approx(
        sklearn_metrics.accuracy_score(present, called, sample_weight=weights)
    )
    assert metrics.balanced_accuracy(counts) == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(present, called, sample_weight=weights)
    )
    assert metrics.sensitivity(counts) == pytest.approx(
        sklearn_metrics.recall_score(present, called, sample_weight=weights)
    )
    assert metrics.specificity(counts) == pytest.approx(
        sklearn_metrics.recall_score(present, called, pos_label=False, sample_weight=weights)
    )
    assert metrics.macro_f1(counts) == pytest.approx(
        sklearn_metrics.f1_score(present, called, average="macro", sample_weight=weights)
    )
    assert metrics.brier(present, probability, weights) == pytest.approx(
        sklearn_metrics.brier_score_loss(present, probability, sample_weight=weights)
    )


def test_figures_that_need_both_kinds_of_slices_are_not_numbers_without_them():
    present = np.ones(3, bool)
    counts = metrics.confusion(present, present)
    assert np.isnan(metrics.auroc(present, np.array([0.1, 0.2, 0.3])))
    assert np.isnan(metrics.specificity(counts))
    assert np.isnan(metrics.balanced_accuracy(counts))
    assert metrics.sensitivity(counts) == 1


def test_all_draws_at_once_give_what_each_gives_alone():
    chance = np.random.default_rng(0)
    present, probability = chance.random(50) > 0.5, chance.random(50)
    weights = chance.integers(0, 4, (7, 50))
    for figure in (metrics.auroc, metrics.brier, metrics.expected_calibration_error):
        together = figure(present, probability, weights)
        assert together == pytest.approx([float(figure(present, probability, one)) for one in weights])


def ball(center, radius, shape=(20, 20, 60)):
    distances = sum((axis - at) ** 2 for axis, at in zip(np.ogrid[tuple(map(slice, shape))], center, strict=True))
    return distances <= radius**2


def test_hd95_is_the_larger_direction_and_does_not_let_a_false_lesion_vanish():
    """Pooled over both directions the far lesion's surface is under a twentieth, and the value would be 0."""
    truth = ball((10, 10, 10), 6)
    predicted = truth | ball((10, 10, 44), 2)
    there = ndimage.distance_transform_edt(~surface(truth))[surface(predicted)]
    back = ndimage.distance_transform_edt(~surface(predicted))[surface(truth)]
    assert np.percentile(np.concatenate([there, back]), 95) == 0
    assert metrics.hd95(truth, predicted, (1, 1, 1)) == pytest.approx(np.percentile(there, 95))
    assert metrics.hd95(truth, predicted, (1, 1, 1)) > 25


def surface(mask):
    """Voxels with one of six neighbors outside, by shifting instead of eroding."""
    padded = np.pad(mask, 1)
    inside = mask.copy()
    for axis in range(mask.ndim):
        for step in (-1, 1):
            inside &= np.roll(padded, step, axis)[tuple(slice(1, -1) for _ in mask.shape)]
    return mask & ~inside
