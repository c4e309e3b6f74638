"""Types that are easy to tell are told, by patient, and a run can be stopped, repeated and used."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
from reading.files import write_cjdata
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_score, recall_score

from tumorscope.core.errors import BadDataset, BadRecipe, TumorscopeError
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.inference.runtimes import OPSET
from tumorscope.io import find_mask, open_scan
from tumorscope.measurement.radiomics_classifier import MODEL_FILE, load_radiomics_classifier
from tumorscope.recipes.radiomics import FeaturesRecipe, parse_features_recipe
from tumorscope.training.feature_model import train_feature_model
from tumorscope.training.feature_model.classifiers import TITLES, fit_model
from tumorscope.training.feature_model.crossvalidation import Evaluated, cross_validate, metrics
from tumorscope.training.feature_model.feature_table import FeatureTable, Row, build_table, read_rows
from tumorscope.training.feature_model.importance import families, permutation_importance
from tumorscope.training.feature_model.onnx_export import TOLERANCE, export_model, largest_difference
from tumorscope.training.feature_model.predicted_masks import mask_source

TYPES = ("glioma", "meningioma", "pituitary")
RECIPE = FeaturesRecipe(
    name="small", title="Small", dataset="figshare", models=("logistic_regression", "svm"), permutations=1
)
ROWS, COLUMNS = np.mgrid[:96, :96]
PLACES = {1: (30, 20), 2: (35, 60), 3: (66, 48)}
"""Meningiomas at the edge, gliomas inside, pituitary tumors in the middle below."""


def sample(kind: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A head with a disc of its type's place, size and brightness."""
    chance = np.random.default_rng(seed)
    row, column = np.array(PLACES[kind]) + chance.integers(-2, 3, 2)
    mask = (ROWS - row) ** 2 + (COLUMNS - column) ** 2 < (4 * kind + chance.integers(3)) ** 2
    head = (ROWS - 48) ** 2 + (COLUMNS - 48) ** 2 < 42**2
    return (np.where(mask, (40, 60, 150, 230)[kind], np.where(head, 90, 0)) + chance.normal(0, 4, mask.shape)).astype(
        np.int16
    ), mask


