"""A segmentation as a value: labels, names, groups, layers."""

import numpy as np
import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import texts
from tumorscope.core.segmentation import Segment, Segmentation
from tumorscope.io.label_names import parse_labels


def brats(enhancing: int) -> Segmentation:
    """5 voxels of necrotic core, 20 of edema, 3 of enhancing tumor."""
    values = np.zeros((1, 6, 10), np.uint8)
    values[0, 0, :5], values[0, 2:4], values[0, 5, :3] = 1, 2, enhancing
    segments = tuple(Segment(f"label {label}", label) for label in (1, 2, enhancing))
    return Segmentation(values[None], segments, "case", "image")


def sizes(segmentation: Segmentation) -> dict[str, int]:
    return {name: int(mask.sum()) for name, mask in segmentation.masks()}


def test_labels_are_joined_under_the_names_that_are_given():
    found = brats(4).regrouped(parse_labels("1+4=core,2=edema"))
    assert sizes(found) == {"core": 8, "edema": 20}
    assert found.notes == ()


@pytest.mark.parametrize(("scheme", "enhancing"), [("brats-2020", 4), ("BraTS-2023", 3)])
def test_the_schemes_of_brats_are_known_by_name(scheme: str, enhancing: int):
    found = brats(enhancing).regrouped(parse_labels(scheme))
    assert sizes(found) == {"necrotic core": 5, "edema": 20, "enhancing tumor": 3}


def test_the_wrong_scheme_says_what_it_leaves_out():
    found = brats(3).regrouped(parse_labels("brats-2020"))
    assert sizes(found) == {"necrotic core": 5, "edema": 20}
    assert texts(found.notes) == (
        "label 4 is not in the mask",
        "label 3 (3 voxels) left out: it is not among the labels named",
    )


def test_labels_that_are_not_there_at_all_are_an_error_that_lists_those_that_are():
    with pytest.raises(TumorscopeError, match=r"it has 1 \(label 1\), 2 \(label 2\), 4 \(label 4\)"):
        brats(4).regrouped({"core": ("7",)})


def test_segments_are_joined_by_name_too_and_may_overlap():
    whole, core = np.zeros((2, 1, 4, 4), bool)
    whole[0, :3], core[0, 1] = True, True
    found = Segmentation.of_masks([("whole", whole), ("core", core)], (1, 4, 4), "case", "image")
    assert len(found.layers) == 2
    assert sizes(found) == {"whole": 12, "core": 4}
    assert sizes(found.regrouped({"all": ("whole", "core")})) == {"all": 12}
    with pytest.raises(TumorscopeError, match="has no label 'edema'; it has 'whole', 'core'"):
        found.mask("edema")


@pytest.mark.parametrize("text", ["", "1", "=core", "1=", "1++2=core", "1=a,2=a", "1=a,1=b"])
def test_labels_that_are_not_of_the_form_are_one_line(text: str):
    with pytest.raises(TumorscopeError) as error:
        parse_labels(text)
    assert "\n" not in str(error.value)
