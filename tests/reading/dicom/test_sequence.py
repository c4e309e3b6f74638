from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from dicom_making import Grid, write_series

from tumorscope.core.note import texts
from tumorscope.io import open_scan
from tumorscope.io.dicom.header import SeriesHeader
from tumorscope.io.dicom.image_kind import kind_of_values
from tumorscope.io.dicom.sequence_names import sequence_of

SILENT = SeriesHeader("1", 1, "", "")
SE, IR, GR, EP = frozenset({"SE"}), frozenset({"SE", "IR"}), frozenset({"GR", "IR"}), frozenset({"EP", "SE"})


def timed(scanning: frozenset[str], repetition: float, echo: float, inversion: float | None = None, **changes):
    return replace(SILENT, scanning=scanning, repetition_ms=repetition, echo_ms=echo, inversion_ms=inversion, **changes)


@pytest.mark.parametrize(
    ("header", "sequence"),
    [
        (timed(IR, 9000, 120, 2500), "flair"),
        (timed(IR, 4800, 380, 1650), "flair"),  # 3-D at 3 T
        (timed(frozenset({"IR"}), 10000, 140, 2250), "flair"),
        (timed(SE, 4500, 100), "t2"),
        (timed(SE, 3200, 410), "t2"),  # 3-D
        (timed(SE, 550, 12), "t1"),
        (timed(SE, 550, 12, contrast=True), "t1c"),
        (timed(GR, 2300, 2.9, 900), "t1"),  # MPRAGE
        (timed(GR, 7.4, 3.1, 450), "t1"),  # the same from GE
        (timed(IR, 2200, 9, 860), "t1"),  # T1 FLAIR
        # What is ambiguous stays open.
        (timed(SE, 2500, 15), "unknown"),  # proton density
        (timed(SE, 1500, 50), "unknown"),
        (timed(IR, 5000, 60, 160), "unknown"),  # STIR
        (timed(IR, 7500, 320, 450), "unknown"),  # double inversion
        (timed(IR, 9000, 120), "unknown"),  # no inversion time
        (timed(EP, 5000, 90), "unknown"),  # diffusion
        (timed(frozenset({"GR"}), 25, 3.5), "unknown"),  # angiography
        (timed(frozenset({"GR"}), 30, 20), "unknown"),  # susceptibility
        (timed(frozenset({"GR", "SE"}), 4500, 100), "unknown"),
        (replace(SILENT, repetition_ms=550, echo_ms=12), "unknown"),
        (replace(SILENT, scanning=SE), "unknown"),
        (SILENT, "unknown"),
    ],
)
def test_timing_names_a_sequence_only_where_it_is_plain(header: SeriesHeader, sequence: str):
    found, reason = sequence_of(header, frozenset())
    assert found == sequence
    assert reason.startswith("sequence ")
    if sequence != "unknown":
        assert "taken from the timing" in reason
        assert f"TR {header.repetition_ms:g}" in reason


@pytest.mark.parametrize(
    ("contrast", "changes", "sequence"),
    [
        ("FLUID_ATTENUATED", {}, "flair"),
        ("T2", {}, "t2"),
        ("T1", {}, "t1"),
        ("T1", {"contrast": True}, "t1c"),
        ("T2_STAR", {}, "unknown"),
        ("DIFFUSION", {}, "unknown"),
        ("PROTON_DENSITY", {}, "unknown"),
        ("UNKNOWN", {}, "unknown"),
        ("T2", {"scanning": SE, "repetition_ms": 500.0, "echo_ms": 10.0}, "unknown"),  # contradicts the timing
        ("UNKNOWN", {"scanning": SE, "repetition_ms": 500.0, "echo_ms": 10.0}, "t1"),
    ],
)
def test_enhanced_files_state_their_contrast(contrast: str, changes: dict, sequence: str):
    assert sequence_of(replace(SILENT, acquisition_contrast=contrast, **changes), frozenset())[0] == sequence


@pytest.mark.parametrize(
    ("description", "header", "sequence"),
    [
        ("AX T1", timed(SE, 4500, 100), "unknown"),
        ("AX T2", timed(SE, 550, 12), "unknown"),
        ("AX T2", timed(SE, 2500, 15), "unknown"),  # the first echo of two
        ("AX T2", timed(IR, 9000, 120, 2500), "flair"),
        ("AX FLAIR", timed(SE, 9000, 120), "flair"),  # inversion time not stored
        ("AX FLAIR", timed(IR, 2000, 10, 800), "unknown"),
        ("SAG T1 FLAIR", timed(IR, 2200, 9, 860), "t1"),
        ("AX T1", timed(frozenset({"GR"}), 8, 3), "t1"),
        ("t2_tirm_tra_dark-fluid", timed(IR, 9000, 120, 2500), "flair"),
        ("t2 dark fluid", SILENT, "flair"),
        ("AX DWI", timed(SE, 4500, 100), "unknown"),
        ("3D DIR", timed(IR, 7500, 320, 3000), "unknown"),
        ("MR head", timed(SE, 550, 12, contrast=True), "t1c"),
    ],
)
def test_timing_may_contradict_words_but_not_overrule_them(description: str, header: SeriesHeader, sequence: str):
    assert sequence_of(replace(header, description=description), frozenset())[0] == sequence


@pytest.mark.parametrize("kind", ["ADC", "SUBTRACT", "MIP", "P", "LOCALIZER", "PHASE MAP"])
def test_maps_and_projections_are_not_a_sequence_whatever_they_are_called(kind: str):
    header = replace(SILENT, description="AX T1 +C", kind=kind_of_values(("SECONDARY", kind)))
    sequence, reason = sequence_of(header, frozenset())
    assert sequence == "unknown"
    assert kind in reason


def test_reformatted_images_stay_what_they_show():
    header = replace(SILENT, description="AX T1 +C", kind=kind_of_values(("SECONDARY", "MPR")), is_derived=True)
    assert sequence_of(header, frozenset())[0] == "t1c"


@pytest.mark.parametrize("agent", ["", "NO", "none", "n/a", "Unknown"])
def test_an_agent_that_is_none_gives_no_contrast(tmp_path: Path, agent: str):
    write_series(tmp_path / "s", "t1", Grid((2, 96, 96)), ContrastBolusAgent=agent)
    assert open_scan(tmp_path / "s").sequences == ("t1",)


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("sequence", ["flair", "t1", "t1c", "t2"])
def test_without_any_words_the_other_tags_tell(tmp_path: Path, sequence: str, enhanced: bool):
    write_series(tmp_path / "s", sequence, Grid((2, 96, 96)), enhanced=enhanced, SeriesDescription=None)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == (sequence,)
    assert ("acquisition contrast" if enhanced else "timing") in texts(scan.notes)[0]
