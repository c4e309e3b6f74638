"""What every network promises."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tumorscope.networks import build_network
from tumorscope.recipe import Recipe, parse_recipe

NETWORKS = {
    "compact": {"kind": "compact", "widths": [8, 16, 24, 32, 48]},
    "resunet": {"kind": "resunet", "widths": [8, 16, 24]},
    "resnet50": {"kind": "resnet50"},
}


def recipe(kind: str, context: int = 1) -> Recipe:
    return parse_recipe(
        {
            "name": kind,
            "title": kind,
            "dataset": "lgg",
            "network": NETWORKS[kind],
            "preparation": {"size": 64, "context": context},
        }
    )


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    return build_network(recipe(request.param))


def test_it_answers_with_the_outputs_it_names_in_their_shapes(network):
    answer = network(torch.randn(2, 9, 64, 64))
    assert tuple(answer) == network.outputs
    if "presence" in answer:
        assert answer["presence"].shape == (2,)
    if "mask" in answer:
        assert answer["mask"].shape == (2, 64, 64)


def test_every_weight_that_may_learn_gets_a_gradient(network):
    answer = network(torch.randn(2, 9, 64, 64))
    sum(values.square().mean() for values in answer.values()).backward()
    silent = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
    assert silent == []


def test_other_sizes_that_halve_often_enough_are_taken(network):
    answer = network.eval()(torch.randn(1, 9, 96, 128))
    if "mask" in answer:
        assert answer["mask"].shape == (1, 96, 128)


def test_one_picture_is_answered_alike_alone_and_in_a_batch(network):
    network.eval()
    pictures = torch.randn(3, 9, 64, 64)
    with torch.no_grad():
        together, alone = network(pictures), network(pictures[1:2])
    for name in network.outputs:
        torch.testing.assert_close(together[name][1:2], alone[name], atol=1e-4, rtol=1e-4)


def test_onnx_says_what_pytorch_says_at_any_batch_size(network, tmp_path, request):
    onnxruntime = pytest.importorskip("onnxruntime")
    from tumorscope.training.onnx_files import export_float

    kind = request.node.callspec.params["network"]
    path = tmp_path / "model.onnx"
    export_float(network.eval(), recipe(kind), path)
    session = onnxruntime.InferenceSession(path)
    for batch in (1, 3):
        pictures = torch.randn(batch, 9, 64, 64)
        with torch.no_grad():
            expected = network(pictures)
        found = dict(
            zip(network.outputs, session.run(list(network.outputs), {"pictures": pictures.numpy()}), strict=True)
        )
        for name in network.outputs:
            scale = expected[name].abs().max().item() + 1e-3
            assert np.abs(found[name] - expected[name].numpy()).max() < 0.01 * scale  # weights are float16


def test_the_shipped_recipe_stays_within_its_size():
    from tumorscope.recipe import load_recipe

    compact = build_network(load_recipe("lgg-compact"))
    assert 2_000_000 < sum(parameter.numel() for parameter in compact.parameters()) < 3_000_000


def test_the_activation_map_of_a_pooled_head_adds_up_to_its_answer():
    """Presence is linear in averaged features, so a map of their products is exact."""
    network = build_network(recipe("compact")).eval()
    kept = {}
    network.encoder[-1].register_forward_hook(lambda _module, _inputs, features: kept.update(features=features))
    answer = network(torch.randn(1, 9, 64, 64))
    weights = network.presence.weight.view(1, -1, 1, 1)
    total = (kept["features"] * weights).sum(1).mean() + network.presence.bias
    torch.testing.assert_close(total.squeeze(), answer["presence"].squeeze(), atol=1e-4, rtol=1e-4)
