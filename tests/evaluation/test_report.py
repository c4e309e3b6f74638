import csv
import io
import json
import os
from pathlib import Path

import pytest
from evaluation.conftest import CLASSES, made_evaluation
from PIL import Image

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.datasets.lgg import LggPatient
from tumorscope.evaluation import evaluate, summarize, without
from tumorscope.evaluation.drawing import png
from tumorscope.evaluation.evaluation_files import write_report
from tumorscope.evaluation.plots import draw_dice
from tumorscope.evaluation.row_files import read_slices, slices_csv


@pytest.fixture
def evaluation(dataset, make_engine):
    return evaluate(dataset, dataset.cases, make_engine())


def test_the_figures_stand_beside_where_they_come_from(evaluation, tmp_path):
    out = tmp_path / "out"
    write_report(evaluation, out, split_hash="ab" * 32, part="test", command="tumorscope evaluate lgg data")
    content = json.loads((out / "evaluation.json").read_text())
    assert content["split_hash"] == "ab" * 32
    assert content["part"] == "test"
    assert content["command"] == "tumorscope evaluate lgg data"
    assert content["bundle"] == {"name": "fake", "version": "0", "sha256": evaluation.sha256}
    assert content["notice"] == NOTICE
    assert {name: content[name] for name in summarize(evaluation)} == summarize(evaluation)


def test_tables_name_the_figures_and_the_patients(evaluation, tmp_path):
    write_report(evaluation, tmp_path / "out", part="test")
    text = (tmp_path / "out" / "evaluation.md").read_text()
    for words in (
        "Dice of the whole patient",
        "AUROC",
        "Worst cases",
        "TCGA_BB_0003_20000101",
        NOTICE,
        "| tumor |",
    ):
        assert words in text


def test_csv_has_a_row_for_each_case_and_slice(evaluation, tmp_path):
    write_report(evaluation, tmp_path / "out")
    cases = list(csv.DictReader(io.StringIO((tmp_path / "out" / "cases.csv").read_text())))
    slices = list(csv.DictReader(io.StringIO((tmp_path / "out" / "slices.csv").read_text())))
    assert [row["case"] for row in cases] == [row.case for row in evaluation.cases]
    assert len(slices) == 18
    assert slices[0]["present"] == "0"
    assert slices[0]["dice"] == ""  # both empty: no value
    assert float(slices[2]["dice"]) == pytest.approx(evaluation.slices[2].dice, abs=1e-6)


def test_every_plot_is_a_image_that_the_table_shows(evaluation, tmp_path):
    out = tmp_path / "out"
    write_report(evaluation, out)
    plots = sorted(path.name for path in out.glob("*.png"))
    assert plots == ["area.png", "bland_altman.png", "dice.png", "reliability.png", "roc.png"]
    for name in plots:
        assert Image.open(out / name).size[0] > 300
        assert f"({name})" in (out / "evaluation.md").read_text()


