import numpy as np
import pytest
from making import card

torch = pytest.importorskip("torch")

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.bundles import Bundle, load_bundle
from tumorscope.inference.model_card import Model
from tumorscope.models import build_network
from tumorscope.models.bundle_weights import load_bundle_weights
from tumorscope.recipes.experiment import load_recipe, parse_recipe


def recipe(kind: str):
    if kind == "compact":
        return load_recipe("lgg-compact")
    whole = load_recipe("t1c")
    return whole.model_copy(update={"network": whole.network.model_copy(update={"weights": None, "sha256": None})})


@pytest.mark.parametrize(("kind", "bundle"), [("compact", "lgg"), ("dense", "t1c")])
def test_a_shipped_bundles_weights_give_its_outputs_and_can_be_trained(kind, bundle):
    import onnxruntime

    torch.manual_seed(0)
    network = build_network(recipe(kind))
    shipped = load_bundle(bundle)
    images = torch.randn(2, recipe(kind).channels_in, 192, 192)
    load_bundle_weights(network, shipped, images)
    assert network.training
    session = onnxruntime.InferenceSession(shipped.read_model(shipped.card.models[0]))
    names = [output.name for output in session.get_outputs()]
    expected = dict(zip(names, session.run(names, {session.get_inputs()[0].name: images.numpy()}), strict=True))
    with torch.no_grad():
        found = network.eval()(images)
    assert set(names) - set(found) <= {"type_features"}  # which the check of types adds to a trained network
    for name in found:
        np.testing.assert_allclose(found[name].numpy(), expected[name], atol=2e-3, err_msg=name)


def test_normalizations_get_statistics_of_the_images_not_of_nothing():
    network = build_network(recipe("compact"))
    images = torch.randn(8, 9, 64, 64)
    load_bundle_weights(network, load_bundle("lgg"), images)
    with torch.no_grad():
        evaluated = network.eval()(images)["mask"]
        trained = network.train()(images)["mask"]  # statistics of the batch itself
    assert (evaluated - trained).abs().mean() < 0.05 * evaluated.abs().mean()


def test_a_bundle_of_another_network_is_refused(tmp_path):
    network = build_network(
        parse_recipe(
            {"name": "n", "title": "n", "dataset": "lgg", "network": {"kind": "compact", "widths": [16, 16, 24]}}
        )
    )
    with pytest.raises(TumorscopeError, match="contains another network"):
        load_bundle_weights(network, load_bundle("t1c"), torch.randn(2, 3, 64, 64))


def test_a_changed_model_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    bundle = Bundle(tmp_path, card(models=(Model(file="model.onnx", sha256="0" * 64, precision="float"),)))
    with pytest.raises(TumorscopeError, match="checksum"):
        load_bundle_weights(build_network(recipe("compact")), bundle, torch.randn(2, 9, 64, 64))
