"""What test-time flips gain and cost is known beforehand for a network that errs on one side."""

import itertools

import numpy as np
import pytest
from evaluation.conftest import bright_flair

from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.flip_gain import measure_flips


def errs_on_one_side(images):
    """Right on the left, and on the right an error that its mirror image takes back."""
    outputs = bright_flair(images)
    error = np.linspace(-60, 60, images.shape[-1])
    mask = outputs["mask"] + error
    return {"mask": mask, "presence": outputs["presence"]}


def test_flips_that_cancel_an_error_gain_what_it_had_cost(dataset, make_engine, monkeypatch):
    seconds = itertools.count()
    monkeypatch.setattr("time.process_time", lambda: float(next(seconds)))  # every run of the network takes one
    found = measure_flips(make_engine(errs_on_one_side), [(dataset, dataset.cases)], "validation")
    plain = measure_flips(make_engine(), [(dataset, dataset.cases)], "validation")
    assert plain["dice"] > 0.9
    assert plain["dice_change"] == plain["auroc_change"] == 0
    assert found["dice"] < 0.6
    assert found["dice"] + found["dice_change"] == pytest.approx(plain["dice"], abs=1e-4)
    assert found["auroc"] == 1
    assert found["time_ratio"] == plain["time_ratio"] == 2
    assert (found["part"], found["cases"], found["slices"]) == ("validation", 3, 18)
    assert (found["runtime"], found["precision"]) == ("onnxruntime", "float")


def test_of_several_data_sets_the_mean_counts(dataset, make_engine):
    def half(images):
        return {"presence": images[:, 1].max(axis=(1, 2)) - 3}

    engine = make_engine(half, outputs=["presence"])
    found = measure_flips(engine, [(dataset, dataset.cases[:1]), (dataset, dataset.cases[1:])], "validation")
    assert found["cases"] == 3
    assert found["dice"] is None
    assert found["dice_change"] is None
    assert found["auroc"] == 1


def test_a_data_set_of_which_nothing_can_be_evaluated_is_an_error(dataset, make_engine):
    with pytest.raises(TumorscopeError, match="not one of 0 cases"):
        measure_flips(make_engine(), [(dataset, ())], "validation")
