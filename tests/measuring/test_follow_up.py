"""Studies of known sizes through time: each rule of RANO decides where it should, growth is what was put in."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from measuring.test_response import AFFINE, study

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.comparability import Origin
from tumorscope.measurement.follow_up import follow
from tumorscope.measurement.growth import fit_growth
from tumorscope.measurement.lesion_tracks import track_lesions

CENTER = (64, 64)


def visits(*lesions, days=100):
    """A study per entry, ``days`` apart; an entry is a diameter, or discs ``(row, column, diameter)``."""
    start = date(2024, 1, 1)
    found = []
    for number, entry in enumerate(lesions):
        discs = entry if isinstance(entry, tuple) else ((*CENTER, entry),)
        when = (start + timedelta(days=days * number)).isoformat()
        found.append(replace(study(*discs, name=f"visit {number}"), origin=Origin(study_date=when)))
    return found


def categories(found, measure="by_diameters"):
    return [getattr(visit, measure) and getattr(visit, measure).category for visit in found.visits]


def test_response_is_against_the_baseline_and_progression_against_the_nadir():
    found = follow(visits(40, 26, 31, 40))
    assert categories(found) == [None, "PR", "PD", "PD"]
    last = found.visits[3].by_diameters
    assert last.nadir == 1
    assert last.from_baseline == pytest.approx(0, abs=0.01)
    assert last.from_nadir == pytest.approx((40 / 26) ** 2 - 1, abs=0.1)
    assert "since the nadir (2024-04-10)" in last.rule
    assert "25 % or more above the nadir" in last.rule


def test_growth_back_by_less_than_a_quarter_stays_a_partial_response():
    found = follow(visits(40, 26, 27))
    assert categories(found) == [None, "PR", "PR"]
    assert "since the baseline (2024-01-01)" in found.visits[2].by_diameters.rule


def test_volumes_have_limits_of_their_own():
    """Cylinders of one height: volume and product both change with the square of the diameter."""
    found = follow(visits(40, 26, 22))
    assert categories(found) == [None, "PR", "PR"]
    assert categories(found, "by_volume") == [None, "SD", "PR"]  # 58 % and 70 % less; 65 % is the limit
    grown = follow(visits(40, 46, 48))
    assert categories(grown) == [None, "PD", "PD"]
    assert categories(grown, "by_volume") == [None, "SD", "PD"]  # 32 % and 44 % more; 40 % is the limit


def test_a_new_measurable_lesion_is_progression_once_and_blocks_a_response_later():
    two = ((*CENTER, 20), (20, 20, 14))
    found = follow(visits(((*CENTER, 40),), two, two))
    assert categories(found) == [None, "PD", "SD"]
    assert "one new measurable lesion" in found.visits[1].by_diameters.rule
    assert "a lesion that came up in 2024-04-10 is still there" in found.visits[2].by_diameters.rule
    assert [visit.new for visit in found.visits] == [(), (1,), ()]


def test_a_lesion_that_comes_back_after_a_complete_response_is_progression():
    found = follow(visits(40, (), 20))
    assert categories(found) == [None, "CR", "PD"]
    assert categories(found, "by_volume") == [None, "CR", "PD"]
    assert "is back" in found.visits[2].by_diameters.rule
    assert [visit.vanished for visit in found.visits] == [0, 1, 0]


def test_targets_are_those_of_the_baseline_and_are_followed_below_10_mm():
    found = follow(visits(((40, 40, 30), (90, 90, 12)), ((40, 40, 30), (90, 90, 6)), ((40, 40, 30), (90, 90, 30))))
    assert found.targets == (0, 1)
    assert categories(found) == [None, "SD", "PD"]


def test_a_small_lesion_that_becomes_measurable_is_progression():
    found = follow(visits(((40, 40, 30), (90, 90, 6)), ((40, 40, 30), (90, 90, 13))))
    assert categories(found) == [None, "PD"]
    assert "became measurable since 2024-01-01" in found.visits[1].by_diameters.rule


def test_a_change_at_a_limit_is_marked():
    found = follow(visits(40, 28.5, 20))
    assert [visit.by_diameters.near_limit for visit in found.visits[1:]] == [True, False]


def test_lesions_that_merge_and_split_are_one_track():
    apart, merged = ((64, 52, 20), (64, 76, 20)), ((64, 64, 46),)
    assert track_lesions(visits(apart, merged, apart), registered=False) == (((0, 1), (0,), (0, 1)),)


def test_a_lesion_missed_once_is_still_one_track():
    assert track_lesions(visits(30, (), 30), registered=False) == (((0,), (), (0,)),)


def test_studies_in_no_common_frame_are_followed_by_their_totals():
    shifted = AFFINE.copy()
    shifted[:3, 3] = (2.5, -4, 1)
    other = study((*CENTER, 26), affine=shifted)
    found = follow([visits(40)[0], other])
    assert found.tracks is None
    assert categories(found) == [None, "PR"]
    assert "unmatched_lesions" in [note.code for note in found.notes]
    assert follow([visits(40)[0], other], registered=True).tracks is not None


def test_other_patients_and_a_wrong_order_are_refused():
    one, two, three = (replace(each, origin=Origin(patient_key=key)) for each, key in
                       zip(visits(40, 40, 40), ("a-1", None, "a-2"), strict=True))  # fmt: skip
    with pytest.raises(TumorscopeError, match="different patients"):
        follow([one, two, three])
    found = follow([one, two, three], force=True)
    assert "forced_comparison" in [note.code for note in found.notes]
    with pytest.raises(TumorscopeError, match="the later one"):
        follow(visits(40, 40)[::-1])


def test_a_volume_that_doubles_in_ninety_days_has_that_doubling_time():
    days = [date(2024, 1, 1) + timedelta(days=step) for step in (0, 30, 75, 200)]
    volumes = [1000 * 2 ** ((day - days[0]).days / 90) for day in days]
    found = fit_growth(days, volumes)
    assert found.doubling_days == pytest.approx(90)
    assert found.yearly == pytest.approx(2 ** (365.25 / 90) - 1)
    assert found.r_squared == pytest.approx(1)
    assert found.reason == ""


@pytest.mark.parametrize(
    ("days", "volumes", "reason"),
    [
        ((0, 100), (2000.0, 1000.0), "shrinks"),
        ((0, 100), (1000.0, 1000.0), "does not change"),
        ((0, 0), (1000.0, 2000.0), "fewer than two dates"),
        ((0, 100), (0.0, 2000.0), "fewer than two dates"),
        ((0, None), (1000.0, 2000.0), "not all studies have a date"),
        ((0, 100), (1000.0, None), "fewer than two dates"),
    ],
)
def test_without_growth_or_dates_there_is_no_doubling_time_and_the_reason_is_told(days, volumes, reason):
    dates = [None if day is None else date(2024, 1, 1) + timedelta(days=day) for day in days]
    found = fit_growth(dates, volumes)
    assert found.doubling_days is None
    assert reason in found.reason


def test_a_shrinking_volume_has_a_halving_time():
    found = fit_growth([date(2024, 1, 1), date(2024, 4, 10)], [2000.0, 1000.0])
    assert found.halving_days == pytest.approx(100)


def test_regrowth_is_fitted_from_the_nadir_on():
    found = follow(visits(40, 20, 20 * 2**0.5, 40))
    assert found.growth_since_nadir.first == 1
    assert found.growth_since_nadir.doubling_days == pytest.approx(100, rel=0.05)