def write_figshare(folder: Path, patients: int = 15) -> Path:
    """A data set in figshare's layout: three types, five folds, two slices of each of the first three patients."""
    folder.mkdir()
    folds = []
    for patient in range(patients):
        for _ in range(2 if patient < 3 else 1):
            number = len(folds) + 1
            image, mask = sample(patient % 3 + 1, number)
            code = np.array([[ord(letter)] for letter in f"P{patient:03d}"], np.uint16)
            write_cjdata(folder / f"{number}.mat", image, mask, label=np.array([[patient % 3 + 1.0]]), PID=code)
            folds.append(patient // 3 % 5 + 1)
    with h5py.File(folder / "cvind.mat", "w") as file:
        file["cvind"] = np.array([folds], float)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_figshare(tmp_path_factory.mktemp("data") / "figshare")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return train_feature_model(RECIPE, data, tmp_path_factory.mktemp("run"))


def made_table(rows_of_a_type: int = 30, noise: float = 0.6, seed: int = 0) -> FeatureTable:
    """Three types that one feature and its twin tell, and a third feature does not."""
    chance = np.random.default_rng(seed)
    rows = []
    for kind, name in enumerate(TYPES):
        for number in range(rows_of_a_type):
            told = kind + chance.normal(0, noise)
            features = {"stat_a": told, "stat_b": told + chance.normal(0, 0.05), "cm_c": chance.normal()}
            patient = f"{name}{number // 3}"
            rows.append(Row(f"{len(rows)}", patient, name, number // 3 % 5 + 1, features))
    return FeatureTable(tuple(rows), TYPES)


def test_a_run_leaves_everything_and_tells_the_types(run):
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        "recipe.yaml", "features.csv", "predictions.csv", "metrics.json", "report.md",
        "models.png", "confusion.png", "importance.png", "radiomics_classifier.onnx", "radiomics_classifier.json",
    }  # fmt: skip
    content = json.loads((run.folder / "metrics.json").read_text())
    assert content["best"] == run.best
    assert run.compared[0]["metrics"]["accuracy"]["value"] == 1.0
    assert run.compared[0]["confusion"] == [[6, 0, 0, 0], [0, 6, 0, 0], [0, 0, 6, 0]]
    assert "bootstrap over patients" in (run.folder / "report.md").read_text()


def test_the_exported_model_tells_the_type_of_a_new_slice_in_the_clinic(run):
    loaded = load_radiomics_classifier(run.folder)
    for kind, name in {1: "meningioma", 2: "glioma", 3: "pituitary"}.items():
        found = loaded.classify(*sample(kind, 1000 + kind))
        assert max(found, key=lambda one: found[one]) == name
        assert sum(found.values()) == pytest.approx(1, abs=1e-5)


def test_predictions_name_every_slice_with_its_fold_and_add_up_to_one(run):
    with (run.folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    assert rows[0]["patient"] == "P000"
    for row in rows:
        assert sum(float(row[f"svm_{name}"]) for name in TYPES) == pytest.approx(1, abs=1e-4)


def test_an_interrupted_table_goes_on_and_is_the_same(run, data, tmp_path):
    dataset = FigshareDataset.open(data)
    seen, called = [], []

    def stop(case: str) -> None:
        seen.append(case)
        if len(seen) == 15:
            raise KeyboardInterrupt

    def note(scan):
        called.append(scan.case)
        return find_mask(scan)

    with pytest.raises(KeyboardInterrupt):
        build_table(dataset, tmp_path / "t.csv", progress=stop)
    assert len(read_rows(tmp_path / "t.csv")) == 15
    again = build_table(dataset, tmp_path / "t.csv", mask_of=note)
    assert called == ["16", "17", "18"]
    assert (tmp_path / "t.csv").read_text() == (run.folder / "features.csv").read_text()
    assert np.array_equal(again.values(), FeatureTable(tuple(read_rows(tmp_path / "t.csv")), TYPES).values())


def test_a_table_of_another_data_set_is_refused(run, data, tmp_path):
    text = (run.folder / "features.csv").read_text()
    for content, message in (
        (text.replace("\n5,P002", "\n5,P009"), "row 5 is not of this data set"),
        (text + text.splitlines()[1].replace("1,P000", "99,P000", 1) + "\n", "row 99 is not"),
        (text.replace("\n5,P002,pituitary,1,", "\n5,P002,pituitary,1,x"), "not a table of features"),
        ("junk", "not a table of features"),
    ):
        (tmp_path / "t.csv").write_text(content)
        with pytest.raises(TumorscopeError, match=message):
            build_table(FigshareDataset.open(data), tmp_path / "t.csv")


def test_masks_of_a_network_are_measured_and_an_empty_one_counts_as_wrong(data, tmp_path):
    recipe = RECIPE.model_copy(update={"masks": "predicted", "models": ("logistic_regression",)})
    empty = {"4", "9"}
    found = train_feature_model(
        recipe, data, tmp_path, lambda scan: np.zeros(scan.shape, bool) if scan.case in empty else find_mask(scan)
    )
    one = found.compared[0]
    assert one["without_segmentation"] == 2
    confusion = np.array(one["confusion"])
    assert confusion[:, 3].tolist() == [1, 0, 1]  # cases 4 and 9: a glioma and a pituitary tumor
    assert one["metrics"]["accuracy"]["value"] == pytest.approx(np.trace(confusion) / 18)
    assert 0.7 < one["metrics"]["accuracy"]["value"] <= 16 / 18


def test_masks_of_one_network_are_evaluated_on_its_test_fold(data, tmp_path):
    recipe = RECIPE.model_copy(update={"masks": "predicted", "models": ("logistic_regression",)})
    unseen = [case.case for case in FigshareDataset.open(data).cases if case.fold == 2]
    found = train_feature_model(
        recipe,
        data,
        tmp_path,
        # Perfect where it was trained, one segmentation where it was not: only the second counts.
        lambda scan: np.zeros(scan.shape, bool) if scan.case in unseen[1:] else find_mask(scan),
        without_fold=2,
    )
    one = found.compared[0]
    assert list(one["fold_accuracy"]) == ["2"]
    assert (one["slices"], one["without_segmentation"]) == (len(unseen), len(unseen) - 1)
    assert one["metrics"]["accuracy"]["value"] <= 1 / len(unseen) < 1
    assert "the publisher's fold 2" in (tmp_path / "report.md").read_text()


def test_masks_come_from_a_folder_or_from_one_archive(data, tmp_path):
    from PIL import Image

    scan = open_scan(data / "1.mat")
    truth = find_mask(scan)
    np.savez_compressed(tmp_path / "all.npz", **{"1": truth[0]})
    folder = tmp_path / "masks"
    folder.mkdir()
    np.savez_compressed(folder / "1.npz", mask=truth)
    Image.fromarray(truth[0].astype(np.uint8) * 255).save(folder / "2.png")
    other = replace(scan, case="2")
    for source, shown in ((tmp_path / "all.npz", scan), (folder, scan), (folder, other)):
        assert np.array_equal(mask_source(source)(shown), truth)
    for source in (tmp_path / "all.npz", folder):
        with pytest.raises(TumorscopeError, match="no mask of 3"):
            mask_source(source)(replace(scan, case="3"))
    np.savez_compressed(tmp_path / "small.npz", **{"1": truth[0, :5]})
    with pytest.raises(TumorscopeError, match="the mask of 1 is"):
        mask_source(tmp_path / "small.npz")(scan)
    with pytest.raises(TumorscopeError, match="no folder of masks"):
        mask_source(tmp_path / "nowhere")


def test_masks_and_recipe_must_fit_and_a_folder_keeps_one_recipe(run, data, tmp_path):
    predicted = RECIPE.model_copy(update={"masks": "predicted"})
    with pytest.raises(TumorscopeError, match="none were given"):
        train_feature_model(predicted, data, tmp_path)
    with pytest.raises(TumorscopeError, match="others were given"):
        train_feature_model(RECIPE, data, tmp_path, tmp_path)
    with pytest.raises(TumorscopeError, match="another recipe"):
        train_feature_model(RECIPE.model_copy(update={"bins": 16}), data, run.folder)


def test_a_patient_in_two_folds_is_refused(tmp_path):
    folder = write_figshare(tmp_path / "figshare", patients=6)
    with h5py.File(folder / "cvind.mat", "a") as file:
        file["cvind"][0, 0] = 3
    with pytest.raises(BadDataset, match="P000 is in two folds"):
        build_table(FigshareDataset.open(folder), tmp_path / "t.csv")


def test_figures_are_scikit_learns():
    table = made_table()
    evaluated = cross_validate("logistic_regression", table, 0)
    found = {name: one["value"] for name, one in metrics(evaluated, table)["metrics"].items()}
    truth, predictions = table.truth, evaluated.predictions
    assert 0.5 < found["accuracy"] < 1
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, predictions))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, predictions))
    assert found["macro_f1"] == pytest.approx(f1_score(truth, predictions, average="macro"))
    for what, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert [found[f"{what}_{name}"] for name in TYPES] == pytest.approx(score(truth, predictions, average=None))


