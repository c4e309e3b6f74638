"""RANO's categories on lesions of known size: each rule decides where it should."""

import numpy as np
import pytest

from tumorscope.core.note import texts
from tumorscope.core.scan import Scan
from tumorscope.measurement.lesions import find_lesions
from tumorscope.measurement.response import Change, Timepoint, compare_studies

SHAPE = (8, 128, 128)
AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def study(*discs, affine=AFFINE, shape=SHAPE, name="case"):
    """Cylinders: ``(row, column, diameter in mm)``, four slices high unless a fourth number says otherwise."""
    mask = np.zeros(shape, bool)
    row, column = np.indices(shape[1:])
    for y, x, diameter, *high in discs:
        mask[2 : 2 + (high[0] if high else 4)] |= (row - y) ** 2 + (column - x) ** 2 <= (diameter / 2) ** 2
    voxels = np.broadcast_to(np.uint8(0), (*shape, 1))
    scan = Scan(voxels, ("unknown",), name, "volume", affine=affine)
    return Timepoint(name, mask, find_lesions(mask, scan, np.ones(shape[0])), affine)


def elsewhere(*discs):
    """A study on a grid of its own."""
    affine = AFFINE.copy()
    affine[:3, 3] = (2.5, -4, 1)
    return study(*discs, affine=affine)


ONE = (64, 64, 40)


@pytest.mark.parametrize(
    ("after", "category", "rule"),
    [
        ((), "CR", "no lesion is left"),
        (((64, 64, 27),), "PR", "50 % or more is a partial response"),
        (((64, 64, 29),), "SD", "between 50 % less and 25 % more"),
        (((64, 64, 40),), "SD", "did not change"),
        (((64, 64, 43),), "SD", "grew by"),
        (((64, 64, 46),), "PD", "25 % or more is progression"),
        (((64, 64, 24), (20, 20, 14)), "PD", "one new measurable lesion"),
        (((64, 64, 24), (20, 20, 6)), "PR", "50 % or more"),
        (((64, 64, 8),), "PR", "50 % or more"),  # a target is followed below 10 mm too
    ],
)
def test_one_lesion_becomes_what_rano_calls_it(after, category, rule):
    response = compare_studies(study(ONE), study(*after))
    assert response.category == category
    assert rule in response.rule


def test_the_sums_are_of_products_and_of_volumes():
    before, after = study(ONE), study((64, 64, 28))
    response = compare_studies(before, after)
    assert response.products_mm2.before == pytest.approx(before.lesions[0].diameters.product)
    assert response.products_mm2.relative == pytest.approx((28 / 40) ** 2 - 1, abs=0.03)
    assert response.volume_mm3.before == pytest.approx(np.pi * 20**2 * 4 * 3, rel=0.01)
    assert response.volume_mm3.relative == pytest.approx((28 / 40) ** 2 - 1, abs=0.03)


def test_what_shrinks_here_and_grows_there_is_summed():
    before, after = study((40, 40, 30), (90, 90, 30)), study((40, 40, 12), (90, 90, 38))
    response = compare_studies(before, after)
    assert response.targets == (0, 1)
    assert len(response.matches) == 2
    expected = (12**2 + 38**2) / (2 * 30**2) - 1
    assert response.products_mm2.relative == pytest.approx(expected, abs=0.04)
    assert response.category == "SD"


def test_lesions_that_merge_or_split_stay_together():
    apart, merged = study((64, 52, 20), (64, 76, 20)), study((64, 64, 46))
    together = compare_studies(apart, merged)
    assert [(match.before, match.after) for match in together.matches] == [((0, 1), (0,))]
    assert together.new == ()
    split = compare_studies(merged, apart)
    assert [(match.before, match.after) for match in split.matches] == [((0,), (0, 1))]
    assert split.products_mm2.after == pytest.approx(together.products_mm2.before)


