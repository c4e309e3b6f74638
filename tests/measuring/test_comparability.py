"""Which studies must not be compared, and which may with a word of doubt."""

from dataclasses import replace

import pytest

from tumorscope.core.note import texts
from tumorscope.measurement.comparability import Origin, conflicts, doubts

KNOWN = Origin("aaaaaaaa-1", "2026-01-01", "lgg 0.1.0", "1" * 64, ("t1", "flair", "t1c"))


def test_two_studies_of_one_patient_by_one_bundle_are_comparable():
    later = replace(KNOWN, study_date="2026-03-01")
    assert conflicts(KNOWN, later) == doubts(KNOWN, later) == []
    assert conflicts(KNOWN, KNOWN) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"patient_key": "aaaaaaaa-2"}, "they are of different patients"),
        ({"study_date": "2025-12-31"}, "exchange the two"),
        ({"bundle": "t1c 0.1.0", "bundle_sha256": "2" * 64}, "different bundles (lgg 0.1.0 and t1c 0.1.0)"),
        ({"bundle_sha256": "2" * 64}, "different bundles (two of lgg 0.1.0)"),
        ({"sequences": ("t1", "flair", "flair")}, "other sequences (t1 flair t1c, then t1 flair flair)"),
    ],
)
def test_what_differs_is_told(change, reason):
    [conflict] = conflicts(KNOWN, replace(KNOWN, **change))
    assert reason in conflict


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"patient_key": None}, "of one patient"),
        ({"patient_key": "bbbbbbbb-2"}, "of one patient"),
        ({"study_date": None}, "in this order"),
        ({"bundle": None, "bundle_sha256": None}, "made by one bundle"),
        ({"sequences": ()}, "of the same sequences"),
        ({"sequences": ("unknown",)}, "of the same sequences"),
    ],
    ids=["no key", "another salt", "no date", "no bundle", "no sequences", "sequences not named"],
)
def test_what_is_not_known_is_a_doubt_and_not_a_conflict(change, what):
    other = replace(KNOWN, **change)
    assert conflicts(KNOWN, other) == conflicts(other, KNOWN) == []
    assert texts(doubts(KNOWN, other)) == (f"not known, and taken for granted: that both are {what}",)
