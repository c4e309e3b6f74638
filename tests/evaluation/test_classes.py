import numpy as np
import pytest

from tumorscope.evaluation import class_metrics, metrics

sklearn = pytest.importorskip("sklearn.metrics")

CHANCE = np.random.default_rng(0)
NUMBER = 4
TRUTH = CHANCE.integers(0, NUMBER, 300)
PROBABILITY = CHANCE.dirichlet(np.ones(NUMBER), 300)
PROBABILITY[np.arange(300), TRUTH] += 0.4
PROBABILITY /= PROBABILITY.sum(axis=1, keepdims=True)
SAID = PROBABILITY.argmax(axis=1)
DRAWN = CHANCE.integers(0, 4, (3, 300))
"""How often each of three draws took each slice."""


def test_the_confusion_matrix_is_scikit_learns():
    np.testing.assert_array_equal(
        class_metrics.class_confusion(TRUTH, SAID, NUMBER), sklearn.confusion_matrix(TRUTH, SAID)
    )


@pytest.mark.parametrize("drawn", DRAWN)
def test_figures_are_scikit_learns_and_weights_are_repeated_rows(drawn):
    truth, said = TRUTH.repeat(drawn), SAID.repeat(drawn)
    counts = class_metrics.class_confusion(TRUTH, SAID, NUMBER, drawn)
    np.testing.assert_array_equal(counts, sklearn.confusion_matrix(truth, said))
    assert class_metrics.accuracy(counts) == pytest.approx(sklearn.accuracy_score(truth, said))
    assert class_metrics.balanced_accuracy(counts) == pytest.approx(sklearn.balanced_accuracy_score(truth, said))
    assert class_metrics.macro_f1(counts) == pytest.approx(sklearn.f1_score(truth, said, average="macro"))
    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(truth, said)
    np.testing.assert_allclose(class_metrics.precision(counts), precision)
    np.testing.assert_allclose(class_metrics.recall(counts), recall)
    np.testing.assert_allclose(class_metrics.f1(counts), f1)


def test_all_draws_at_once_are_the_draws_one_by_one():
    together = class_metrics.class_confusion(TRUTH, SAID, NUMBER, DRAWN)
    assert together.shape == (3, NUMBER, NUMBER)
    right, confidence = TRUTH == SAID, PROBABILITY.max(axis=1)
    for place, drawn in enumerate(DRAWN):
        np.testing.assert_array_equal(together[place], class_metrics.class_confusion(TRUTH, SAID, NUMBER, drawn))
        error = metrics.expected_calibration_error(right, confidence, DRAWN, 15)[place]
        assert error == pytest.approx(
            float(metrics.expected_calibration_error(right.repeat(drawn), confidence.repeat(drawn), bins=15))
        )
        assert class_metrics.class_brier(TRUTH, PROBABILITY, DRAWN)[place] == pytest.approx(
            float(class_metrics.class_brier(TRUTH.repeat(drawn), PROBABILITY.repeat(drawn, axis=0)))
        )


def test_the_brier_score_is_the_sum_of_scikit_learns_over_classes():
    expected = sum(sklearn.brier_score_loss(place == TRUTH, PROBABILITY[:, place]) for place in range(NUMBER))
    assert float(class_metrics.class_brier(TRUTH, PROBABILITY)) == pytest.approx(expected)


def test_the_brier_score_goes_from_zero_to_two():
    sure = np.eye(3)
    assert float(class_metrics.class_brier(np.arange(3), sure)) == 0
    assert float(class_metrics.class_brier(np.array([1, 2, 0]), sure)) == 2


def test_the_calibration_error_of_the_predicted_class_is_a_mean_over_filled_bins():
    # Four slices at 0.9, of which two are right, and one at 0.55 that is right.
    right = np.array([1, 1, 0, 0, 1], bool)
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.55])
    assert float(metrics.expected_calibration_error(right, confidence, bins=10)) == pytest.approx((4 * 0.4 + 0.45) / 5)


def test_the_area_under_each_class_against_the_others_is_scikit_learns():
    expected = sklearn.roc_auc_score(TRUTH, PROBABILITY, multi_class="ovr", average=None)
    found = [float(metrics.auroc(place == TRUTH, PROBABILITY[:, place])) for place in range(NUMBER)]
    np.testing.assert_allclose(found, expected)


def test_a_class_that_never_occurs_has_no_recall_and_does_not_count():
    counts = class_metrics.class_confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    assert np.isnan(class_metrics.recall(counts)[2])
    assert float(class_metrics.balanced_accuracy(counts)) == pytest.approx((0.5 + 1) / 2)
    assert float(class_metrics.macro_f1(counts)) == pytest.approx(2 / 3)


def test_leaving_unsure_slices_open_is_read_off_the_coverage_curve():
    right = np.array([0, 1, 1, 1], bool)
    confidence = np.array([0.4, 0.6, 0.8, 1.0])
    curve = class_metrics.coverage_curve(right, confidence, points=3)
    assert curve == [
        {"confidence": 0.0, "coverage": 1.0, "accuracy": 0.75},
        {"confidence": 0.5, "coverage": 0.75, "accuracy": 1.0},
        {"confidence": 1.0, "coverage": 0.25, "accuracy": 1.0},
    ]
