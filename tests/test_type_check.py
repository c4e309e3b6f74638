"""The check for tumors of other types, on made features whose types are known."""

import dataclasses

import numpy as np
import onnx
import pytest
from making import fake_engine
from onnx import TensorProto, helper

from tumorscope.core.errors import BadBundle, BadDataset
from tumorscope.inference.bundle import Bundle
from tumorscope.inference.engine import Predictions
from tumorscope.inference.sessions import OnnxRuntimeLoader
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.inference.type_check import TYPE_CHECK_FILE, load_type_check, mask_geometry
from tumorscope.reporting.wording import type_sentence, type_words
from tumorscope.training.type_check_fit import TypeSamples, doubted, fit_type_check
from tumorscope.training.type_features import add_type_features

CLASSES = ("glioma", "pituitary")


def tumors(count, seed, *, shift=0.0, off_middle=None):
    """Gliomas to the side and pituitary tumors in the middle, with 40 features that differ by type."""
    chance = np.random.default_rng(seed)
    labels = np.repeat(CLASSES, count)
    second = labels == "pituitary"
    features = chance.normal(0, 1, (2 * count, 40))
    features[:, :3] += np.where(second, 8, 0)[:, None]
    features[:, 5] += shift
    column = np.abs(np.where(second, chance.normal(0.01, 0.01, 2 * count), chance.uniform(0.05, 0.25, 2 * count)))
    column = column if off_middle is None else np.where(second, off_middle, column)
    geometry = np.stack([chance.normal(0.15, 0.03, 2 * count), chance.normal(0.5, 0.05, 2 * count), column], axis=1)
    types = np.where(second[:, None], [0.02, 0.98], [0.98, 0.02])
    return TypeSamples(features, geometry, types, np.full(2 * count, 0.99), labels, labels)


@pytest.fixture(scope="module")
def check():
    return fit_type_check(tumors(80, 0), tumors(60, 1), CLASSES, presence=0.5)


def test_few_known_tumors_are_doubted_and_all_that_differ_in_appearance(check):
    assert doubted(check, tumors(100, 2), CLASSES).mean() < 0.12
    assert doubted(check, tumors(100, 3, shift=15.0), CLASSES).all()


def test_a_pituitary_tumor_far_from_the_middle_is_doubted_though_its_features_fit(check):
    found = doubted(check, tumors(50, 4, off_middle=0.2), CLASSES)
    assert found[50:].all()
    assert found[:50].mean() < 0.15


def test_the_engine_takes_the_name_and_keeps_what_was_likeliest(check):
    engine = dataclasses.replace(fake_engine(), type_check=check)
    known, other = (tumors(1, 5).take(np.array([1])), tumors(1, 5, shift=15.0).take(np.array([1])))
    named = TypeFinding("pituitary", "pituitary", 0.98, {"glioma": 0.02, "pituitary": 0.98}, 0.6)
    mask = np.zeros((2, 96, 96), np.float32)
    mask[0, 40:56, 40:56] = 0.9
    for samples, doubt in ((known, None), (other, "other_or_unsure")):
        predictions = Predictions(mask=mask, type_features=np.concatenate([samples.features, 99 + samples.features]))
        found = engine.check_type(named, predictions, np.array([1.0, 0.0]))
        assert (found.doubt, found.likeliest) == (doubt, "pituitary")
    assert type_words(found) == "type other or unsure"
    assert "unlike those that the types glioma, pituitary tumor were learned from" in type_sentence(found)
    unsure = dataclasses.replace(named, name=None, doubt="low_probability")
    assert engine.check_type(unsure, predictions, np.array([1.0, 0.0])).doubt == "low_probability"
    assert fake_engine().check_type(named, predictions, np.array([1.0, 0.0])) is named


def test_geometry_is_that_of_the_mask_whichever_side_it_is_on():
    mask = np.zeros((100, 100))
    mask[10:30, 60:80] = 0.8
    np.testing.assert_allclose(mask_geometry(mask, 0.5), [0.2, 0.2, 0.2])
    np.testing.assert_allclose(mask_geometry(mask[:, ::-1], 0.5), [0.2, 0.2, 0.2])
    assert not mask_geometry(mask, 0.9).any()


def test_a_check_is_part_of_its_bundle_and_a_damaged_one_is_refused(check, tmp_path):
    (tmp_path / "card.json").write_text("{}")
    bundle = Bundle(tmp_path, fake_engine().bundle.card)
    assert not bundle.has_type_check
    without = bundle.sha256
    (tmp_path / TYPE_CHECK_FILE).write_text(check.model_dump_json())
    assert bundle.has_type_check
    assert Bundle(tmp_path, bundle.card).sha256 != without
    assert load_type_check(tmp_path) == check
    (tmp_path / TYPE_CHECK_FILE).write_text(check.model_dump_json().replace("0.", "x", 1))
    with pytest.raises(BadBundle, match="damaged"):
        load_type_check(tmp_path)


def test_a_type_with_too_few_tumors_is_refused():
    few = tumors(80, 0).take(np.r_[0:80, 80:83])
    with pytest.raises(BadDataset, match="3 training images show a pituitary"):
        fit_type_check(few, tumors(60, 1), CLASSES, presence=0.5)


def linear_head(head="Conv"):
    """A network whose types are the mean of a 1×1 convolution of its image, plus a bias."""
    weights = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], np.float32).reshape(3, 2, 1, 1)
    nodes = [
        helper.make_node(head, ["image", "weights"] if head == "Conv" else ["image"], ["map"]),
        helper.make_node("ReduceMean", ["map", "axes"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "bias"], ["type"]),
    ]
    values = {"axes": np.array([2, 3]), "bias": np.array([0.5, 0.0, 0.0], np.float32), "weights": weights}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 2, 4, 4])],
        [helper.make_tensor_value_info("type", TensorProto.FLOAT, ["batch", 3])],
        [onnx.numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_a_network_gets_an_output_of_what_its_types_are_read_from():
    image = np.random.default_rng(0).normal(size=(2, 2, 4, 4)).astype(np.float32)
    before = OnnxRuntimeLoader().load(linear_head().SerializeToString())(image)
    after = OnnxRuntimeLoader().load(add_type_features(linear_head()).SerializeToString())(image)
    np.testing.assert_array_equal(after["type"], before["type"])
    np.testing.assert_allclose(after["type_features"], image.mean(axis=(2, 3)), rtol=1e-5)


def test_a_network_without_a_linear_head_is_refused():
    with pytest.raises(BadBundle, match="not the mean of a linear map"):
        add_type_features(linear_head("Sigmoid"))
