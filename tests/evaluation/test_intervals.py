import time

import numpy as np
import pytest

from tumorscope.evaluation.intervals import draw_patients, patient_interval, percentiles, slice_interval, weighted_mean
from tumorscope.evaluation.metrics import auroc


def test_every_draw_takes_as_many_patients_as_there_are():
    drawn = draw_patients(9, draws=500)
    assert drawn.shape == (500, 9)
    assert (drawn.sum(axis=1) == 9).all()
    assert drawn.mean() == pytest.approx(1)


def test_the_interval_of_a_mean_is_close_to_the_textbooks():
    values = np.random.default_rng(0).normal(0.8, 0.1, 400)
    low, high = patient_interval(values.tolist())
    half = 1.96 * values.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.002)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    chance = np.random.default_rng(3)
    hits = 0
    for seed in range(200):
        low, high = patient_interval(chance.normal(0.8, 0.1, 40).tolist(), draws=500, seed=seed)
        hits += low <= 0.8 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.linspace(0, 1, 20).tolist()
    assert patient_interval(values) == patient_interval(values)
    assert patient_interval(values) != patient_interval(values, seed=1)


def test_patients_without_a_value_count_for_nothing():
    assert patient_interval([0.5, None, 0.7, None, 0.9]) == patient_interval([0.5, 0.7, 0.9])


def test_one_patient_has_no_interval():
    assert patient_interval([0.9]) is None
    assert slice_interval(np.array(["a", "a"]), weighted_mean(np.array([0.1, 0.2]))) is None


def test_a_median_can_be_asked_for():
    values = [0.0] * 5 + [1.0] * 20
    assert patient_interval(values, np.median) == (1.0, 1.0) or patient_interval(values, np.median)[1] == 1.0


def test_slices_of_a_patient_are_drawn_together_which_widens_the_interval():
    chance = np.random.default_rng(0)
    patient = np.repeat(np.arange(20), 30)
    values = np.repeat(chance.normal(size=20), 30)
    low, high = slice_interval(patient, weighted_mean(values))
    alone = slice_interval(np.arange(600), weighted_mean(values))
    assert high - low > 4 * (alone[1] - alone[0])
    assert (low, high) == pytest.approx(patient_interval(values[::30].tolist()), abs=0.05)


def test_draws_equal_an_evaluation_of_the_slices_written_out():
    chance = np.random.default_rng(5)
    patient = np.repeat(np.arange(6), 10)
    present, probability = chance.random(60) > 0.6, chance.random(60)
    drawn = draw_patients(6, draws=20, seed=4)
    written_out = []
    for counts in drawn:
        chosen = np.concatenate([np.repeat(np.flatnonzero(patient == k), n) for k, n in enumerate(counts)])
        written_out.append(float(auroc(present[chosen], probability[chosen])))
    together = slice_interval(patient, lambda weights: auroc(present, probability, weights), draws=20, seed=4)
    assert together == pytest.approx(percentiles(np.array(written_out)))


def test_draws_without_a_value_are_left_out():
    assert percentiles(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert percentiles(np.array([np.nan])) is None


def test_two_thousand_draws_of_a_whole_data_set_take_seconds_at_most():
    chance = np.random.default_rng(0)
    patient = np.repeat(np.arange(88), 36)
    present, probability = chance.random(len(patient)) > 0.6, chance.random(len(patient))
    start = time.process_time()
    slice_interval(patient, lambda weights: auroc(present, probability, weights))
    assert time.process_time() - start < 20
