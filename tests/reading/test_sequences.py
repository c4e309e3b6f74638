from __future__ import annotations

import pytest

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.sequences import check_channels, check_name, recognize_sequence


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        ("BraTS19_CBICA_AAB_1_flair", "flair"),
        ("BraTS19_CBICA_AAB_1_t1ce", "t1c"),
        ("BraTS-GLI-00000-000-t1n", "t1"),
        ("BraTS-GLI-00000-000-t2w", "t2"),
        ("BraTS-GLI-00000-000-t2f", "flair"),
        ("sub-01_T1w", "t1"),
        ("patient_t1_post", "t1c"),
        ("patient_t1gd", "t1c"),
        ("AX T1 +C", "t1c"),
        ("T1 pre contrast", "t1"),
        ("AX T2 FLAIR", "flair"),
        ("AX FSE T2", "t2"),
        ("t1_mprage_sag", "t1"),
        ("SAG T1 FLAIR", "unknown"),
        ("T2* GRE", "unknown"),
        ("t2star", "unknown"),
        ("AX T1 T2", "unknown"),
        ("FSE PD AXIAL OBL", "unknown"),
        ("ADC map of t2 dwi", "unknown"),
        ("test2_scan", "unknown"),
        ("T1 post op", "t1"),
        ("case_c_t1", "t1"),
        ("t10", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_sequence_is_named_only_where_the_text_is_plain(text: str, sequence: str):
    assert recognize_sequence(text) == sequence


def test_a_recorded_contrast_agent_turns_t1_into_t1c_but_nothing_else():
    assert recognize_sequence("AX T1", contrast=True) == "t1c"
    assert recognize_sequence("AX T1 pre", contrast=True) == "t1"
    assert recognize_sequence("AX T2", contrast=True) == "t2"


@pytest.mark.parametrize(("name", "meant"), [("t1ce", "t1c"), ("flare", "flair"), ("t2w", "t2"), ("T1-Gd", "t1c")])
def test_a_wrong_name_is_answered_with_the_nearest(name: str, meant: str):
    with pytest.raises(UnreadableScan, match=f"t1, t1c, t2, flair; did you mean {meant}"):
        check_name(name)


def test_names_may_be_written_large():
    assert check_name("FLAIR") == "flair"


def test_channels_must_fit_in_number_and_differ():
    assert check_channels(["T1", "unknown"], 2, "a") == ("t1", "unknown")
    assert check_channels(["unknown", "unknown"], 2, "a") == ("unknown", "unknown")
    with pytest.raises(UnreadableScan, match="1 channel names"):
        check_channels(["t1"], 2, "a")
    with pytest.raises(UnreadableScan, match="repeat"):
        check_channels(["t1", "t1"], 2, "a")
