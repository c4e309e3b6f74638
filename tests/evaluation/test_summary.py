from dataclasses import replace

import numpy as np
import pytest
from evaluation.conftest import CLASSES, made_evaluation

from tumorscope.evaluation import summarize, without
from tumorscope.evaluation.rows import FailedCase


def test_leaving_cases_out_leaves_out_their_slices_and_failures_and_nothing_else():
    whole = replace(made_evaluation(patients=4), failed=(FailedCase("x", "broken"), FailedCase("y", "broken")))
    left = without(whole, {"c0", "c5", "x", "no such case"})
    assert [row.case for row in left.cases] == [f"c{number}" for number in range(12) if number not in (0, 5)]
    assert {row.case for row in left.slices} == {row.case for row in left.cases}
    assert [item.case for item in left.failed] == ["y"]
    assert summarize(left)["cases"] == 10
    assert without(whole, ()) == whole


def test_a_figure_without_copies_is_that_of_the_other_slices_alone():
    whole = made_evaluation()
    wrong = {row.case for row in whole.slices if row.true_class != row.predicted_class}
    assert summarize(whole)["classes"]["accuracy"]["value"] == pytest.approx(1 - len(wrong) / 60, abs=1e-4)
    assert summarize(without(whole, wrong))["classes"]["accuracy"]["value"] == 1


def test_patients_are_drawn_together_so_alike_slices_do_not_make_an_interval_narrow():
    """Thirty copies of each slice tell no more about patients than one does."""
    single = made_evaluation(slices_per_patient=1, skill=1.0)
    many = replace(
        single,
        cases=tuple(replace(row, case=f"{row.case}-{k}") for row in single.cases for k in range(30)),
        slices=tuple(replace(row, case=f"{row.case}-{k}") for row in single.slices for k in range(30)),
    )
    one, thirty = summarize(single), summarize(many)
    assert (thirty["patients"], thirty["cases"]) == (20, 600)
    assert thirty["classes"]["accuracy"] == one["classes"]["accuracy"]
    assert thirty["tumor_slice_dice"]["ci95"] == one["tumor_slice_dice"]["ci95"]
    assert thirty["activation"]["inside"]["ci95"] == one["activation"]["inside"]["ci95"]

    def width(metrics):
        low, high = metrics["hd95_px"]["ci95"]
        return high - low

    assert width(thirty) == pytest.approx(width(one), rel=0.1)


def test_a_patients_dice_is_given_only_where_a_case_is_a_whole_patient():
    assert summarize(made_evaluation())["patient_dice"] is None
    single = made_evaluation(slices_per_patient=1)
    assert summarize(single)["patient_dice"] is None  # an image of an unknown patient is not the patient
    volumes = replace(single, cases=tuple(replace(row, slices=5) for row in single.cases))
    assert summarize(volumes)["patient_dice"]["n"] == 20


def test_examinations_of_one_patient_have_each_their_dice_and_are_drawn_together():
    single = made_evaluation(slices_per_patient=1)
    volumes = replace(single, cases=tuple(replace(row, slices=5) for row in single.cases))
    twice = replace(volumes, cases=tuple(replace(row, case=f"{row.case}-{k}") for row in volumes.cases for k in (0, 1)))
    one, two = summarize(volumes)["patient_dice"], summarize(twice)["patient_dice"]
    assert (two["n"], two["mean"]) == (2 * one["n"], one["mean"])
    (low, high), (lower, upper) = one["ci95"], two["ci95"]
    assert upper - lower == pytest.approx(high - low, rel=0.15)


def test_distances_in_millimeters_are_not_called_pixels():
    pixels = made_evaluation(slices_per_patient=1)
    mm = replace(pixels, cases=tuple(replace(row, hd95_unit="mm") for row in pixels.cases))
    assert "hd95_mm" not in summarize(pixels)
    assert summarize(mm)["hd95_px"]["n"] == 0
    assert summarize(mm)["hd95_mm"] == summarize(pixels)["hd95_px"]


def test_every_group_of_a_summary_has_its_definition():
    metrics = summarize(made_evaluation())
    counts = {"patients", "cases", "slices", "failed", "policy", "definitions"}
    assert metrics.keys() - counts <= metrics["definitions"].keys()
    for word in ("surface voxels", "larger", "not pooled", "both empty: not counted"):
        assert word in metrics["policy"], word


def test_every_class_is_counted_and_named():
    evaluation = made_evaluation()
    metrics = summarize(evaluation)["classes"]
    assert metrics["names"] == list(CLASSES)
    assert {name: one["slices"] for name, one in metrics["of_class"].items()} == {
        name: sum(row.true_class == name for row in evaluation.slices) for name in CLASSES
    }
    assert np.sum(metrics["confusion"]) == 60
    recalls = [one["recall"]["value"] for one in metrics["of_class"].values()]
    assert metrics["balanced_accuracy"]["value"] == pytest.approx(np.mean(recalls), abs=1e-4)
    low, high = metrics["accuracy"]["ci95"]
    assert low < metrics["accuracy"]["value"] < high


def test_a_map_is_summed_up_beside_what_a_map_without_sense_of_place_would_reach():
    metrics = summarize(made_evaluation())["activation"]
    assert metrics["inside"]["n"] == metrics["mask_share"]["n"] == 60
    assert metrics["inside"]["mean"] > 0.3 > 0.05 > metrics["mask_share"]["mean"]
    assert summarize(made_evaluation(masks=False))["activation"] is None
