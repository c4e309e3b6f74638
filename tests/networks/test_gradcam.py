"""Grad-CAM by gradients and the exact maps of the heads agree."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tumorscope.core.errors import TumorscopeError
from tumorscope.models import build_network
from tumorscope.models.gradcam import grad_cam
from tumorscope.recipes.experiment import parse_recipe

TYPES = ["glioma", "meningioma", "pituitary"]
POOLED = {
    "compact": {"kind": "compact", "widths": [16, 16, 24, 32, 48]},
    "dense-unet": {"kind": "dense-unet", "dense_block3_layers": 2, "features": 16, "decoder_widths": [16, 16, 16]},
    "resnet50": {"kind": "resnet50"},
    "densenet169": {"kind": "densenet169"},
    "efficientnet": {"kind": "efficientnet"},
    "vgg16": {"kind": "vgg16"},
}


def recipe(network, classes=TYPES, size=64):
    return parse_recipe(
        {
            "name": "n",
            "title": "n",
            "dataset": "figshare",
            "sequences": ["t1c"],
            "classes": [] if network["kind"] == "compact" else list(classes),
            "network": network,
            "preparation": {"size": size},
        }
    )


@pytest.mark.parametrize("name", POOLED)
def test_the_exact_map_of_a_pooled_head_is_grad_cam(name):
    """The exported network's maps are PyTorch's: tests/networks/test_networks.py."""
    torch.manual_seed(3)
    network = build_network(recipe(POOLED[name])).eval()
    question = "type" if "type" in network.outputs else "presence"
    images = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        found = network(images)[f"{question}_map"].numpy()
    predictions = found.shape[1] if question == "type" else 1
    for output in range(predictions):
        own = np.maximum(found[:, output] if question == "type" else found, 0)
        expected = grad_cam(network, images, question, output).numpy()
        for mine, theirs in zip(own, expected, strict=True):
            assert theirs.max() == 0 or mine.max() > 0
            np.testing.assert_allclose(mine / max(mine.max(), 1e-9), theirs / max(theirs.max(), 1e-9), atol=1e-3)


@pytest.mark.parametrize("classes", [TYPES, ()])
def test_the_map_of_the_cnn_is_features_times_gradients(classes, tmp_path, monkeypatch):
    """HiResCAM by PyTorch's gradients, against the exported network as it runs without PyTorch."""
    onnxruntime = pytest.importorskip("onnxruntime")
    from tumorscope.training import onnx_files

    monkeypatch.setattr(onnx_files, "store_as_float16", lambda model: model)
    torch.manual_seed(5)
    made = recipe({"kind": "cnn", "hidden": 16}, classes)
    network = build_network(made).eval()
    (question,) = network.outputs
    images = torch.randn(2, 1, 64, 64)
    onnx_files.export_float(network, made, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    found, logits = session.run([f"{question}_map", question], {"image": images.numpy()})
    found, logits = found.reshape(2, -1, 8, 8), logits.reshape(2, -1)
    features = network.features(images).detach().requires_grad_()
    outputs = network.decide(features)
    for output in range(logits.shape[1]):
        gradients = torch.autograd.grad(outputs[:, output].sum(), features, retain_graph=True)[0]
        expected = (features * gradients).sum(dim=1).detach().numpy() * 64
        np.testing.assert_allclose(found[:, output], expected, rtol=1e-3, atol=1e-4)
    # Without biases in the dense layers the map's mean is the logit.
    for layer in (network.decide[2], network.decide[5]):
        torch.nn.init.zeros_(layer.bias)
    output = network(images)
    torch.testing.assert_close(output[f"{question}_map"].mean(dim=(-2, -1)), output[question], rtol=1e-4, atol=1e-5)


def test_looking_changes_nothing():
    network = build_network(recipe({"kind": "resnet50", "frozen_stages": 3})).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    grad_cam(network, torch.randn(1, 1, 64, 64), "type", 0)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.encoder[0].parameters())


def test_an_output_that_the_network_lacks_is_refused():
    network = build_network(recipe({"kind": "cnn", "hidden": 16}))
    with pytest.raises(TumorscopeError, match="does not output 'presence'"):
        grad_cam(network, torch.randn(1, 1, 64, 64), "presence")
    with pytest.raises(TumorscopeError, match="no layer 'top'"):
        grad_cam(network, torch.randn(1, 1, 64, 64), "type", 0, layer="top")
