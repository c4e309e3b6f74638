import subprocess
import sys

import pytest

from tumorscope.core.errors import BadRecipe
from tumorscope.recipes.experiment import load_recipe, parse_recipe, read_recipe, recipe_folder, with_changes
from tumorscope.recipes.radiomics import parse_features_recipe

GOOD = {"name": "r", "title": "R", "dataset": "lgg", "network": {"kind": "compact"}}


def test_every_shipped_recipe_is_valid_and_named_as_its_file():
    files = sorted(recipe_folder().glob("*.yaml"))
    assert {file.stem for file in files} >= {"lgg-compact", "lgg-resnet50", "lgg-resunet"}
    for file in files:
        content, origin = read_recipe(str(file))
        parse = parse_features_recipe if content.get("kind") == "features" else parse_recipe
        assert parse(content, origin).name == file.stem


def test_every_experiment_of_the_notebooks_is_a_recipe():
    names = {file.stem for file in recipe_folder().glob("*.yaml")}
    assert names >= {
        "kaggle4-cnn", "kaggle4-cnn-augmented", "kaggle4-resnet50", "kaggle4-vgg16", "kaggle4-efficientnet",
        "kaggle4-densenet169", "figshare-unet", "figshare-resunet", "figshare-densenet169", "figshare-features",
    }  # fmt: skip


def test_a_key_can_be_changed_without_another_file():
    content, origin = read_recipe("kaggle4-cnn")
    changed = parse_recipe(with_changes(content, ["preparation.clahe=true", "optimization.epochs=3"]), origin)
    assert changed.preparation.clahe
    assert changed.optimization.epochs == 3
    assert not load_recipe("kaggle4-cnn").preparation.clahe
    for bad in ("preparation.clahe", "=1", "name.first=1"):
        with pytest.raises(BadRecipe, match="KEY=VALUE"):
            with_changes(content, [bad])
    with pytest.raises(BadRecipe, match="did you mean 'clahe'"):
        parse_recipe(with_changes(content, ["preparation.clah=true"]), origin)


def test_the_notebooks_choices_are_in_their_recipes():
    assert load_recipe("lgg-resunet").loss.mask == "focal_tversky"
    resnet = load_recipe("lgg-resnet50")
    assert resnet.network.weights.startswith("https://")
    assert resnet.network.frozen_stages > 0


def test_a_recipe_written_out_and_read_again_is_the_same():
    recipe = load_recipe("lgg-compact")
    assert parse_recipe(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"augmentaton": {}}, r"unknown key 'augmentaton' \(did you mean 'augmentation'"),
        ({"augmentation": {"rotation": 5}}, r"augmentation.rotation.*did you mean 'rotation_deg'"),
        ({"optimization": {"learning_rat": 1}}, "did you mean 'learning_rate'"),
        ({"optimization": {"learning_rate": -1}}, "optimization.learning_rate: input should be greater than 0"),
        ({"network": {"kind": "compact", "width": [1]}}, "did you mean 'widths'"),
        (
            {"network": {"kind": "vnet"}},
            r"network.kind: there is no 'vnet' \(did you mean 'unet'\?\); there are compact",
        ),
        ({"network": {"widths": [16]}}, "the key 'network.kind' is missing"),
        ({"network": "unet"}, "network: is a section with keys of its own, not 'unet'"),
        ({"sequences": "flair"}, r"sequences: is a list, such as \[flair\], not 'flair'"),
        ({"sequences": []}, "sequences: is empty; name at least one"),
        (
            {"network": {"kind": "compact", "widths": [4, 16, 16]}},
            r"network.widths.0: widths are multiples of eight from 16 on, .* crashes oneDNN .*, not 4$",
        ),
        ({"network": {"kind": "resunet", "widths": [16, 16, 20]}}, "network.widths.2: widths are multiples of eight"),
        ({"network": {"kind": "unet", "widths": [16, 16, 16, 16, 16, 0]}}, "network.widths.5: .*, not 0"),
        ({"network": {"kind": "cnn", "widths": [30, 64, 128]}}, "network.widths.0: .*, not 30"),
        ({"network": {"kind": "dense-unet", "features": 100}}, "network.features: .*, not 100"),
        ({"network": {"kind": "dense-unet", "decoder_widths": [96, 48, 2]}}, "network.decoder_widths.2: .*, not 2"),
        ({"network": {"kind": "efficientnet-lite0", "dropout": 2}}, "network.dropout: input should be less than 1"),
        ({"preparation": {"size": 100}}, "preparation.size"),
        ({"network": {"kind": "resnet50", "weights": "https://x/y.pth"}}, "need their sha256"),
        ({"dataset": "isles"}, "dataset"),
        ({"name": "No Good"}, "name"),
    ],
)
def test_a_bad_key_or_value_is_refused_with_the_nearest_known_key(change, message):
    with pytest.raises(BadRecipe, match=message) as caught:
        parse_recipe({**GOOD, **change})
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    with pytest.raises(BadRecipe, match="'network' is missing"):
        parse_recipe({key: value for key, value in GOOD.items() if key != "network"})


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(BadRecipe, match="did you mean 'lgg-compact'"):
        load_recipe("lgg-compac")


@pytest.mark.parametrize("text", ["a: [", "- just\n- a list\n", "\x00"])
def test_a_file_that_is_not_a_mapping_in_yaml_is_refused(tmp_path, text):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(BadRecipe):
        load_recipe(str(tmp_path / "r.yaml"))


def test_recipes_are_checked_without_pytorch():
    code = "import sys; from tumorscope.recipes.experiment import load_recipe; load_recipe('t1c'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_data_set_that_does_not_exist_is_refused_with_those_that_do():
    for dataset in ("isles", ["figshare", "isles"]):
        with pytest.raises(BadRecipe, match=r"recipe: dataset: no such data set; there are lgg, figshare, .*, not "):
            parse_recipe({**GOOD, "dataset": dataset})
