"""A training tells the classes of its data apart, or says in one line why it cannot."""

import pytest
from making import write_miniature_classes

torch = pytest.importorskip("torch")

from tumorscope.core.errors import BadRecipe, TumorscopeError
from tumorscope.datasets.folders import FolderDataset
from tumorscope.datasets.registry import open_dataset
from tumorscope.preprocessing import Preparation
from tumorscope.recipes.experiment import load_recipe, parse_recipe, with_changes
from tumorscope.training.fit import train
from tumorscope.training.slices import load_slices
from tumorscope.training.trained_classes import check_classes, with_classes


def recipe(classes, network="cnn", dataset="folders"):
    return parse_recipe(
        {
            "name": "own",
            "title": "Own classes",
            "dataset": dataset,
            "sequences": ["t1c"],
            "classes": classes,
            "preparation": {"size": 64},
            "network": {"kind": network},
            "optimization": {"epochs": 1, "batch_size": 4},
        }
    )


def folders(tmp_path, *classes, images=10):
    return FolderDataset.open(write_miniature_classes(tmp_path / "own", classes, {"": images}, size=64))


@pytest.mark.parametrize("written", ["[yes, no]", "['yes', 'no']", "[Yes, NO]"])
def test_yes_and_no_are_names_of_classes(tmp_path, written):
    path = tmp_path / "own.yaml"
    path.write_text(
        "name: own\ntitle: Own\ndataset: folders\nsequences: [t1c]\n"
        f"classes: {written}\nnetwork:\n  kind: cnn\npreparation:\n  clahe: true\n"
    )
    found = load_recipe(str(path))
    assert found.preparation.clahe is True
    assert [name.lower() for name in found.classes] == ["yes", "no"]
    dataset = folders(tmp_path, "yes", "no")
    chosen = with_classes(found, dataset)
    assert chosen.classes == ("yes", "notumor")
    store = load_slices(dataset.cases, Preparation(size=64), chosen.classes)
    assert torch.bincount(store.classes, minlength=2).tolist() == [10, 10]
    changed = parse_recipe(with_changes(found.model_dump(mode="json"), [f"classes={written}"]))
    assert changed.classes == found.classes


def test_names_that_yaml_takes_for_numbers_and_booleans_are_names():
    assert recipe([1, 2, True]).classes == ("1", "2", "true")


def test_the_classes_are_those_of_the_folders_by_default(tmp_path):
    dataset = folders(tmp_path, "benign", "malignant", "other")
    assert with_classes(recipe([]), dataset).classes == ("benign", "malignant", "other")
    assert with_classes(recipe(["malignant", "benign"]), dataset).classes == ("malignant", "benign")
    # A network without an output for classes keeps none.
    assert with_classes(recipe([], "compact"), dataset).classes == ()


def test_a_class_that_is_not_trained_is_reported(tmp_path, capsys):
    with_classes(recipe(["malignant", "benign"]), folders(tmp_path, "benign", "malignant", "other"))
    assert capsys.readouterr().err == "not among the recipe's classes, so their class is not trained: other\n"


@pytest.mark.parametrize("there", [("benign", "malignant"), ("yes", "no")])
def test_a_recipe_of_other_classes_is_refused_in_one_line_and_nothing_is_written(tmp_path, there):
    dataset = folders(tmp_path, *there)
    shipped = parse_recipe(with_changes(load_recipe("kaggle4-cnn").model_dump(mode="json"), ["dataset=folders"]))
    with pytest.raises(BadRecipe, match="has no class glioma .*; add --set classes=.") as error:
        train(shipped, {"folders": dataset.root}, tmp_path / "run", device="cpu")
    assert "\n" not in str(error.value)
    assert f"[{','.join(dataset.classes)}]" in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_data_set_without_classes_has_none_of_the_recipes(tmp_path):
    from making import write_miniature_lgg

    lgg = open_dataset("lgg", write_miniature_lgg(tmp_path / "lgg", patients=1, slices=1, size=32))
    with pytest.raises(BadRecipe, match="has no class glioma and no class notumor, which recipe own names$"):
        with_classes(recipe(["glioma", "notumor"], dataset="lgg"), lgg)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (["yes"], "classes: name two or more different classes, not"),
        (["yes", "no", "yes"], "classes: name two or more different classes, not"),
    ],
)
def test_one_class_and_one_class_twice_are_refused(classes, words):
    with pytest.raises(BadRecipe, match=words):
        recipe(classes)


def test_two_names_of_one_class_are_refused(tmp_path):
    with pytest.raises(BadRecipe, match="two of the classes yes, no, healthy mean the same"):
        with_classes(recipe(["yes", "no", "healthy"]), folders(tmp_path, "yes", "no"))


def test_a_training_with_one_class_left_is_refused(tmp_path):
    dataset = folders(tmp_path, "benign", "malignant")
    for case in dataset.cases:
        if case.tumor_class == "malignant":
            case.path.write_bytes(case.path.read_bytes()[:100])  # cut off
    with pytest.raises(
        TumorscopeError, match="no training slice shows malignant: there are no examples to train it on"
    ):
        train(recipe([]), {"folders": dataset.root}, tmp_path / "run", device="cpu", precision="float32")
    store = load_slices(dataset.cases, Preparation(size=64))
    check_classes(recipe([]), store)  # a training of presence alone needs no classes


def test_a_training_keeps_the_classes_of_the_folders_in_its_recipe(tmp_path):
    dataset = folders(tmp_path, "benign", "malignant")
    run = train(recipe([]), {"folders": dataset.root}, tmp_path / "run", device="cpu", precision="float32")
    assert run.recipe().classes == ("benign", "malignant")
    assert (run.summary()["epochs"], run.summary()["steps"]) == (1, run.summary()["steps_an_epoch"])


def test_masks_are_not_learned_from_images_without_any(tmp_path):
    dataset = folders(tmp_path, "glioma", "notumor")  # the healthy ones count as empty masks
    with pytest.raises(TumorscopeError, match="recipe own learns masks, but no training slice with a tumor has one"):
        train(recipe([], "unet"), {"folders": dataset.root}, tmp_path / "run", device="cpu", precision="float32")
