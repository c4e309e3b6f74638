import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from evaluation.conftest import made_evaluation
from PIL import Image

from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.compare import compare_runs, write_comparison
from tumorscope.evaluation.compare_plots import COMPARE_PLOTS
from tumorscope.evaluation.compare_runs import Evaluated, read_runs, unique_names
from tumorscope.evaluation.evaluation_files import write_report

FOUR = ("glioma", "meningioma", "notumor", "pituitary")


def write_run(folder: Path, skill: float) -> Path:
    write_report(made_evaluation(patients=8, classes=FOUR, skill=skill), folder, split_hash="ab" * 32, part="test")
    return folder


def write_training(folder: Path, best: float = 0.9, split_hash: str = "ab" * 32) -> Path:
    folder.mkdir(parents=True)
    rows = [f"{epoch},{1 / (epoch + 1)},{best - 0.05 * abs(epoch - 3)}" for epoch in range(6)]
    (folder / "curves.csv").write_text("\n".join(["epoch,train/loss,validation/macro_f1", *rows, ""]))
    (folder / "recipe.yaml").write_text("name: tiny\nnetwork:\n  kind: cnn\n")
    summary = {"epochs": 6, "minutes": 1.5, "parameters": 1234, "split_hash": split_hash}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Path]:
    """Two evaluations on one split, and a training."""
    root = tmp_path_factory.mktemp("runs")
    return [write_run(root / "good", 4.0), write_run(root / "poor", 0.5), write_training(root / "training")]


@pytest.fixture(scope="module")
def compared(runs, tmp_path_factory) -> Path:
    """The folder of their comparison."""
    folder = tmp_path_factory.mktemp("compared")
    write_comparison(compare_runs(read_runs(runs)), folder)
    return folder


def test_the_table_holds_the_figures_of_the_evaluations(runs, compared):
    content = json.loads((compared / "compare.json").read_text())
    assert content["warnings"] == []
    for run in runs[:2]:
        published = json.loads((run / "evaluation.json").read_text())
        metrics = content["metrics"][run.name]
        assert metrics["classes.macro_f1"]["value"] == published["classes"]["macro_f1"]["value"]
        assert metrics["classes.macro_f1"]["ci95"] == published["classes"]["macro_f1"]["ci95"]
        recall = published["classes"]["of_class"]["glioma"]["recall"]["value"]
        assert metrics["classes.of_class.glioma.recall"]["value"] == recall
    assert content["metrics"]["training"] == {
        "validation.macro_f1": {"title": "best validation macro-F1", "value": 0.9, "ci95": None}
    }
    lines = list(csv.DictReader((compared / "compare.csv").open()))
    (row,) = [line for line in lines if (line["run"], line["metric"]) == ("poor", "presence.auroc")]
    figure = content["metrics"]["poor"]["presence.auroc"]
    assert [float(row[key]) for key in ("value", "ci95_low", "ci95_high")] == [figure["value"], *figure["ci95"]]
    text = (compared / "compare.md").read_text()
    assert "| run | good | poor | training |" in text
    assert "Warning" not in text


def test_every_plot_is_a_image_that_the_table_shows(compared):
    plots = {path.name for path in compared.glob("*.png")}
    assert plots == set(COMPARE_PLOTS)
    for name in plots:
        assert Image.open(compared / name).size[0] > 300
        assert f"({name})" in (compared / "compare.md").read_text()


def test_trainings_alone_have_curves_and_nothing_else(runs, tmp_path):
    (tmp_path / "forest.png").write_bytes(b"of an earlier comparison")
    assert write_comparison(compare_runs(read_runs(runs[2:])), tmp_path) == ["curves.png"]
    assert not (tmp_path / "forest.png").exists()


