import csv
import io
import json
import os

import pytest
from PIL import Image

from tumorscope.errors import TumorscopeError
from tumorscope.evaluation import evaluate_lgg, summarize
from tumorscope.evaluation.report import write_report
from tumorscope.notice import NOTICE


@pytest.fixture
def evaluation(dataset, make_engine):
    return evaluate_lgg(dataset, [patient.case for patient in dataset.patients], make_engine())


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
        "Worst patients",
        "TCGA_BB_0003_20000101",
        NOTICE,
        "| tumour |",
    ):
        assert words in text


def test_csv_has_a_row_for_each_patient_and_slice(evaluation, tmp_path):
    write_report(evaluation, tmp_path / "out")
    patients = list(csv.DictReader(io.StringIO((tmp_path / "out" / "patients.csv").read_text())))
    slices = list(csv.DictReader(io.StringIO((tmp_path / "out" / "slices.csv").read_text())))
    assert [row["case"] for row in patients] == [row.case for row in evaluation.patients]
    assert len(slices) == 18
    assert slices[0]["present"] == "0"
    assert slices[0]["dice"] == ""  # both empty: no value
    assert float(slices[2]["dice"]) == pytest.approx(evaluation.slices[2].dice, abs=1e-6)


def test_every_plot_is_a_picture_that_the_table_shows(evaluation, tmp_path):
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
    def presence(pictures):
        return {"presence": pictures[:, 1].max(axis=(1, 2)) - 3}

    cases = [patient.case for patient in dataset.patients]
    out = tmp_path / "out"
    out.mkdir()
    (out / "dice.png").write_bytes(b"of an earlier bundle")
    write_report(evaluate_lgg(dataset, cases, make_engine(presence, outputs=["presence"])), out)
    assert sorted(path.name for path in out.glob("*.png")) == ["reliability.png", "roc.png"]
    assert "Dice of the whole patient" not in (out / "evaluation.md").read_text()


def test_one_patient_without_tumor_can_be_reported(dataset, make_engine, tmp_path):
    import numpy as np
    import tifffile

    for path in dataset.patients[1].folder.glob("*_mask.tif"):
        tifffile.imwrite(path, np.zeros((64, 64), np.uint8))
    content = write_report(evaluate_lgg(dataset, [dataset.patients[1].case], make_engine()), tmp_path / "out")
    assert content["presence"]["auroc"] == {"value": None, "ci95": None}
    assert content["patient_dice"]["mean"] == 0


def test_a_patient_who_failed_is_in_the_report(dataset, make_engine, tmp_path):
    cases = [dataset.patients[0].case, "TCGA_ZZ_0000_20000101"]
    write_report(evaluate_lgg(dataset, cases, make_engine()), tmp_path / "out")
    assert "TCGA_ZZ_0000_20000101" in (tmp_path / "out" / "evaluation.md").read_text()
