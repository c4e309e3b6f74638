import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from evaluation.conftest import MadeDataset, make_classed

from tumorscope.evaluation.map_sanity import check_maps, shuffle_weights
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.models import build_network
from tumorscope.recipes.experiment import parse_recipe
from tumorscope.training.onnx_files import export_float

RECIPE = parse_recipe(
    {
        "name": "tiny",
        "title": "tiny",
        "dataset": "figshare",
        "sequences": ["t1c"],
        "network": {"kind": "compact", "widths": [16, 16, 16]},
        "preparation": {"size": 64},
    }
)


@pytest.fixture(scope="module")
def network_file(tmp_path_factory) -> Path:
    """A network whose deepest features and their weights were drawn at random."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    export_float(build_network(RECIPE).eval(), RECIPE, path)
    return path


@pytest.fixture
def made(tmp_path) -> MadeDataset:
    return make_classed(tmp_path, count=8)


def engine_of(folder: Path, model: bytes, **changes) -> Engine:
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    card = {
        "schema": "tumorscope.card/3",
        "name": "tiny",
        "version": "0",
        "title": "tiny",
        "inputs": {"sequences": ["t1c"], "substitutes": {"t1c": ["unknown"]}},
        "preparation": {"size": 64},
        "outputs": ["presence", "mask"],
        "maps": ["presence_map"],
        "models": [{"file": "model.onnx", "sha256": hashlib.sha256(model).hexdigest(), "precision": "float"}],
        **changes,
    }
    (folder / "card.json").write_text(json.dumps(card))
    return load_engine(load_bundle(folder), "onnxruntime")


def test_a_map_that_comes_from_the_weights_is_lost_with_them(network_file, made, tmp_path):
    result = check_maps(engine_of(tmp_path / "bundle", network_file.read_bytes()), made.cases, count=6)
    assert result is not None
    assert result["question"] == "presence"
    assert result["slices"] == 6
    assert result["shuffled"] > 10
    assert abs(result["correlation"]) < 0.7
    assert 0 <= result["inside_after"] <= 1


def test_a_map_that_only_repeats_the_image_survives_and_is_found_out(made, tmp_path):
    """The map is the image itself, averaged; the only weights decide the prediction, not the map."""
    helper, types = onnx.helper, onnx.TensorProto
    shape = ["batch", 1, 64, 64]
    nodes = [
        helper.make_node("AveragePool", ["images"], ["coarse"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Squeeze", ["coarse", "one"], ["presence_map"]),
        helper.make_node("Flatten", ["coarse"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["column"]),
        helper.make_node("Squeeze", ["column", "one"], ["presence"]),
    ]
    weights = np.random.default_rng(0).normal(size=(64, 1)).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "edges",
        [helper.make_tensor_value_info("images", types.FLOAT, shape)],
        [
            helper.make_tensor_value_info("presence", types.FLOAT, ["batch"]),
            helper.make_tensor_value_info("presence_map", types.FLOAT, ["batch", 8, 8]),
        ],
        [onnx.numpy_helper.from_array(weights, "weights"), onnx.numpy_helper.from_array(np.array([1]), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    result = check_maps(engine_of(tmp_path / "edges", model, outputs=["presence"]), made.cases)
    assert result is not None
    assert result["correlation"] == 1
    assert result["inside_before"] == result["inside_after"]


def test_shuffled_weights_keep_their_values_and_lose_their_places(network_file):
    model = network_file.read_bytes()
    broken, count = shuffle_weights(model)
    before, after = onnx.load_from_string(model).graph, onnx.load_from_string(broken).graph
    moved = 0
    for one, other in zip(before.initializer, after.initializer, strict=True):
        values, shuffled = onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other)
        assert values.dtype == shuffled.dtype
        np.testing.assert_array_equal(np.sort(values.ravel()), np.sort(shuffled.ravel()))
        moved += not np.array_equal(values, shuffled)
    assert 0 < moved <= count
    # Large weights are stored as float16 behind a cast, and must not escape.
    halves = [weight.name for weight in before.initializer if weight.data_type == onnx.TensorProto.FLOAT16]
    changed = {
        one.name
        for one, other in zip(before.initializer, after.initializer, strict=True)
        if not np.array_equal(onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other))
    }
    assert halves
    assert set(halves) <= changed


def test_the_check_can_be_repeated_and_another_seed_is_another_check(network_file, made, tmp_path):
    engine = engine_of(tmp_path / "bundle", network_file.read_bytes())
    first = check_maps(engine, made.cases, count=4)
    assert check_maps(engine, made.cases, count=4) == first
    assert check_maps(engine, made.cases, count=4, seed=1) != first


def test_a_bundle_without_maps_is_not_checked(network_file, made, tmp_path):
    assert check_maps(engine_of(tmp_path / "bundle", network_file.read_bytes(), maps=[]), made.cases) is None


def test_a_case_that_cannot_be_read_is_passed_over(network_file, made, tmp_path):
    class Broken:
        case = patient = "broken"

        def scan(self):
            raise OSError("gone")

    engine = engine_of(tmp_path / "bundle", network_file.read_bytes())
    result = check_maps(engine, [Broken(), made.cases[0]])
    assert result is not None
    assert result["slices"] == 1
    assert check_maps(engine, [Broken()]) is None