def test_the_same_evaluation_writes_the_same_bytes(evaluation, tmp_path):
    for name in ("one", "two"):
        write_report(evaluation, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_nothing_half_written_is_left(evaluation, tmp_path):
    out = tmp_path / "out"
    write_report(evaluation, out)
    assert not [path for path in out.iterdir() if path.name.startswith(".") or path.suffix == ".part"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_clear_line(evaluation, tmp_path):
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    with pytest.raises(TumorscopeError, match="permission"):
        write_report(evaluation, out)


def test_a_file_in_the_way_is_one_clear_line(evaluation, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(TumorscopeError, match="in the way"):
        write_report(evaluation, tmp_path / "out")


def test_a_bundle_without_masks_has_tables_and_plots_of_presence_only(dataset, make_engine, tmp_path):
    def presence(images):
        return {"presence": images[:, 1].max(axis=(1, 2)) - 3}

    out = tmp_path / "out"
    out.mkdir()
    for name in ("dice.png", "class_roc.png", "patients.csv"):
        (out / name).write_bytes(b"of an earlier bundle or version")
    write_report(evaluate(dataset, dataset.cases, make_engine(presence, outputs=["presence"])), out)
    assert sorted(path.name for path in out.glob("*.png")) == ["reliability.png", "roc.png"]
    assert not (out / "patients.csv").exists()
    assert "Dice of the whole patient" not in (out / "evaluation.md").read_text()


def test_one_patient_without_tumor_can_be_reported(dataset, make_engine, tmp_path):
    import numpy as np
    import tifffile

    for path in dataset.patients[1].folder.glob("*_mask.tif"):
        tifffile.imwrite(path, np.zeros((64, 64), np.uint8))
    content = write_report(evaluate(dataset, [dataset.patients[1]], make_engine()), tmp_path / "out")
    assert content["presence"]["auroc"] == {"value": None, "ci95": None}
    assert content["patient_dice"]["mean"] == 0
    text = (tmp_path / "out" / "evaluation.md").read_text()
    assert "| specificity |" in text
    for words in ("| AUROC", "sensitivity", "| tumor |"):  # no slice shows one, so nothing is to be said
        assert words not in text


def test_a_case_that_failed_is_in_the_report(dataset, make_engine, tmp_path):
    missing = LggPatient(dataset.root / "TCGA_ZZ_0000_20000101")
    write_report(evaluate(dataset, [dataset.patients[0], missing], make_engine()), tmp_path / "out")
    assert "TCGA_ZZ_0000_20000101" in (tmp_path / "out" / "evaluation.md").read_text()


@pytest.fixture(scope="module")
def classed(tmp_path_factory) -> Path:
    """The report of slices that all show a tumor of one of three types, with a check of the maps."""
    folder = tmp_path_factory.mktemp("classed")
    sanity = {"slices": 32, "correlation": 0.041, "inside_before": 0.5, "inside_after": 0.1}
    write_report(made_evaluation(), folder, copies={}, sanity=sanity)
    return folder


def read(folder: Path) -> tuple[dict, str]:
    return json.loads((folder / "evaluation.json").read_text()), (folder / "evaluation.md").read_text()


def test_classes_have_their_tables_and_plots(classed):
    content, text = read(classed)
    accuracy = content["classes"]["accuracy"]
    low, high = accuracy["ci95"]
    assert f"| accuracy | {accuracy['value']:.3f} | {low:.3f} to {high:.3f} |" in text
    assert "| true \\ predicted | glioma | meningioma | pituitary |" in text
    counts = content["classes"]["confusion"][0]
    assert f"| glioma | {counts[0]} | {counts[1]} | {counts[2]} |" in text
    plots = {path.name for path in classed.glob("class_*.png")}
    assert plots == {"class_confusion.png", "class_roc.png", "class_reliability.png", "class_coverage.png"}


def test_slices_that_all_show_a_tumor_leave_no_room_for_specificity(classed):
    content, text = read(classed)
    assert content["presence"]["specificity"]["value"] is None
    assert "| sensitivity |" in text
    for words in ("specificity", "no tumor |", "empty slices with a mask", "Dice of the whole patient", "| – |"):
        assert words not in text
    assert not (classed / "roc.png").exists()


def test_no_copies_no_second_column(classed):
    content, text = read(classed)
    assert (content["copies"], content["without_copies"]) == ({}, None)
    assert "without copies" not in text


def test_the_check_of_the_maps_stands_beside_them(classed):
    content, text = read(classed)
    assert content["sanity"]["correlation"] == 0.041
    assert "activation map inside the true mask" in text
    assert "| rank correlation of the maps (Spearman) | 1.000 | 0.041 |" in text
    assert "| map inside the true mask | 0.500 | 0.100 |" in text
    assert (classed / "activation.png").exists()


def test_figures_without_copies_stand_beside_those_as_published(tmp_path):
    evaluation = made_evaluation()
    right = {row.case: "train/1.jpg" for row in evaluation.slices if row.true_class == row.predicted_class}
    copies = dict(list(right.items())[:10])
    content = write_report(evaluation, tmp_path, copies={**copies, "evaluated by nobody": "train/2.jpg"})
    assert content["copies"] == copies
    alone = summarize(without(evaluation, copies))
    assert content["without_copies"]["classes"] == alone["classes"]
    assert content["without_copies"]["cases"] == 50
    assert content["classes"] == summarize(evaluation)["classes"]
    text = (tmp_path / "evaluation.md").read_text()
    assert "| cases | 60 | 50 |" in text
    both = [f"{one['accuracy']['value']:.3f}" for one in (content["classes"], alone["classes"])]
    assert both[1] < both[0]
    (row,) = [line for line in text.splitlines() if line.startswith("| class, accuracy |")]
    assert row.index(both[0]) < row.index(both[1])


def test_a_set_of_nothing_but_copies_has_no_figures_without_them(tmp_path):
    evaluation = made_evaluation(patients=4)
    content = write_report(evaluation, tmp_path, copies={row.case: "train/1.jpg" for row in evaluation.cases})
    assert content["without_copies"] is None
    assert "Without them no case is left." in (tmp_path / "evaluation.md").read_text()


def test_slices_are_read_back_as_they_were_written(tmp_path):
    evaluation = made_evaluation(classes=("glioma", "notumor"), patients=3)
    (tmp_path / "slices.csv").write_bytes(slices_csv(evaluation.slices, evaluation.classes))
    for one, other in zip(read_slices(tmp_path / "slices.csv", evaluation.classes), evaluation.slices, strict=True):
        assert one.class_probabilities == pytest.approx(other.class_probabilities, abs=1e-6)
        for name in ("case", "patient", "slice", "present", "positive", "true_px", "true_class", "predicted_class"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("tumor_probability", "dice", "saliency_inside_mask", "mask_share"):
            expected = getattr(other, name)
            assert getattr(one, name) == (None if expected is None else pytest.approx(expected, abs=1e-6))


def test_many_cases_are_drawn_as_a_crowd_not_as_a_mile_of_bars():
    image = png(draw_dice(made_evaluation(slices_per_patient=8)))
    assert Image.open(io.BytesIO(image)).size[0] < 1200


def test_a_class_that_never_occurs_is_reported_without_a_row_of_its_own(tmp_path):
    evaluation = made_evaluation(patients=2)  # of three classes the last has no patient
    content = write_report(evaluation, tmp_path)
    assert content["classes"]["of_class"][CLASSES[2]]["slices"] == 0
    assert "| pituitary | 0 |" in (tmp_path / "evaluation.md").read_text()
