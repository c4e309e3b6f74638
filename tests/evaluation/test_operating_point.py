import itertools
from dataclasses import replace

import numpy as np
import pytest

from tumorscope.core.compartments import compartments_of
from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.metrics import dice
from tumorscope.evaluation.operating_point import (
    ValidationCase,
    choose_operating_point,
    thresholds_with_few_false_alarms,
)
from tumorscope.inference.bundles import OperatingPoint
from tumorscope.inference.postprocessing import postprocess, presence_probability


def case(seed: int, noise: float = 0.5, overconfidence: float = 1.0, lesion: bool = True) -> ValidationCase:
    """A round lesion whose probability falls from its middle, true where it is above 0.3."""
    chance = np.random.default_rng(seed)
    slices, rows, columns = np.mgrid[:8, :32, :32]
    middle = chance.integers(12, 20, 2)
    distance = np.sqrt((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 + (4 * (slices - 4)) ** 2)
    probability = np.clip(0.9 - distance / 20, 0, 1) * lesion
    truth = probability >= 0.3
    present = truth.any(axis=(1, 2))
    logits = overconfidence * (np.where(present, 2, -2) + chance.normal(size=8) * noise * 3)
    return ValidationCase(logits, probability.astype(np.float32), truth, None, f"case {seed}")


def test_the_mask_threshold_is_found_where_the_truth_was_cut():
    choice = choose_operating_point([case(seed, noise=0) for seed in range(4)])
    assert choice.point.mask == pytest.approx(0.3)
    assert choice.best.patient_dice == pytest.approx(1)
    assert choice.best.balanced_accuracy == 1


def test_of_equally_good_presence_thresholds_the_middle_one_is_taken():
    choice = choose_operating_point([case(seed, noise=0) for seed in range(4)])
    good = [point.presence for point in choice.curve if point.score >= choice.best.score - 0.001]
    assert len(set(good)) > 5
    assert min(good) < choice.point.presence < max(good)
    assert choice.point.presence == pytest.approx(np.median(sorted(set(good))), abs=0.051)


def test_few_false_alarms_count_more_than_a_few_missed_tumors():
    without = np.array([0.4] * 5 + [0.1] * 95)
    # At 0.3, 5 % of the slices without tumor are called positive; from 0.6 on one tumor of 25 is missed instead.
    grid, accuracies = (0.3, 0.42, 0.6), (0.975, 1.0, 0.98)
    assert thresholds_with_few_false_alarms(without, grid, accuracies) == (0.42, 0.6)


def test_a_weak_network_keeps_the_threshold_that_finds_tumors():
    without = np.array([0.4] * 10 + [0.1] * 90)
    # Without the false alarms half of the tumors would be missed.
    assert thresholds_with_few_false_alarms(without, (0.3, 0.8), (0.95, 0.75)) == (0.3, 0.8)


def test_the_chosen_presence_threshold_has_few_false_alarms():
    cases = [case(seed, 0.1) for seed in range(12)] + [case(seed, 0.5, lesion=False) for seed in range(12, 60)]
    choice = choose_operating_point(cases)
    probability = np.concatenate([one.slice_probability(choice.point.temperature) for one in cases])
    present = np.concatenate([one.shows_tumor for one in cases])
    assert (probability[~present] >= choice.point.presence).mean() <= 0.03
    assert (probability[~present] >= 0.5).mean() > 0.03, "the cases would not show the rule"


def test_the_temperature_undoes_overconfidence():
    calibrated = choose_operating_point([case(seed) for seed in range(12)]).point.temperature
    overconfident = choose_operating_point([case(seed, overconfidence=3) for seed in range(12)])
    assert overconfident.point.temperature == pytest.approx(3 * calibrated, rel=0.02)
    assert overconfident.presence.nll_after < overconfident.presence.nll_before


def test_the_temperature_stays_finite_where_the_logits_never_err():
    assert 0.2 <= choose_operating_point([case(0, noise=0)]).point.temperature <= 10


def test_every_point_of_the_curve_is_what_the_analysis_would_draw():
    chance = np.random.default_rng(8)
    cases = []
    for seed in range(3):
        one = case(seed)
        components = np.where(chance.random(one.truth.shape) > 0.995, 0.6, 0).astype(np.float32)
        cases.append(ValidationCase(one.presence_logits, np.maximum(one.mask_probability, components), one.truth))
    cases.append(case(9, lesion=False))
    choice = choose_operating_point(cases, (0.1, 0.5, 0.9), (0.3, 0.5), (0, 2, 30))
    assert len(choice.curve) == 18
    assert {(p.presence, p.mask, p.min_component_size_px) for p in choice.curve} == set(
        itertools.product((0.1, 0.5, 0.9), (0.3, 0.5), (0, 2, 30))
    )
    for point in choice.curve:
        setting = OperatingPoint(
            presence=point.presence,
            presence_within=choice.point.presence_within,
            mask=point.mask,
            min_component_size_px=point.min_component_size_px,
        )
        values = []
        for one in cases:
            probability = presence_probability(one.presence_logits, choice.point.temperature)
            segmentation, _ = postprocess(one.mask_probability, probability, setting)
            values.append(dice(one.truth, segmentation))
        known = [value for value in values if value is not None]
        assert point.patient_dice == pytest.approx(np.mean(known))


def test_components_are_left_out_where_that_helps_and_only_as_large_as_needed():
    cases = []
    for seed in range(4):
        one = case(seed, noise=0)
        probability = one.mask_probability.copy()
        probability[:, 28:30, ::3] = 0.9  # bars of two rows, eight slices deep: 16 voxels each
        cases.append(ValidationCase(one.presence_logits + 9, probability, one.truth))
    assert choose_operating_point(cases, (0.5,)).point.min_component_size_px == 20


def test_nothing_is_left_out_where_it_does_not_help():
    assert choose_operating_point([case(seed, noise=0) for seed in range(3)]).point.min_component_size_px == 0


def test_presence_is_evaluated_by_the_full_size_truth_where_it_is_given():
    one = case(0, noise=0)
    present = np.ones(8, bool)
    present[0] = False
    assert ValidationCase(one.presence_logits, one.mask_probability, one.truth, present).shows_tumor is present


def test_a_network_without_masks_is_evaluated_by_balanced_accuracy():
    cases = [ValidationCase(one.presence_logits, None, one.truth) for one in map(case, range(6))]
    choice = choose_operating_point(cases)
    assert choice.best.patient_dice is None
    assert choice.point.min_component_size_px == 0
    assert choice.point.mask == 0.5
    assert choice.best.balanced_accuracy >= max(point.balanced_accuracy for point in choice.curve) - 0.001


def test_a_network_without_a_presence_output_is_gated_by_its_mask():
    cases = [ValidationCase(None, one.mask_probability, one.truth) for one in map(case, range(4))]
    choice = choose_operating_point(cases)
    assert choice.point.temperature == 1
    assert choice.presence is None
    assert choice.best.balanced_accuracy == 1


@pytest.mark.parametrize("cases", [[], [case(0, lesion=False)]], ids=["none", "no tumor"])
def test_slices_without_any_tumor_cannot_choose(cases):
    with pytest.raises(TumorscopeError, match="that show a tumor"):
        choose_operating_point(cases)


def test_the_choice_is_json_with_a_line_along_each_axis():
    content = choose_operating_point([case(seed) for seed in range(3)]).as_dict()
    assert set(content["along"]) == {"presence", "mask", "min_component_size_px"}
    assert len(content["along"]["mask"]) == 13
    assert content["best"] in content["along"]["presence"]


NESTED = compartments_of({"whole": ("1", "2", "3"), "core": ("1", "2"), "enhancing": ("1",)})


def test_thresholds_of_compartments_are_found_where_their_truth_was_cut():
    """The core is true from 0.6 of its probability on, enhancing from 0.25."""

    def with_compartments(seed: int) -> ValidationCase:
        whole = case(seed, noise=0)
        probability = np.repeat(whole.mask_probability[:, None], 2, axis=1)
        truth = np.stack([probability[:, 0] >= 0.6, probability[:, 0] >= 0.6], axis=1)
        probability[:, 1] *= 0.25 / 0.6
        return replace(whole, compartment_probability=probability, compartment_truth=truth)

    choice = choose_operating_point([with_compartments(seed) for seed in range(4)], compartments=NESTED)
    assert choice.point.compartments == {"core": pytest.approx(0.6), "enhancing": pytest.approx(0.25)}


def test_a_compartment_that_no_validation_case_shows_keeps_the_usual_threshold():
    nothing = np.zeros((8, 2, 32, 32))
    cases = [replace(case(seed), compartment_probability=nothing, compartment_truth=nothing > 0.5) for seed in range(4)]
    assert choose_operating_point(cases, compartments=NESTED).point.compartments == {}
