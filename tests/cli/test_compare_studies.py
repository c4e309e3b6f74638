"""`tumorscope compare-studies` as its users meet it; the command is called as the program calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from reading.files import write_nifti

from tumorscope.cli.compare_studies import command
from tumorscope.errors import TumorscopeError

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


@pytest.fixture
def run(in_empty_folder):
    return in_empty_folder(command)


def write_mask(name, *discs, affine=AFFINE):
    """Discs ``(column, row, diameter, label)``, three slices high."""
    mask = np.zeros((96, 96, 6), np.uint8)
    column, row = np.indices(mask.shape[:2])
    for x, y, diameter, *label in discs:
        inside = (column - x) ** 2 + (row - y) ** 2 <= (diameter / 2) ** 2
        mask[inside, 1:4] = label[0] if label else 1
    return write_nifti(Path(name), mask, affine)


def test_a_response_is_told_with_the_rule_that_decided(run):
    write_mask("before.nii", (48, 48, 40))
    write_mask("after.nii", (48, 48, 26))
    error, out = run("before.nii", "after.nii", "-o", "c.json")
    assert error is None, out
    assert "PR, partial response" in out
    assert "50 % or more is a partial response" in out
    assert "corticosteroid dose" in out
    assert "clinical status" in out
    assert "Research use only" in out
    document = json.loads(Path("c.json").read_text())
    assert document["schema"] == "tumorscope.comparison/1"
    assert document["category"] == "PR"
    assert document["matches"] == [{"before": [0], "after": [0]}]
    assert document["volume_mm3"]["relative"] == pytest.approx((26 / 40) ** 2 - 1, abs=0.02)
    assert len(document["not_judged"]) == 5


def test_a_new_lesion_is_named_and_is_progression(run):
    write_mask("before.nii", (30, 48, 24))
    write_mask("after.nii", (30, 48, 24), (70, 48, 16))
    error, out = run("before.nii", "after.nii")
    assert error is None, out
    assert "PD, progressive disease" in out
    assert "new" in next(line for line in out.splitlines() if line.startswith("- "))


def test_one_label_may_be_followed_alone(run):
    write_mask("before.nii", (30, 48, 30, 1), (70, 48, 20, 2))
    write_mask("after.nii", (30, 48, 30, 1))
    error, out = run("before.nii", "after.nii", "--label", "label 2")
    assert isinstance(error, TumorscopeError)
    assert str(error) == "after: has no label 'label 2'; it has 'mask'"
    write_mask("after.nii", (30, 48, 30, 1), (70, 48, 12, 2))
    error, out = run("before.nii", "after.nii", "--label", "label 2")
    assert error is None, out
    assert "PR" in out


def test_an_empty_study_after_is_a_complete_response(run):
    write_mask("before.nii", (48, 48, 30))
    write_mask("after.nii")
    error, out = run("before.nii", "after.nii")
    assert error is None, out
    assert "CR, complete response" in out


def test_other_grids_give_totals_unless_registered(run):
    affine = AFFINE.copy()
    affine[0, 3] = 4
    write_mask("before.nii", (48, 48, 40))
    write_mask("after.nii", (44, 48, 40), affine=affine)
    error, out = run("before.nii", "after.nii")
    assert error is None, out
    assert "lesions are not matched" in out
    error, out = run("before.nii", "after.nii", "--registered")
    assert "lesions are not matched" not in out
    assert "SD, stable disease" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.nii", "nothing.nii"], "no such mask"),
        (["a.nii", "a.nii", "-o", "c.csv"], "must end in .json"),
    ],
)
def test_a_wrong_call_is_one_clear_line(run, arguments, message):
    write_mask("a.nii", (48, 48, 30))
    error, _ = run(*arguments)
    assert isinstance(error, TumorscopeError)
    assert message in str(error)