def test_intervals_hold_the_value_and_are_wider_where_a_patients_slices_agree():
    """Three copies of every slice tell no more than one; slices taken for patients would."""
    table = made_table(noise=1.0)
    evaluated = cross_validate("logistic_regression", table, 0)
    alone = replace(table, rows=tuple(replace(row, patient=row.case) for row in table.rows))
    copies = replace(table, rows=tuple(replace(row, patient=row.case) for row in table.rows for _ in range(3)))
    thrice = replace(evaluated, probabilities=evaluated.probabilities.repeat(3, axis=0))
    single, multiple = metrics(evaluated, alone), metrics(thrice, copies)
    for name, one in single["metrics"].items():
        low, high = one["ci95"]
        assert low <= one["value"] <= high
        assert multiple["metrics"][name]["ci95"] == pytest.approx([low, high], abs=1e-9)


def test_no_patient_is_evaluated_by_a_model_that_saw_it():
    """With features that only name the patient, a model that saw the patient would be right."""
    table = made_table()
    numbers = {name: float(number) for number, name in enumerate(sorted(set(table.patients.tolist())))}
    chance = np.random.default_rng(3).permutation(len(numbers))
    rows = tuple(
        replace(
            row,
            features={
                f"stat_{index}": float(value == chance[int(numbers[row.patient])])
                for index, value in enumerate(range(len(numbers)))
            },
        )
        for row in table.rows
    )
    named = FeatureTable(rows, TYPES)
    seen = fit_model("random_forest", named.values(), named.truth, named.patients, 0)
    assert (seen.predict(named.values()) == named.truth).mean() > 0.9
    evaluated = cross_validate("random_forest", named, 0)
    assert (evaluated.predictions == named.truth).mean() < 0.6


