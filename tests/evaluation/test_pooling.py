"""Folds of a cross-validation joined: the rows are all there, and what does not fit together is refused."""

import json
from dataclasses import replace

import pytest
from evaluation.conftest import made_evaluation

from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.evaluation_files import write_report
from tumorscope.evaluation.metric_summary import summarize
from tumorscope.evaluation.metric_summary import without as only_others
from tumorscope.evaluation.pooling import pool


@pytest.fixture(scope="module")
def whole():
    return made_evaluation(patients=9)


@pytest.fixture
def folds(whole, tmp_path):
    """The whole in three parts of three patients each, written as three networks would leave them."""
    folders = []
    for number in range(3):
        others = {row.case for row in whole.cases if int(row.patient[1:]) // 3 != number}
        fold = replace(only_others(whole, others), sha256=str(number) * 64)
        copies = {fold.cases[0].case: "seen"}
        folders.append(tmp_path / f"fold{number}")
        write_report(fold, folders[-1], split_hash=f"{number}" * 64, part="test", copies=copies)
    return folders


def test_pooled_folds_have_the_figures_of_all_patients_at_once(whole, folds, tmp_path):
    pooled = pool(folds)
    written = write_report(pooled.evaluation, tmp_path / "all", copies=pooled.copies, pooled=pooled.parts)
    direct = summarize(whole)
    assert written["patients"] == 9
    assert written["classes"]["accuracy"] == direct["classes"]["accuracy"]
    assert written["classes"]["macro_f1"]["value"] == pytest.approx(direct["classes"]["macro_f1"]["value"])
    assert written["tumor_slice_dice"]["mean"] == pytest.approx(direct["tumor_slice_dice"]["mean"], abs=1e-6)
    assert written["hd95_px"]["median"] == pytest.approx(direct["hd95_px"]["median"], abs=1e-6)
    assert len(written["copies"]) == 3
    assert written["without_copies"]["cases"] == len(whole.cases) - 3


def test_a_pooled_evaluation_lists_its_parts(folds, tmp_path):
    pooled = pool(folds)
    write_report(pooled.evaluation, tmp_path / "all", pooled=pooled.parts)
    told = json.loads((tmp_path / "all" / "evaluation.json").read_text())["pooled"]
    assert [fold["bundle"]["sha256"][0] for fold in told] == ["0", "1", "2"]
    assert [fold["cases"] for fold in told] == [9, 9, 9]
    page = (tmp_path / "all" / "evaluation.md").read_text()
    assert "| fake `222222222222` | test | 9 |" in page


def test_folds_that_share_cases_are_refused(folds):
    with pytest.raises(TumorscopeError, match="9 cases were evaluated more than once, such as c0"):
        pool([folds[0], folds[1], folds[0]])


def test_folds_of_other_classes_or_data_sets_are_refused(folds, whole, tmp_path):
    other = made_evaluation(patients=3, classes=("glioma", "meningioma"), seed=1)
    write_report(other, tmp_path / "other")
    with pytest.raises(TumorscopeError, match="other: its classes differ from those of .*fold0"):
        pool([folds[0], tmp_path / "other"])
    write_report(replace(whole, dataset="else"), tmp_path / "else")
    with pytest.raises(TumorscopeError, match="else: its dataset differs from that of .*fold0"):
        pool([folds[0], tmp_path / "else"])


def test_folds_with_and_without_flips_are_not_one_evaluation(folds, whole, tmp_path):
    cases = {"c0"}
    only = replace(whole, cases=tuple(row for row in whole.cases if row.case in cases), flips=True)
    written = write_report(
        replace(only, slices=tuple(row for row in whole.slices if row.case in cases)), tmp_path / "a"
    )
    assert written["flips"] is True
    assert "run by onnxruntime, averaged over flips." in (tmp_path / "a" / "evaluation.md").read_text()
    with pytest.raises(TumorscopeError, match="a: averaged over flips where .*fold0 is not"):
        pool([folds[0], tmp_path / "a"])


def test_one_fold_a_missing_one_and_a_damaged_one_are_one_line(folds, tmp_path):
    with pytest.raises(TumorscopeError, match="two or more evaluations"):
        pool(folds[:1])
    with pytest.raises(TumorscopeError, match="none: not the folder of an evaluation"):
        pool([folds[0], tmp_path / "none"])
    (folds[1] / "cases.csv").write_text("case,patient\na,b\n")
    with pytest.raises(TumorscopeError, match="cases.csv: damaged, or of another version"):
        pool(folds[:2])
