"""Training on a user's own data, from a folder to a bundle and its evaluation."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import yaml
from datasets.miniature import box, write_masks, write_nnunet, write_own_cases, write_volume
from making import write_miniature_classes

torch = pytest.importorskip("torch")

import tumorscope
from tumorscope.cli import evaluate as evaluate_command
from tumorscope.cli import export as export_command
from tumorscope.cli import train as train_command
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.data_folders import resolve_data
from tumorscope.datasets.own_cases import SeveralLabels
from tumorscope.datasets.registry import open_dataset
from tumorscope.preprocessing import Preparation
from tumorscope.training.augmentation_preview import COLUMNS, GAP, TILE, TOP, draw_augmentation_preview
from tumorscope.training.slices import load_slices

RECIPE = {
    "name": "miniature",
    "title": "A miniature",
    "dataset": ["lgg", "brats"],
    "sequences": ["flair"],
    "preparation": {"size": 32},
    "network": {"kind": "compact", "widths": [16, 16, 16]},
    "optimization": {
        "epochs": 2,
        "batch_size": 4,
        "learning_rate": 0.01,
        "ema_decay": 0,
        "dataset_fractions": {"lgg": 0.5},
    },
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An nnU-Net data set of two labels and its run, trained by the command."""
    root = tmp_path_factory.mktemp("own")
    data = write_nnunet(root / "data", cases=8, labels={"background": 0, "core": 1, "edema": 2}, value=2)
    (root / "r.yaml").write_text(yaml.safe_dump(RECIPE))
    table = "".join(f"tumor_{number:03},p{number // 2}\n" for number in range(8))
    (root / "who.csv").write_text(f"case,patient\n{table}")
    train_command.command(
        str(root / "r.yaml"),
        [str(data)],
        root / "run",
        split="50/50",
        patients=root / "who.csv",
        labels="core+edema=tumor",
        device="cpu",
        precision="float32",
    )
    return root


def test_own_data_replaces_the_recipes_and_the_run_says_how_it_was_split(trained):
    recipe = yaml.safe_load((trained / "run" / "recipe.yaml").read_text())
    assert (recipe["dataset"], recipe["labels"], recipe["holdout"]) == ("nnunet", "core+edema=tumor", 0.5)
    assert recipe["optimization"]["dataset_fractions"] == {}
    split = json.loads((trained / "run" / "split.json").read_text())
    assert split["method"] == "by patient, from who.csv; 50 % to test; train 1, validation 1, test 2"
    assert sorted(name for names in split["parts"].values() for name in names) == ["p0", "p1", "p2", "p3"]


def test_a_run_is_loaded_with_its_split_curves_layers_and_network(trained):
    run = tumorscope.load_run(trained / "run")
    assert run.recipe.dataset == "nnunet"
    assert len(run.curves["train/loss"]) == 2
    assert np.isfinite(run.curves["train/loss"]).all()
    assert run.split["test"]
    parameters = sum(each.numel() for each in run.network.parameters())
    assert run.layers.endswith(f"{parameters:,} parameters, {parameters:,} of them trained\n")
    first = next(line for line in run.layers.splitlines() if line.startswith("stem.0 "))
    assert first.split() == ["stem.0", "Conv2d", "16×32×32", "144"]  # 3×3 weights from one channel to 16
    assert run.network(torch.zeros(1, 1, 32, 32))["mask"].shape == (1, 32, 32)
    # printed without pages of layers
    first, split, end = repr(run).splitlines()
    assert first == f"{trained / 'run'}: recipe {run.recipe.name}, {run.recipe.network.kind}"
    assert split == "split: train 1, validation 1, test 2"
    assert end.startswith("2 epochs in ")
    with pytest.raises(TumorscopeError, match="not the folder of a training"):
        tumorscope.load_run(trained / "data")


def test_export_and_evaluation_know_labels_and_patients_without_being_told(trained):
    export_command.command(trained / "run", [str(trained / "data")], trained / "bundle", float_only=True)
    card = json.loads((trained / "bundle" / "card.json").read_text())
    assert card["training"]["labels"] == "core+edema=tumor"
    assert card["limits"] == ["trained on data of its user, whose choice and annotation this card does not describe"]
    evaluation = trained / "evaluation"
    evaluate_command.command("own", trained / "data", bundle=str(trained / "bundle"), out=evaluation, copies=False)
    evaluated = (evaluation / "cases.csv").read_text().splitlines()
    assert len(evaluated) == 1 + 4  # two patients of two cases


def test_labels_that_nobody_merged_end_the_training_and_do_not_leave_cases_out(tmp_path):
    labels = box(1)
    labels[4:6] *= 2
    write_own_cases(tmp_path)
    write_volume(tmp_path / "A2x" / "x_seg.nii.gz", labels)
    with pytest.raises(SeveralLabels, match="labels 1, 2"):
        load_slices(open_dataset("cases", tmp_path).cases, Preparation(size=32))


def test_a_volume_is_trained_on_in_the_view_in_which_it_is_analyzed(tmp_path):
    values, labels = np.zeros((2, 30, 40, 50), np.int16)
    values[5:25, 5:35, 5:45] = 50
    values[8:22] += 20
    labels[10:20, 10:30, 20:32] = 1  # left-right, back-front, and 12 mm from below to above
    for name, array in (("flair", values), ("seg", labels)):
        # The slices of the file are sagittal.
        affine = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
        (tmp_path / "A").mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(array.transpose(1, 2, 0), affine), tmp_path / "A" / f"a_{name}.nii.gz")
    cases = open_dataset("cases", tmp_path).cases
    every = load_slices(cases, Preparation(size=32), sequences=("flair",))
    assert (len(every), int(every.present.sum())) == (50, 12)
    thick = load_slices(cases, Preparation(size=32, slice_distance_mm=6), sequences=("flair",))
    assert (len(thick), int(thick.present.sum())) == (9, 2)


def test_a_folder_is_the_recipes_data_set_if_it_opens_as_that(tmp_path):
    write_miniature_classes(tmp_path / "kaggle", sides={"Training": 1, "Testing": 1}, size=32)
    masks = write_masks(tmp_path / "mine")
    assert resolve_data([str(tmp_path / "kaggle")], ("kaggle4",)) == {"kaggle4": tmp_path / "kaggle"}
    assert resolve_data([str(masks)], ("kaggle4",)) == {"masks": masks}
    assert resolve_data([f"own={masks}", "lgg=L"], ("lgg", "brats")) == {"masks": masks, "lgg": Path("L")}
    with pytest.raises(TumorscopeError, match="masks: given twice"):
        resolve_data([str(masks), f"masks={masks}"], ("lgg",))
    with pytest.raises(TumorscopeError, match="write NAME=PATH"):
        resolve_data([str(tmp_path)], ("lgg", "brats"))


def test_the_preview_shows_slices_before_and_after_clahe_and_augmentation(tmp_path):
    from tumorscope.recipes.experiment import parse_recipe

    data = write_masks(tmp_path)
    recipe = parse_recipe({**RECIPE, "augmentation": {"rotation_deg": 90}})
    sheet = draw_augmentation_preview(open_dataset("masks", data), recipe, 2)
    assert sheet.size == (GAP + len(COLUMNS) * (TILE + GAP), TOP + 2 * (TILE + GAP))
    tiles = [
        np.asarray(sheet.crop((GAP + k * (TILE + GAP), TOP, GAP + k * (TILE + GAP) + TILE, TOP + TILE)))
        for k in range(len(COLUMNS))
    ]
    assert all((one != other).any() for k, one in enumerate(tiles) for other in tiles[k + 1 :])