def test_the_same_runs_give_the_same_bytes(runs, tmp_path):
    for name in ("one", "two"):
        write_comparison(compare_runs(read_runs(runs[2:])), tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def change(folder: Path, **changes) -> None:
    path = folder / "evaluation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("changes", [{"split_hash": "cd" * 32}, {"part": "validation"}, {"dataset": "other"}])
def test_runs_evaluated_on_different_patients_are_compared_with_a_warning(runs, tmp_path, changes):
    folders = [shutil.copytree(runs[0], tmp_path / name) for name in ("a", "b")]
    change(folders[1], **changes)
    comparison = compare_runs(read_runs(folders))
    (warning,) = comparison.warnings
    assert warning.startswith("evaluated on different splits (a: made test abababababab, b: ")
    shown = compare_runs([replace(run, evaluated=None, trained=run.trained) for run in comparison.runs])
    write_comparison(replace(shown, warnings=comparison.warnings), tmp_path / "out")
    assert f"**Warning: {warning}.**" in (tmp_path / "out" / "compare.md").read_text()


def test_runs_that_lost_different_cases_are_compared_with_a_warning(runs):
    whole, _, _ = read_runs(runs)
    assert whole.evaluated is not None
    fewer = Evaluated({**whole.evaluated.content, "cases": 23}, whole.evaluated.slices[1:])
    (warning,) = compare_runs([whole, replace(whole, name="b", evaluated=fewer)]).warnings
    assert warning.startswith("not the same cases were evaluated (good: 24, b: 23)")


def test_trainings_on_different_splits_are_compared_with_a_warning(tmp_path):
    folders = [write_training(tmp_path / "a"), write_training(tmp_path / "b", split_hash="cd" * 32)]
    (warning,) = compare_runs(read_runs(folders)).warnings
    assert warning.startswith("trained on different splits (a: abababababab, b: cdcdcdcdcdcd)")


def test_a_folder_may_hold_a_training_and_its_evaluation(runs, tmp_path):
    folder = write_training(tmp_path / "both")
    shutil.copytree(runs[0], folder, dirs_exist_ok=True)
    (run,) = read_runs([folder])
    assert run.evaluated is not None
    assert run.trained is not None
    metrics = compare_runs([run]).metrics[0]
    assert {"classes.accuracy", "validation.macro_f1"} <= set(metrics)


def test_figures_without_copies_are_compared_too(runs, tmp_path):
    folder = shutil.copytree(runs[0], tmp_path / "a")
    poor = json.loads((runs[1] / "evaluation.json").read_text())
    change(folder, without_copies=poor)
    metrics = compare_runs(read_runs([folder])).metrics[0]
    assert metrics["without_copies.classes.accuracy"].value == poor["classes"]["accuracy"]["value"]
    assert metrics["classes.accuracy"].value > poor["classes"]["accuracy"]["value"]


def test_names_are_as_short_as_they_can_be_and_unique():
    folders = [Path("/x/a/evaluation"), Path("/x/b/evaluation"), Path("/y/b/evaluation"), Path("/x/c"), Path("/x/c")]
    assert unique_names(folders) == ["a/evaluation", "x/b/evaluation", "y/b/evaluation", "c", "c-2"]


def test_a_name_made_unique_does_not_meet_one_that_was_there():
    assert len(set(unique_names([Path("/x/c"), Path("/x/c"), Path("/x/c-2")]))) == 3


def damage(folder: Path, file: str, content: str | None) -> None:
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("evaluation.json", "{", "damaged"),
        ("evaluation.json", "[]", "damaged"),
        ("evaluation.json", '{"schema": "tumorscope.evaluation/1"}', "tumorscope.evaluation/1, not"),
        ("evaluation.json", "{}", "not named, not"),
        ("evaluation.json", '{"schema": "tumorscope.evaluation/3"}', "dataset is missing"),
        ("slices.csv", None, "cannot be read"),
        ("slices.csv", "case,patient\nx,y\n", "damaged"),
        ("slices.csv", "", "contains no slices"),
    ],
)
def test_a_damaged_evaluation_is_one_clear_line(runs, tmp_path, file, content, words):
    folder = shutil.copytree(runs[0], tmp_path / "run")
    damage(folder, file, content)
    with pytest.raises(TumorscopeError, match=words) as caught:
        read_runs([folder])
    assert "\n" not in str(caught.value)
    assert "run" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("curves.csv", None, "no curves.csv yet"),
        ("curves.csv", "a,b\n1,2\n", "damaged"),
        ("curves.csv", "epoch,train/loss\n0,much\n", "damaged"),
        ("recipe.yaml", None, "recipe.yaml is missing"),
        ("recipe.yaml", "- a", "recipe.yaml is missing or damaged"),
        ("summary.json", "{", "damaged"),
    ],
)
def test_a_damaged_training_is_one_clear_line(tmp_path, file, content, words):
    folder = write_training(tmp_path / "run")
    damage(folder, file, content)
    with pytest.raises(TumorscopeError, match=words) as caught:
        read_runs([folder])
    assert "\n" not in str(caught.value)


def test_an_interrupted_training_without_a_summary_has_its_curves(tmp_path):
    folder = write_training(tmp_path / "run")
    (folder / "summary.json").unlink()
    (run,) = read_runs([folder])
    assert run.trained is not None
    assert len(run.trained.curves["train/loss"]) == 6


def test_any_other_folder_is_refused(tmp_path):
    with pytest.raises(TumorscopeError, match="not the folder of an evaluation or a training"):
        read_runs([tmp_path])
    with pytest.raises(TumorscopeError, match="no such folder"):
        read_runs([tmp_path / "nowhere"])
