"""Compartments of a tumor: how groups of labels relate, and how probabilities become masks that keep to it."""

import numpy as np
import pytest

from tumorscope.core.compartments import compartments_of, separate, with_thresholds
from tumorscope.core.errors import TumorscopeError
from tumorscope.io.label_names import parse_labels


def test_regions_of_brats_are_nested_and_its_labels_are_exclusive():
    regions = compartments_of(parse_labels("brats-2023-regions"))
    assert [(each.name, each.inside) for each in regions] == [
        ("whole tumor", None),
        ("tumor core", "whole tumor"),
        ("enhancing tumor", "tumor core"),
    ]
    labels = compartments_of(parse_labels("brats-2023"))
    assert [each.inside for each in labels] == [None, "whole tumor", "whole tumor", "whole tumor"]
    assert labels[0].labels == ("1", "2", "3")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1+2=a,2+3=b", "label 2 is in a and in b"), ("1=a,1=b", "label 1 is in a"), ("1=whole tumor,2=b", "all labels")],
)
def test_groups_that_are_neither_nested_nor_exclusive_are_refused(text, reason):
    with pytest.raises(TumorscopeError, match=reason):
        compartments_of(parse_labels(text))


def test_nested_compartments_stay_inside_what_contains_them():
    nested = compartments_of({"whole": ("1", "2", "4"), "core": ("1", "4"), "enhancing": ("4",)})
    whole = np.array([True, True, True, False])
    core, enhancing = separate(whole, np.array([[0.9, 0.6, 0.2, 0.9], [0.9, 0.4, 0.9, 0.9]]), nested)
    assert core.tolist() == [True, True, False, False]
    assert enhancing.tolist() == [True, False, False, False]


def test_exclusive_compartments_that_are_all_of_the_whole_share_its_voxels():
    apart = compartments_of({"core": ("1",), "edema": ("2",)})
    core, edema = separate(
        np.array([True, True, True, False]), np.array([[0.9, 0.2, 0.6, 1], [0.1, 0.3, 0.7, 1]]), apart
    )
    assert core.tolist() == [True, False, False, False]
    assert edema.tolist() == [False, True, True, False]  # by the larger probability, even where both are small


def test_compartments_that_leave_a_rest_of_the_whole_begin_at_the_threshold():
    rest = compartments_of({"all": ("1", "2", "3"), "core": ("1",), "edema": ("2",)})
    core, edema = separate(np.ones(3, bool), np.array([[0.9, 0.2, 0.6], [0.1, 0.3, 0.7]]), rest)
    assert core.tolist() == [True, False, False]
    assert edema.tolist() == [False, False, True]


def test_compartments_begin_at_thresholds_of_their_own():
    rest = compartments_of({"all": ("1", "2", "3"), "core": ("1",), "edema": ("2",)})
    probabilities = np.array([[0.9, 0.3, 0.6, 0.1], [0.1, 0.4, 0.7, 0.6]])
    core, edema = separate(np.ones(4, bool), probabilities, rest, {"core": 0.2, "edema": 0.65})
    assert core.tolist() == [True, True, False, False]  # the second is likelier edema, but below its threshold
    assert edema.tolist() == [False, False, True, False]
    assert with_thresholds(rest) == ("core", "edema")
    assert with_thresholds(compartments_of({"core": ("1",), "edema": ("2",)})) == ()