def test_an_svm_is_calibrated_on_few_patients_and_one_line_tells_of_too_few():
    """Both patients of a type may fall into one part of a division that does not look at types."""
    types = np.repeat([0, 1, 2, 0, 1, 2, 0, 1], 2)
    patients = np.repeat([f"P{number}" for number in (0, 1, 2, 3, 4, 7, 6, 5)], 2)
    values = (types[:, None] + np.random.default_rng(0).normal(0, 0.1, (16, 2))).astype(np.float32)
    fitted = fit_model("svm", values, types, patients, 0)
    assert fitted.predict_proba(values).shape == (16, 3)
    one_patient = np.where(types == 2, "P2", patients)
    with pytest.raises(BadDataset, match="too few patients"):
        fit_model("svm", values, types, one_patient, 0)


def test_shuffling_matters_for_the_family_that_tells_and_twins_hide_each_other():
    table = made_table(noise=0.3)
    evaluated = cross_validate("random_forest", table, 0)
    groups = families(table.names)
    assert groups == {"intensity": ["stat_a", "stat_b"], "GLCM": ["cm_c"]}
    whole = permutation_importance(evaluated, table, groups, 5)
    single = permutation_importance(evaluated, table, {name: [name] for name in table.names}, 5)
    assert {len(losses) for losses in whole.values()} == {5}
    assert np.mean(whole["intensity"]) > 0.4
    assert abs(np.mean(whole["GLCM"])) < 0.1
    assert max(np.mean(single["stat_a"]), np.mean(single["stat_b"])) < 0.9 * np.mean(whole["intensity"])


@pytest.mark.parametrize("name", TITLES)
def test_every_model_is_the_same_in_onnx(name):
    table = made_table()
    model = fit_model(name, table.values(), table.truth, table.patients, 0)
    evaluated = Evaluated(name, model.predict_proba(table.values()), {})
    files = export_model(model, RECIPE, table.names, TYPES, table.values(), metrics(evaluated, table))
    from tumorscope.measurement.radiomics_classifier import read_type_model

    loaded = read_type_model(*files.values())
    new = made_table(seed=1).values()
    assert largest_difference(loaded, model, new) < TOLERANCE
    assert loaded.card["features"] == ["stat_a", "stat_b", "cm_c"]
    assert loaded.types == TYPES
    assert {entry.domain: entry.version for entry in onnx.load_from_string(files[MODEL_FILE]).opset_import}[""] <= OPSET


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ["svm"]}, "unknown key 'model'; there are"),
        ({"models": []}, "models"),
        ({"models": ["tree"]}, "models.0"),
        ({"bins": 1}, "bins"),
        ({"masks": "drawn"}, "masks"),
        ({"dataset": "lgg"}, "dataset"),
        ({"name": "No Good"}, "name"),
    ],
)
def test_a_bad_key_or_value_is_refused(change, message):
    good = {"name": "r", "title": "R", "dataset": "figshare"}
    assert parse_features_recipe({**good, "masks": True}).masks == "true"
    with pytest.raises(BadRecipe, match=message) as caught:
        parse_features_recipe({**good, **change})
    assert "\n" not in str(caught.value)


def test_the_shipped_recipe_is_valid():
    import yaml

    from tumorscope.recipes.experiment import recipe_folder

    content = yaml.safe_load((recipe_folder() / "figshare-features.yaml").read_text())
    assert parse_features_recipe(content).models == tuple(TITLES)
