"""`tumorscope pool` through the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from evaluation.conftest import made_evaluation

from tumorscope.cli.pool import command
from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.evaluation_files import write_report
from tumorscope.evaluation.metric_summary import without


def test_two_folds_become_one_evaluation(in_empty_folder):
    run = in_empty_folder(command)
    whole = made_evaluation(patients=6)
    for fold, kept in (("a", {"P0", "P1", "P2"}), ("b", {"P3", "P4", "P5"})):
        others = {row.case for row in whole.cases if row.patient not in kept}
        write_report(replace(without(whole, others), sha256=fold * 64), Path(fold), part="test")
    error, out = run("a", "b", "-o", "both")
    assert error is None, out
    assert "6 patients, 18 slices" in out
    assert json.loads(Path("both/evaluation.json").read_text())["part"] == "2 folds"
    error, _ = run("a", "a", "-o", "twice")
    assert isinstance(error, TumorscopeError)
    assert not Path("twice").exists()
