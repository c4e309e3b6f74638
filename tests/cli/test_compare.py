"""`tumorscope compare` through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluation.conftest import made_evaluation

from tumorscope.cli.compare import command
from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.evaluation_files import write_report


@pytest.fixture
def run(in_empty_folder):
    return in_empty_folder(command)


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory) -> list[Path]:
    """Of a good and of a poor network, on different splits."""
    root = tmp_path_factory.mktemp("runs")
    for name, skill, split in (("good", 4.0, "ab"), ("poor", 0.5, "cd")):
        write_report(made_evaluation(patients=6, skill=skill), root / name, split_hash=split * 32)
    return [root / "good", root / "poor"]


def test_evaluations_stand_side_by_side_and_different_splits_are_warned_of(run, evaluations):
    error, out = run(*evaluations, "-o", "out")
    assert error is None, out
    lines = out.splitlines()
    assert lines[0].split() == ["metric", "good", "poor"]
    (accuracy,) = [line for line in lines if line.startswith("class, accuracy")]
    good, poor = (float(word) for word in accuracy.split()[2::4])
    assert good > poor
    assert "warning: evaluated on different splits (good: made abababababab, poor: made cdcdcdcdcdcd)" in out
    assert {"compare.md", "compare.csv", "compare.json", "forest.png"} <= {path.name for path in Path("out").iterdir()}


def test_what_is_no_run_is_one_line_and_writes_nothing(run):
    Path("empty").mkdir()
    error, _ = run("empty", "-o", "out")
    assert isinstance(error, TumorscopeError)
    assert str(error).startswith("empty: not the folder of an evaluation or a training")
    assert not Path("out").exists()


def test_no_run_at_all_is_a_mistake_in_the_command(run):
    error, _ = run("-o", "out")
    assert isinstance(error, SystemExit)
    assert error.code == 2