def test_a_small_new_lesion_is_named_but_does_not_decide():
    response = compare_studies(study(ONE), study(ONE, (20, 20, 6)))
    assert response.category == "SD"
    assert response.new == (1,)
    assert any("too small to measure" in note for note in texts(response.notes))


def test_a_lesion_that_becomes_measurable_by_far_is_progression():
    grown = compare_studies(study(ONE, (20, 20, 8)), study(ONE, (20, 20, 15)))
    assert grown.category == "PD"
    assert "became measurable" in grown.rule


def test_without_a_measurable_lesion_stable_disease_is_the_best():
    for after in ((), ((64, 64, 7),)):
        response = compare_studies(study((64, 64, 8)), study(*after))
        assert response.category == "SD"
        assert "measurable" in response.rule


def test_any_lesion_where_there_was_none_is_progression():
    assert compare_studies(study(), study((64, 64, 6))).category == "PD"
    nothing = compare_studies(study(), study())
    assert nothing.category is None
    assert "neither study" in nothing.rule


def test_on_other_grids_only_the_totals_are_compared_and_it_says_so():
    response = compare_studies(study(ONE), elsewhere((64, 64, 27), (20, 20, 6)))
    assert response.matches is None
    assert response.new == ()
    assert response.category == "PR"
    assert any("not matched" in note for note in texts(response.notes))


def test_more_measurable_lesions_than_before_are_warned_of_where_nothing_is_matched():
    response = compare_studies(study(ONE), elsewhere((64, 64, 27), (20, 20, 14)))
    assert any("would be progression" in note for note in texts(response.notes))


def test_registered_studies_are_matched_by_millimeters():
    """The later grid is finer, flipped and shifted; the lesion lies where it lay."""
    affine = np.array([[-0.5, 0, 0, 90], [0, 0.5, 0, 30], [0, 0, 3.0, 0], [0, 0, 0, 1]])
    after = study((68, 52, 80), (20, 150, 40), affine=affine, shape=(8, 160, 170))
    response = compare_studies(study(ONE), after, registered=True)
    assert [(match.before, match.after) for match in response.matches] == [((0,), (0,)), ((), (1,))]
    assert response.category == "PD"
    assert compare_studies(study(ONE), after).matches is None


def test_without_a_voxel_size_there_is_no_category():
    response = compare_studies(study(ONE, affine=None), study((64, 64, 20), affine=None))
    assert response.category is None
    assert "voxel size" in response.rule
    assert response.products_mm2 is None
    assert response.volume_mm3 is None


def test_five_targets_are_followed_at_most():
    places = [(20, 20), (20, 64), (20, 108), (64, 20), (64, 64), (64, 108), (108, 64)]
    before = study(*((y, x, 14 + 2 * number) for number, (y, x) in enumerate(places)))
    response = compare_studies(before, before)
    assert response.targets == (0, 1, 2, 3, 4)
    assert any("5 largest" in note for note in texts(response.notes))


def test_a_quarter_to_a_half_less_is_called_minor_in_a_note():
    response = compare_studies(study(ONE), study((64, 64, 33)))
    assert response.category == "SD"
    assert any("minor response" in note for note in texts(response.notes))


def test_exactly_a_quarter_more_is_progression_and_exactly_a_half_is_partial():
    """RANO says "≥ 25 % increase" and "≥ 50 % decrease"."""
    assert Change(100, 125).relative == 0.25
    before = study(ONE)
    sizes = before.lesions[0].diameters
    for factor, category in ((1.25, "PD"), (1.2499, "SD"), (0.5, "PR"), (0.5001, "SD")):
        longest = type(sizes.longest)(sizes.longest.length * factor, sizes.longest.start, sizes.longest.end)
        changed = _with(before, longest=longest)
        assert compare_studies(before, changed).category == category


def _with(given, longest):
    from dataclasses import replace

    lesion = given.lesions[0]
    return replace(given, lesions=(replace(lesion, diameters=replace(lesion.diameters, longest=longest)),))
