"""The clinic's side of the model of tumor types; the model here is one matrix."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tumorscope.core.errors import BadBundle, TumorscopeError
from tumorscope.measurement.radiomics_classifier import (
    CARD_FILE,
    MODEL_FILE,
    SCHEMA,
    load_radiomics_classifier,
    model_input,
    read_type_model,
    type_features,
)

ROWS, COLUMNS = np.mgrid[:160, :160]
HEAD = (ROWS - 80) ** 2 + (COLUMNS - 80) ** 2 < 65**2
TUMOR = (ROWS - 70) ** 2 + (COLUMNS - 60) ** 2 < 12**2


def image() -> np.ndarray:
    return np.where(TUMOR, 160, np.where(HEAD, 100, 0)) + np.random.default_rng(0).normal(0, 3, HEAD.shape)


def model(opset: int = 17) -> bytes:
    """Softmax of two features, as logits of two types."""
    weight = numpy_helper.from_array(np.eye(2, dtype=np.float32), "weight")
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["values", "weight"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "types",
        [helper.make_tensor_value_info("values", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def card(content: bytes, **changes) -> bytes:
    fields = {
        "schema": SCHEMA,
        "sha256": hashlib.sha256(content).hexdigest(),
        "features": ["place_row", "ring_step"],
        "types": ["glioma", "pituitary"],
        "bins": 16,
    }
    return json.dumps({**fields, **changes}).encode()


def test_probabilities_belong_to_their_types():
    loaded = read_type_model(model(), card(model()))
    found = loaded.probabilities({"ring_step": 0.0, "place_row": np.e**2 - 1, "of no use": 5.0})
    assert found == pytest.approx({"glioma": 1 / (1 + np.exp(-2)), "pituitary": 1 / (1 + np.exp(2))})


def test_a_slice_is_classified_from_its_folder(tmp_path):
    (tmp_path / MODEL_FILE).write_bytes(model())
    (tmp_path / CARD_FILE).write_bytes(card(model()))
    found = load_radiomics_classifier(tmp_path).classify(image(), TUMOR)
    assert sum(found.values()) == pytest.approx(1)
    assert found["pituitary"] > found["glioma"]  # the disc is much brighter than the ring around it


def test_values_are_the_logarithms_of_their_magnitudes():
    seen = model_input([{"a": -(np.e - 1), "b": 0.0}, {"a": np.e**3 - 1, "b": 1e30}], ("a", "b"))
    assert seen.dtype == np.float32
    assert seen == pytest.approx(np.array([[-1, 0], [3, 30 * np.log(10)]]))


def test_the_features_of_a_slice_do_not_depend_on_its_resolution():
    fine = type_features(np.kron(image(), np.ones((2, 2))), np.kron(TUMOR, np.ones((2, 2))))
    coarse = type_features(image(), TUMOR)
    assert list(fine) == list(coarse)
    for name in ("shape2d_area", "shape2d_diameter", "shape2d_major_axis", "stat_mean", "place_row", "ring_step"):
        assert fine[name] == pytest.approx(coarse[name], rel=0.06)


def test_the_features_of_a_slice_do_not_depend_on_its_units():
    one, other = type_features(image(), TUMOR), type_features(7 * image() - 300, TUMOR)
    assert other == pytest.approx(one, rel=0.02, abs=0.02)


def test_a_single_pixel_has_finite_features():
    mask = np.zeros(HEAD.shape, bool)
    mask[70, 60] = True
    assert np.isfinite(
        list(type_features(np.kron(image(), np.ones((4, 4))), np.kron(mask, np.ones((4, 4)))).values())
    ).all()
    assert np.isfinite(list(type_features(image(), mask).values())).all()


@pytest.mark.parametrize(
    ("image", "mask", "message"),
    [
        (np.ones((20, 20)), np.zeros((20, 20)), "empty"),
        (np.ones((20, 20)), np.ones((20, 21)), "one slice with its mask"),
        (np.ones((2, 20, 20)), np.ones((2, 20, 20)), "one slice with its mask"),
    ],
)
def test_what_is_not_a_segmented_slice_is_refused(image, mask, message):
    with pytest.raises(TumorscopeError, match=message):
        type_features(image, mask)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"place_row": 1.0}, "ring_step is missing"),
        ({"place_row": 1.0, "ring_step": np.nan}, "ring_step is not finite"),
    ],
)
def test_features_that_are_missing_or_not_finite_are_refused(features, message):
    with pytest.raises(TumorscopeError, match=message):
        read_type_model(model(), card(model())).probabilities(features)


@pytest.mark.parametrize(
    ("content", "described", "message"),
    [
        (model(), card(model(), schema="tumorscope.card/1"), "of schema"),
        (model(), card(b"another"), "checksums differ"),
        (model(), b"{", "damaged"),
        (model(), b'{"schema": "tumorscope.radiomics-classifier/1"}', "damaged"),
        (model(), b"[]", "damaged"),
        (b"junk", card(b"junk"), "onnxruntime cannot load it"),
        (model(opset=99), card(model(opset=99)), "[Oo]pset 99"),
    ],
)
def test_damaged_models_are_refused_with_one_line(content, described, message):
    with pytest.raises(BadBundle, match=message) as caught:
        read_type_model(content, described)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(BadBundle, match=MODEL_FILE):
        load_radiomics_classifier(tmp_path)
