"""What every network provides, whichever it is."""

from copy import deepcopy
from functools import cache, partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from monai.networks.nets.densenet import DenseNet

from tumorscope.models import build_network
from tumorscope.recipes.experiment import Recipe, parse_recipe
from tumorscope.recipes.networks import NETWORKS

SMALL = {
    "compact": {"widths": [16, 16, 24, 32, 48]},
    "resunet": {"widths": [16, 16, 24]},
    "unet": {"widths": [16, 16, 16, 16, 24, 16]},
    "cnn": {"hidden": 16},
    "dense-unet": {"dense_block3_layers": 2, "features": 16, "decoder_widths": [16, 16, 16]},
}
"""Settings that make a network small, for speed; the others are built with their defaults."""
FEWER_LAYERS = {
    "densenet169": (
        "monai.networks.nets.densenet.DenseNet169",
        partial(DenseNet, block_config=(2, 2, 2, 2), bn_size=1, init_features=112, growth_rate=440),
    ),
}
"""Networks of many equal layers, whose export takes as long as that of all others together, and how they are built with a
few: the operators and the number of features at the end are the same."""
PRESENCE_ALONE = {"resnet50"}
"""Classifiers that are built for presence, not for classes."""
CLASSES = ["glioma", "meningioma", "pituitary"]


def recipe(kind: str, adjacent_slices: int = 1) -> Recipe:
    return parse_recipe(
        {
            "name": kind,
            "title": kind,
            "dataset": "lgg",
            "classes": CLASSES if NETWORKS[kind].classifies and kind not in PRESENCE_ALONE else [],
            "network": {"kind": kind, **SMALL.get(kind, {})},
            "preparation": {"size": 64, "adjacent_slices": adjacent_slices},
        }
    )


@cache
def built(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network(recipe(kind))


@pytest.fixture(params=NETWORKS)
def network(request):
    made = deepcopy(built(request.param))
    torch.manual_seed(0)
    return made


def test_it_returns_the_outputs_that_it_names_in_their_shapes(network):
    output = network(torch.randn(2, 9, 64, 64))
    assert set(output) == {*network.outputs, *network.maps}
    if "presence" in output:
        assert output["presence"].shape == (2,)
    if "type" in output:
        assert output["type"].shape == (2, len(CLASSES))
    if "mask" in output:
        assert output["mask"].shape == (2, 64, 64)


def test_every_weight_that_may_learn_gets_a_gradient(network):
    output = network(torch.randn(2, 9, 64, 64))
    output = {name: output[name] for name in network.outputs}
    sum(values.square().mean() for values in output.values()).backward()
    silent = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
    assert silent == []


def test_other_sizes_that_halve_often_enough_are_taken(network, request):
    if request.node.callspec.params["network"] == "cnn":
        pytest.skip("its dense layers belong to one size")
    output = network.eval()(torch.randn(1, 9, 96, 128))
    if "mask" in output:
        assert output["mask"].shape == (1, 96, 128)


def test_one_image_has_the_same_output_alone_and_in_a_batch(network):
    network.eval()
    images = torch.randn(3, 9, 64, 64)
    with torch.no_grad():
        together, alone = network(images), network(images[1:2])
    for name in network.outputs:
        torch.testing.assert_close(together[name][1:2], alone[name], atol=1e-4, rtol=1e-4)


def test_onnx_agrees_with_pytorch_at_any_batch_size(network, tmp_path, request, monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    from tumorscope.training.onnx_files import export_float

    kind = request.node.callspec.params["network"]
    if kind in FEWER_LAYERS:
        monkeypatch.setattr(*FEWER_LAYERS[kind])
        network = build_network(recipe(kind))
    path = tmp_path / "model.onnx"
    export_float(network.eval(), recipe(kind), path)
    session = onnxruntime.InferenceSession(path)
    for batch in (1, 3):
        images = torch.randn(batch, 9, 64, 64)
        with torch.no_grad():
            expected = network(images)
        names = [*network.outputs, *network.maps]
        found = dict(zip(names, session.run(names, {"image": images.numpy()}), strict=True))
        for name in names:
            scale = expected[name].abs().max().item() + 1e-3
            assert np.abs(found[name] - expected[name].numpy()).max() < 0.01 * scale  # weights are float16


def test_the_shipped_recipe_stays_within_its_size():
    from tumorscope.recipes.experiment import load_recipe

    compact = build_network(load_recipe("lgg-compact"))
    assert 2_000_000 < sum(parameter.numel() for parameter in compact.parameters()) < 3_000_000


def test_every_output_but_the_mask_has_an_activation_map(network):
    assert set(network.maps) == {f"{name}_map" for name in network.outputs if name != "mask"}


def test_the_activation_map_of_a_pooled_head_averages_to_its_logit(network):
    """Predictions are linear in averaged features, so a map of their products is exact."""
    output = network.eval()(torch.randn(2, 9, 64, 64))
    if not hasattr(network, "head"):
        pytest.skip("it has no pooled head")
    logits = torch.cat([output[name].view(2, -1) for name in ("presence", "type") if name in output], dim=1)
    means = torch.cat([output[name].flatten(-2).mean(-1).view(2, -1) for name in network.maps], dim=1)
    torch.testing.assert_close(means + network.head.bias, logits, atol=1e-4, rtol=1e-4)


def test_the_t1c_network_stays_within_its_size():
    from tumorscope.recipes.experiment import load_recipe

    made = load_recipe("t1c")
    settings = made.network.model_copy(update={"weights": None, "sha256": None})
    network = build_network(made.model_copy(update={"network": settings}))
    assert sum(parameter.numel() for parameter in network.parameters()) < 5_000_000  # half of 10 MB


def test_types_do_not_change_the_mask():
    """The mask weighs the features of the type, but gets no gradient from it."""
    network = build_network(recipe("dense-unet"))
    network(torch.randn(2, 9, 64, 64))["type"].sum().backward()
    assert network.mask.weight.grad is None
    assert network.head.weigh.weight.grad is not None
