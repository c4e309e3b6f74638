"""A whole miniature training on phantoms: it learns, it can be interrupted, it becomes a bundle."""

import csv
import itertools
import json
import runpy
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from making import write_miniature_lgg

torch = pytest.importorskip("torch")

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.labeled import cases_of
from tumorscope.datasets.lgg import LggDataset
from tumorscope.inference.bundles import load_bundle
from tumorscope.preprocessing.input_check import default_input_check
from tumorscope.recipes.experiment import parse_recipe
from tumorscope.training.copies import read_left_out
from tumorscope.training.fit import Run, train
from tumorscope.training.module import TumorModule, area_under_curve

RECIPE = {
    "name": "miniature",
    "title": "A miniature",
    "dataset": "lgg",
    "preparation": {"size": 64, "adjacent_slices": 1},
    "network": {"kind": "compact", "widths": [16, 16, 24, 32, 48]},
    "augmentation": {"rotation_deg": 5, "scale": 0.05, "coarse_dropout": 0, "modality_dropout": 0},
    "optimization": {"epochs": 15, "batch_size": 4, "learning_rate": 0.01, "ema_decay": 0.9, "validate_every": 5},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_miniature_lgg(tmp_path_factory.mktemp("lgg") / "kaggle_3m", patients=10, slices=8)


@pytest.fixture(scope="module")
def data(folder):
    return {"lgg": folder}


@pytest.fixture(scope="module")
def trained(folder, data, tmp_path_factory):
    split = LggDataset.open(folder).split(fractions={"train": 0.6, "validation": 0.2, "test": 0.2})
    return train(parse_recipe(RECIPE), data, tmp_path_factory.mktemp("run"), split=split, device="cpu")


@pytest.fixture(scope="module")
def exported_once(trained, tmp_path_factory):
    """A stand-in for the export to ONNX of the same network again: the first file, copied."""
    from tumorscope.training import export as exporting

    original, kept = exporting.export_float, tmp_path_factory.mktemp("exported") / "model.onnx"

    def export_float(network, recipe, path):
        if not kept.exists():
            original(network, recipe, kept)
        shutil.copy(kept, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "export_float", export_float)
        yield


def test_training_learns_what_it_is_shown(trained):
    summary = json.loads((trained.folder / "summary.json").read_text())
    assert summary["best_score"] > 0.7  # a guess of nothing scores at most 0.2
    with (trained.folder / "curves.csv").open() as file:
        losses = [float(row["train/loss"]) for row in csv.DictReader(file)]
    assert np.mean(losses[-3:]) < 0.5 * np.mean(losses[:3])


def test_a_run_leaves_recipe_split_curves_and_weights(trained):
    names = {path.name for path in trained.folder.iterdir()}
    assert names >= {"recipe.yaml", "split.json", "best.ckpt", "last.ckpt", "curves.csv", "curves.png", "summary.json"}
    assert trained.recipe() == parse_recipe(RECIPE)


@pytest.mark.usefixtures("exported_once")
def test_export_makes_a_bundle_that_finds_tumors_in_patients_it_never_saw(trained, folder, data, tmp_path):
    from tumorscope.inference.analysis import analyze
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine
    from tumorscope.training import export as exporting

    with pytest.raises(TumorscopeError, match="lower-case letters"):
        exporting.export(trained, data, tmp_path / "bundle", name="My Bundle")
    report = exporting.export(trained, data, tmp_path / "My_Bundle", eight_bit=False)
    bundle = load_bundle(tmp_path / "My_Bundle")
    assert bundle.name == "my-bundle"
    assert bundle.sha256 == report.bundle.sha256
    assert bundle.card.metrics["split_hash"] == trained.split().hash
    patient = cases_of(LggDataset.open(folder), trained.split()["test"])[0]
    analysis = analyze(patient.scan(), load_engine(bundle, "onnxruntime"), explain=True)
    assert 2 * (analysis.mask & patient.mask).sum() / (analysis.mask.sum() + patient.mask.sum()) > 0.5
    assert bundle.card.maps == ("presence_map",)
    assert analysis.activation is not None
    assert bundle.card.input_check["threshold"] == default_input_check().threshold
    # Nor does the file tell in which folders of which machine it was made.
    assert not any(b'.py"' in bundle.read_model(model) for model in bundle.card.models)


@pytest.mark.usefixtures("exported_once")
def test_weights_are_compared_on_the_validation_part_as_export_chooses(
    trained, folder, data, tmp_path, monkeypatch, capsys
):
    """The mean of a network with itself is itself, so that all three candidates have one score."""
    from tumorscope.inference.bundle import save_card
    from tumorscope.training.export import write_network

    bundle = tmp_path / "itself"
    bundle.mkdir()
    save_card(write_network(trained, LggDataset.open(folder), bundle, "itself", {}, None), bundle)
    program = Path(__file__).parents[2] / "benchmarks" / "validation_choice.py"
    compared = ["--bundle", bundle, "--run", trained.folder, "--average-with", bundle, "--data", f"lgg={folder}"]
    monkeypatch.setattr(sys, "argv", [str(program), *map(str, compared)])
    runpy.run_path(str(program), run_name="__main__")
    counted, *printed = capsys.readouterr().out.splitlines()
    assert counted == "2 cases of lgg"
    candidates = [printed[line : line + 3] for line in range(0, 9, 3)]
    assert [name.split(":")[0] for name, _, _ in candidates] == [
        str(bundle),
        trained.folder.name,
        f"{trained.folder.name} and {bundle}",
    ]
    assert len({(name.split(": ")[1], row) for name, _, row in candidates}) == 1
    found, false_alarms, dice = map(float, candidates[0][2].split()[1:])
    score = float(candidates[0][0].split("score ")[1].split(";")[0])
    # The score is the mean Dice over cases, all of which have a tumor, plus a tenth of the balanced accuracy.
    assert score == pytest.approx(dice + 0.1 * (found + 1 - false_alarms) / 2, abs=1e-3)


@pytest.mark.usefixtures("exported_once")
def test_a_second_opinion_is_exported_and_a_missing_one_is_reported_first(trained, data, tmp_path, monkeypatch):
    from tumorscope.core.errors import BadBundle
    from tumorscope.training import export as exporting

    with pytest.raises(BadBundle, match="radiomics_classifier.onnx"):
        exporting.export(trained, data, tmp_path / "bundle", features=tmp_path)
    opinion = tmp_path / "opinion"
    opinion.mkdir()
    for name in ("radiomics_classifier.onnx", "radiomics_classifier.json"):
        (opinion / name).write_bytes(name.encode())
    monkeypatch.setattr(exporting, "load_radiomics_classifier", lambda folder: None)  # these two files are only names
    monkeypatch.setattr(
        "tumorscope.measurement.radiomics_classifier.load_radiomics_classifier", lambda folder: "an opinion"
    )
    bundle = exporting.export(trained, data, tmp_path / "bundle", eight_bit=False, features=opinion).bundle
    assert (bundle.folder / "radiomics_classifier.json").read_bytes() == b"radiomics_classifier.json"
    before = bundle.sha256
    (bundle.folder / "radiomics_classifier.onnx").write_bytes(b"another")
    from tumorscope.inference.bundles import load_bundle
    from tumorscope.inference.engine import load_engine

    assert load_bundle(bundle.folder).sha256 != before
    assert load_engine(bundle, "onnxruntime").radiomics_classifier == "an opinion"


@pytest.mark.usefixtures("exported_once")
def test_eight_bits_are_made_compared_and_recorded(trained, data, tmp_path, monkeypatch):
    from tumorscope.training import eight_bits
    from tumorscope.training import export as exporting

    # A network of 48 channels quantizes badly.
    monkeypatch.setattr(eight_bits, "LARGEST_LOSS", 0.2)
    monkeypatch.setattr(eight_bits, "LARGEST_SENSITIVITY_LOSS", 1.0)
    report = exporting.export(trained, data, tmp_path / "bundle")
    card = report.bundle.card
    assert card.metrics["validation"]["calibration"] == report.method
    assert report.int8_metric == card.metrics["validation"]["int8"]["patient_dice"]["mean"]
    flips = card.test_time_flips
    assert (flips["part"], flips["precision"], flips["dice"]) == ("validation", "int8", report.int8_metric)
    assert {"dice_change", "auroc_change", "time_ratio"} <= set(flips)
    sizes = {model.precision: (tmp_path / "bundle" / model.file).stat().st_size for model in card.models}
    assert sizes["int8"] < sizes["float"]
    monkeypatch.setattr(eight_bits, "LARGEST_LOSS", -1.0)
    made, tried = tmp_path / "bundle" / "model.int8.onnx", []

    def made_before(floats, images, path, calibration, convolutions_only):
        tried.append((calibration, convolutions_only))
        shutil.copy(made, path)

    monkeypatch.setattr(eight_bits, "quantize", made_before)
    with pytest.raises(TumorscopeError, match="nothing was written"):
        exporting.export(trained, data, tmp_path / "refused")
    assert tried == [("MinMax", False), ("Percentile", False), ("MinMax", True), ("Percentile", True)]
    assert not (tmp_path / "refused").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.usefixtures("exported_once")
def test_a_float_bundle_gets_an_int8_model_later(trained, folder, data, tmp_path, monkeypatch):
    from tumorscope.cli import quantize as quantize_command
    from tumorscope.training import eight_bits
    from tumorscope.training import export as exporting

    monkeypatch.setattr(eight_bits, "LARGEST_LOSS", 0.2)
    monkeypatch.setattr(eight_bits, "LARGEST_SENSITIVITY_LOSS", 1.0)
    source = exporting.export(trained, data, tmp_path / "bundle", eight_bit=False).bundle
    before = {path.name: path.read_bytes() for path in source.folder.iterdir()}
    with pytest.raises(TumorscopeError, match="miniature"):  # no shipped recipe has this name
        quantize_command.command(str(source.folder), [str(folder)], tmp_path / "copy")
    recipe = str(trained.folder / "recipe.yaml")
    quantize_command.command(str(source.folder), [str(folder)], tmp_path / "copy", recipe)
    copy = load_bundle(tmp_path / "copy")
    assert [model.precision for model in copy.card.models] == ["float", "int8"]
    assert copy.card.operating_point == source.card.operating_point
    assert copy.card.metrics["test"].keys() == {"float", "int8"}
    assert copy.card.metrics["test"]["float"] == source.card.metrics["test"]["float"]
    for name in ("model.onnx", "split.json"):
        assert (copy.folder / name).read_bytes() == before[name]
    assert {path.name: path.read_bytes() for path in source.folder.iterdir()} == before


def test_an_interrupted_training_goes_on_where_it_stopped(data, tmp_path):
    recipe = parse_recipe({**RECIPE, "optimization": {**RECIPE["optimization"], "epochs": 4, "validate_every": 1}})

    class Interrupted(Exception):
        pass

    from tumorscope.training import module

    steps = []
    original = module.TumorModule.training_step

    def interrupting(self, indices, batch_index):
        steps.append(self.current_epoch)
        if self.current_epoch == 2 and len(set(steps)) == 3 and not resumed:
            raise Interrupted
        return original(self, indices, batch_index)

    resumed = False
    module.TumorModule.training_step = interrupting
    try:
        with pytest.raises(Interrupted):
            train(recipe, data, tmp_path / "run", device="cpu")
        resumed, steps[:] = True, []
        run = train(recipe, data, tmp_path / "run", device="cpu")
    finally:
        module.TumorModule.training_step = original
    assert sorted(set(steps)) == [2, 3]
    assert json.loads((run.folder / "summary.json").read_text())["epochs"] == 4
    with (run.folder / "curves.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]


def test_minutes_limit_a_training_and_bring_the_rate_to_zero(data, tmp_path, monkeypatch):
    clock = itertools.count(step=0.25)  # a quarter of a second between any two looks at it
    monkeypatch.setattr("tumorscope.training.budget.time", SimpleNamespace(monotonic=lambda: next(clock)))
    recipe = parse_recipe(
        {**RECIPE, "optimization": {**RECIPE["optimization"], "epochs": 10_000, "validate_every": 999}}
    )
    run = train(recipe, data, tmp_path / "run", minutes=0.15, device="cpu")
    summary = json.loads((run.folder / "summary.json").read_text())
    assert 1 < summary["epochs"] < 40
    with (run.folder / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    rates = [float(row["train/learning_rate"]) for row in rows]
    assert rates[-1] < 0.1 * max(rates)
    assert [bool(row["validation/score"]) for row in rows] == [False] * (len(rows) - 1) + [True]
    assert run.best.exists()


def test_the_last_epoch_is_validated_however_rarely_others_are(data, tmp_path):
    recipe = parse_recipe({**RECIPE, "optimization": {**RECIPE["optimization"], "epochs": 3, "validate_every": 2}})
    run = train(recipe, data, tmp_path / "run", device="cpu")
    with (run.folder / "curves.csv").open() as file:
        assert [bool(row["validation/score"]) for row in csv.DictReader(file)] == [False, True, True]


def test_another_recipes_folder_is_not_written_over(trained, data):
    with pytest.raises(TumorscopeError, match="another recipe"):
        train(parse_recipe({**RECIPE, "title": "Another"}), data, trained.folder)


def test_listed_cases_are_neither_trained_nor_validated_on_and_stay_out_when_it_goes_on(folder, data, tmp_path):
    split = LggDataset.open(folder).split(fractions={"train": 0.6, "validation": 0.2, "test": 0.2})
    left, kept = split["train"][:2], split["train"][2]
    case = next(case.case for case in LggDataset.open(folder).cases if case.patient == left[0])
    (tmp_path / "kept.json").write_text(json.dumps({"lgg": [case, left[1]], "figshare": [1]}))
    (tmp_path / "more.json").write_text(json.dumps({"lgg": [kept]}))
    recipe = parse_recipe({**RECIPE, "optimization": {**RECIPE["optimization"], "epochs": 1, "validate_every": 1}})
    run = train(recipe, data, tmp_path / "run", split=split, device="cpu", leave_out_lists=[tmp_path / "kept.json"])
    left_out = read_left_out(run.folder / "left_out.csv")
    assert {name: reason for name, reason in left_out.items() if name == case} == {case: "listed in kept.json"}
    assert len(left_out) == 2
    with pytest.raises(TumorscopeError, match="is to be left out; name another folder"):
        train(recipe, data, run.folder, device="cpu", leave_out_lists=[tmp_path / "more.json"])


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(TumorscopeError, match="not the folder of a training"):
        Run(tmp_path).recipe()


@pytest.mark.parametrize(
    ("scores", "positive", "expected"),
    [([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1.0), ([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 0.5), ([0.9, 0.1], [0, 1], 0.0)],
)
def test_area_under_the_curve_has_known_values(scores, positive, expected):
    assert area_under_curve(torch.tensor(scores), torch.tensor(positive) > 0).item() == pytest.approx(expected)


def test_a_gpu_that_is_not_there_is_one_clear_line(data, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(TumorscopeError, match="no GPU"):
        train(parse_recipe(RECIPE), data, tmp_path / "run", device="gpu")


def test_exporting_needs_the_first_weights_no_more(data, tmp_path):
    network = {"kind": "resnet50", "weights": "http://127.0.0.1:9/gone.pth", "sha256": "0" * 64}
    recipe = parse_recipe({**RECIPE, "network": network})
    from tumorscope.models import build_network

    bare = parse_recipe({**RECIPE, "network": {"kind": "resnet50"}})
    module = TumorModule(bare)
    torch.save({"state_dict": module.state_dict()}, tmp_path / "best.ckpt")
    import yaml

    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    network = Run(tmp_path).network()
    assert type(network) is type(build_network(bare))
    torch.testing.assert_close(network.head.weigh.weight, module.network.head.weigh.weight)


def test_first_weights_are_asked_for_before_the_data_are_prepared_and_never_beside_a_bundle(
    folder, tmp_path, monkeypatch
):
    network = {"kind": "dense-unet", "dense_block3_layers": 1, "features": 16, "decoder_widths": [16, 16, 16]}
    gone = {"weights": "http://127.0.0.1:9/gone.pth", "sha256": "0" * 64}
    recipe = parse_recipe({**RECIPE, "network": network | gone})
    with pytest.raises(TumorscopeError, match=r"gone.pth: cannot be downloaded"):
        train(recipe, {"lgg": folder}, tmp_path / "without")
    assert not (tmp_path / "without" / "prepared").exists()

    class Started(Exception):
        pass

    def start(*arguments):
        raise Started

    monkeypatch.setattr("tumorscope.training.fit.load_bundle_weights", start)
    with pytest.raises(Started):
        train(recipe, {"lgg": folder}, tmp_path / "with", start_from=load_bundle("t1c"))


def test_folders_must_be_the_ones_that_the_recipe_learns_from(folder, tmp_path):
    with pytest.raises(TumorscopeError, match="trains on lgg; add lgg=PATH"):
        train(parse_recipe(RECIPE), {}, tmp_path / "run")
    with pytest.raises(TumorscopeError, match="does not train on figshare"):
        train(parse_recipe(RECIPE), {"lgg": folder, "figshare": folder}, tmp_path / "run")


@pytest.mark.parametrize(("weights", "rates"), [("there.pth", {0.1, 1.0}), (None, {1.0})])
def test_only_stages_that_have_learned_before_learn_slowly(weights, rates, monkeypatch):
    monkeypatch.setattr("tumorscope.models.backbones.load_weights", lambda *arguments: None)
    module = TumorModule(
        parse_recipe(
            RECIPE
            | {
                "network": {"kind": "dense-unet", "dense_block3_layers": 1, "features": 16, "weights": weights},
                "optimization": {"encoder_lr_multiplier": 0.1},
            }
        )
    )
    groups = module.configure_optimizers().param_groups
    assert {group["relative_rate"] for group in groups} == rates
    assert sum(len(group["params"]) for group in groups) == len(list(module.network.parameters()))
