"""`--sequence`, `--spacing` and `--register` of `tumorscope analyze`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reading.files import heads, write_nifti

from tumorscope.cli import running
from tumorscope.cli.analyze import command
from tumorscope.cli.sequence_options import stated_sequences
from tumorscope.core.errors import TumorscopeError
from tumorscope.studies.case import AnalysisOptions, Case


@pytest.fixture
def given(monkeypatch) -> list[tuple[list[Case], AnalysisOptions]]:
    """The cases and options of each run; nothing is analyzed."""
    runs: list[tuple[list[Case], AnalysisOptions]] = []
    monkeypatch.setattr(
        running, "run_cases", lambda cases, out, bundle, *, options, **_others: runs.append((cases, options))
    )
    return runs


def test_with_a_path_files_are_named(in_empty_folder, given, tmp_path: Path):
    for name in ("a", "b"):
        write_nifti(tmp_path / f"{name}.nii", heads(18).transpose(2, 1, 0), np.diag([8.0, 8, 8, 1]))
    run = in_empty_folder(command)
    assert run(tmp_path)[0] is None
    error, out = run(
        tmp_path, "--sequence", "a.nii=t1", "--sequence", "flair=b.nii", "--register", "--spacing", "1,1,5"
    )
    assert error is None, out
    (apart, _), (together, options) = given
    assert [case.path for case in apart] == [tmp_path / "a.nii", tmp_path / "b.nii"]
    assert [case.path for case in together] == [tmp_path]
    assert options.stated == {"a.nii": "t1", "b.nii": "flair"}
    assert options.register
    assert options.spacing_mm == (1, 1, 5)


def test_without_a_path_they_are_the_case(in_empty_folder, given):
    assert in_empty_folder(command)("--sequence", "flair=b.nii")[0] is None
    ((case,), _) = given[0]
    assert case.sequences == {"flair": Path("b.nii")}


@pytest.mark.parametrize("option", ["a.nii", "a.nii=", "=t1", "a.nii=ct"])
def test_what_names_no_file_or_no_sequence_is_refused(option: str):
    with pytest.raises(TumorscopeError):
        stated_sequences([option])


def test_a_series_may_have_an_equals_sign_in_its_description():
    assert stated_sequences(["TE=80 ax=t2"]) == {"TE=80 ax": "t2"}
