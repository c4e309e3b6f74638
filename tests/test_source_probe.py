"""The probe names a source that the features show, and fails on one that they do not."""

import sys
from pathlib import Path

import numpy as np
import pytest
from making import write_bundle

onnx = pytest.importorskip("onnx")
pytest.importorskip("sklearn")

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from head_features import FEATURES, feature_session
from source_probe import Probed, choose_slices, examine, page

from tumorscope.core.errors import BadBundle
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.inference.bundles import Inputs, load_bundle
from tumorscope.preprocessing import Preparation


def probed(shift):
    """Three sources of 40 patients with two slices each, half of them with tumor; the first feature is the source's."""
    chance = np.random.default_rng(0)
    source = np.repeat(["a", "b", "c"], 80)
    patient = np.array([f"{name}/{place // 2}" for name, place in zip(source, np.tile(np.arange(80), 3), strict=True)])
    present = np.tile([True, False], 120)
    features = chance.normal(size=(240, 5))
    features[:, 0] += shift * np.searchsorted(["a", "b", "c"], source)
    logits = np.where(present, 1.0, -1.0)
    logits[source == "b"] *= -1  # where b's slices show a tumor, they are given the lower logits
    return Probed(features, logits, present, source, patient)


def test_a_source_that_the_features_show_is_named_and_another_is_not():
    shown, hidden = examine("shown", probed(20.0)), examine("hidden", probed(0.0))
    for kind in ("without_tumor", "with_tumor"):
        assert getattr(shown, kind).accuracy == 1
        assert getattr(shown, kind).interval == (1, 1)
        assert getattr(hidden, kind).accuracy == pytest.approx(1 / 3, abs=0.12)
        assert getattr(hidden, kind).chance == pytest.approx(1 / 3)
        assert getattr(hidden, kind).slices == 120


def test_presence_within_a_source_does_not_see_the_others():
    table = examine("fake", probed(0.0))
    assert {name: values[0] for name, values in table.within.items()} == {"a": 1, "b": 0, "c": 1}
    assert table.within["a"][1:] == ((1, 1), 40, 40)
    lines = page([table, table])
    assert "| a, 40 slices with tumor and 40 without | 1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) |" in lines


def test_a_single_source_has_nothing_to_be_told_from():
    whole = probed(0.0)
    keep = whole.source == "a"
    table = examine("fake", Probed(*(getattr(whole, name)[keep] for name in Probed.__dataclass_fields__)))
    assert table.without_tumor.accuracy is None
    assert "nan" not in page([table])


class Case:
    def __init__(self, name, present):
        self.case = self.patient = name
        self.present = np.array(present, bool)

    def truth(self):
        return GroundTruth(present=self.present)


def test_slices_are_chosen_up_to_the_limit_of_each_kind_and_few_of_one_case():
    cases = [Case(f"{number}", [True] * 9 + [False] * 9) for number in range(5)]
    samples = choose_slices("a", cases, 10)
    for sample in samples:
        np.testing.assert_array_equal(sample.case.present[sample.slices], sample.present)
        assert sample.present.sum() <= 4
    assert [sum(kind(sample.present) for sample in samples) for kind in (np.sum, lambda p: (~p).sum())] == [10, 10]
    assert len({sample.case.case for sample in samples}) == len(samples) == 3


def model_of(nodes, weights):
    """A network of one channel whose presence is made by these nodes."""
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["n", 1, 4, 4])],
        [onnx.helper.make_tensor_value_info("presence", onnx.TensorProto.FLOAT, ["n"])],
        [onnx.numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()],
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def bundle_of(tmp_path, model):
    folder = write_bundle(
        tmp_path / "bundle", model, inputs=Inputs(sequences=("t1c",)), outputs=("presence",),
        preparation=Preparation(size=32),
    )  # fmt: skip
    return load_bundle(folder)


def test_the_features_are_those_that_the_presence_head_reads(tmp_path):
    node = onnx.helper.make_node
    model = model_of(
        [
            node("Conv", ["images", "first"], ["scaled"]),
            node("Relu", ["scaled"], ["read"]),
            node("Conv", ["read", "head"], ["map"]),
            node("ReduceMean", ["map", "axes"], ["mean"], keepdims=0),
            node("Add", ["mean", "bias"], ["logits"]),
            node("Gather", ["logits", "zero"], ["presence"], axis=1),
        ],
        {
            "first": np.array([2, -3], np.float32).reshape(2, 1, 1, 1),
            "head": np.array([[1, 1], [5, 7]], np.float32).reshape(2, 2, 1, 1),
            "axes": np.array([2, 3]),
            "bias": np.array([0.5, 9], np.float32),
            "zero": np.array(0),
        },
    )
    images = np.random.default_rng(0).normal(size=(3, 1, 4, 4)).astype(np.float32)
    outputs = feature_session(bundle_of(tmp_path, model))(images)
    expected = np.maximum(images * np.array([2, -3]).reshape(1, 2, 1, 1), 0)
    np.testing.assert_allclose(outputs[FEATURES], expected, rtol=1e-5)
    np.testing.assert_allclose(outputs["presence"], expected.mean(axis=(2, 3)).sum(axis=1) + 0.5, rtol=1e-5)


def test_a_presence_that_is_not_the_mean_of_a_map_is_refused(tmp_path):
    model = model_of([onnx.helper.make_node("ReduceMax", ["images", "axes"], ["presence"], keepdims=0)],
                     {"axes": np.array([1, 2, 3])})  # fmt: skip
    with pytest.raises(BadBundle, match="not the mean of a map"):
        feature_session(bundle_of(tmp_path, model))
