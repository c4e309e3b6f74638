import hashlib
import http.server
import re
import threading

import pytest

torch = pytest.importorskip("torch")

from tumorscope.core.errors import TumorscopeError
from tumorscope.models import build_network
from tumorscope.models.backbones import _monai_densenet_name
from tumorscope.models.weights import load_weights
from tumorscope.recipes.experiment import parse_recipe
from tumorscope.recipes.networks import TransferSettings


def bare():
    """MONAI's own ResNet-50, whose weights have torchvision's names."""
    from monai.networks.nets.resnet import resnet50

    return resnet50(
        pretrained=False, spatial_dims=2, n_input_channels=3, conv1_t_size=7, conv1_t_stride=2, feed_forward=False,
        shortcut_type="B", bias_downsample=False,
    )  # fmt: skip


def resnet(channels_context: int = 0, **settings):
    return build_network(
        parse_recipe(
            {
                "name": "r",
                "title": "r",
                "dataset": "lgg",
                "preparation": {"size": 64, "adjacent_slices": channels_context},
                "network": {"kind": "resnet50", **settings},
            }
        )
    )


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    """A file as torchvision publishes it: the backbone's names, and a classifier."""
    torch.manual_seed(1)
    state = {**bare().state_dict(), "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(state, path)
    return path


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_from_a_file_are_the_networks_first_weights(weights_file):
    network = resnet(weights=str(weights_file), sha256=checksum(weights_file))
    stored = torch.load(weights_file, weights_only=True)
    torch.testing.assert_close(network.encoder[3][0].conv2.weight.data, stored["layer3.0.conv2.weight"])


def test_more_channels_share_out_the_first_layer(weights_file):
    network = resnet(1, weights=str(weights_file))
    stored = torch.load(weights_file, weights_only=True)["conv1.weight"]
    own = network.encoder[0][0].weight.data
    assert own.shape[1] == 9
    torch.testing.assert_close(own.sum(1), stored.sum(1))


@pytest.mark.parametrize("kind", ["efficientnet", "efficientnet-lite0"])
def test_published_efficientnets_count_their_blocks_through(kind, tmp_path):
    """Sixteen blocks, `_blocks.0` to `_blocks.15`; MONAI's own names hold the row too."""
    from tumorscope.models import backbones

    states = {}

    def published(network, settings, first_layer, rename=None):
        states["own"] = network.state_dict()
        states["file"] = {
            re.sub(r"^_blocks\.\d+\.(?=\d)", "_blocks.", name): torch.rand_like(values)
            if values.is_floating_point()
            else values
            for name, values in states["own"].items()
        }

    settings = TransferSettings(kind=kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "_load", published)
        backbones.build_backbone(settings, 3)
    assert {int(name.split(".")[1]) for name in states["file"] if name.startswith("_blocks")} == set(range(16))
    path = tmp_path / f"{kind}.pth"
    torch.save(states["file"], path)
    stages = backbones.build_backbone(settings.model_copy(update={"weights": str(path)}), 3).stages
    last = next(iter(stages[-2].children()))  # the sixteenth block, a row of its own
    torch.testing.assert_close(last._project_conv.weight.data, states["file"]["_blocks.15._project_conv.weight"])


def test_frozen_stages_stay_as_they_are_while_the_rest_learns(weights_file):
    network = resnet(weights=str(weights_file), frozen_stages=3).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(torch.randn(4, 3, 64, 64))["presence"].square().mean().backward()
    optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert not [name for name in changed if name.startswith(("encoder.0", "encoder.1", "encoder.2"))]
    assert any(name.startswith("encoder.3") for name in changed)


def test_weights_by_address_are_fetched_once_and_checked(weights_file, tmp_path, monkeypatch):
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(weights_file.parent))

        def log_message(self, *arguments):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    address = f"http://127.0.0.1:{server.server_port}/resnet50.pth"
    try:
        backbone = bare()
        with pytest.raises(TumorscopeError, match="cannot be downloaded"):
            load_weights(backbone, address, "0" * 64, "conv1.weight")
        load_weights(backbone, address, checksum(weights_file)[:8], "conv1.weight")
        load_weights(backbone, address, checksum(weights_file), "conv1.weight")
    finally:
        server.shutdown()
    assert len(asked) == 2  # one refused, one kept; the third needed none
    stored = torch.load(weights_file, weights_only=True)
    torch.testing.assert_close(backbone.conv1.weight.data, stored["conv1.weight"])


def test_a_bad_file_of_weights_is_refused_with_the_reason(weights_file, tmp_path):
    backbone = bare()
    with pytest.raises(TumorscopeError, match="cannot be read"):
        load_weights(backbone, str(tmp_path / "none.pth"), None, "conv1.weight")
    with pytest.raises(TumorscopeError, match="checksum differs"):
        load_weights(backbone, str(weights_file), "0" * 64, "conv1.weight")
    junk = tmp_path / "junk.pth"
    junk.write_bytes(b"junk")
    with pytest.raises(TumorscopeError, match="not a file of weights"):
        load_weights(backbone, str(junk), None, "conv1.weight")
    other = tmp_path / "other.pth"
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, other)
    with pytest.raises(TumorscopeError, match="are not in the file"):
        load_weights(backbone, str(other), None, "conv1.weight")


def test_an_unreachable_address_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(TumorscopeError, match="download it and name the file"):
        load_weights(bare(), "http://127.0.0.1:9/weights.pth", "0" * 64, "conv1.weight")


def test_densenet_weights_are_known_by_their_old_names_and_their_new_ones():
    new = "features.denseblock3.denselayer12.conv2.weight"
    old = "features.denseblock3.denselayer12.conv.2.weight"
    assert _monai_densenet_name(new) == _monai_densenet_name(old) == new.replace("conv2", "layers.conv2")


@pytest.mark.real
def test_the_published_densenet_fits_and_its_first_filters_are_smooth():
    """Trained filters are edges and blobs, in which neighbors resemble each other; random ones are noise."""
    from conftest import DATA

    path = DATA / "weights" / "densenet169_imagenet.safetensors"
    if not path.exists():
        pytest.skip(f"no weights: {path} does not exist")
    made = {
        weights: build_network(
            parse_recipe(
                {
                    "name": "d", "title": "d", "dataset": "figshare", "sequences": ["t1c"],
                    "classes": ["glioma", "pituitary"], "preparation": {"size": 64},
                    "network": {"kind": "densenet169", "weights": weights, "frozen_stages": 2},
                }
            )
        ).eval()
        for weights in (str(path), None)
    }  # fmt: skip

    def resemblance(network):
        filters = network.encoder[0][0].weight.data[:, 0]
        return torch.corrcoef(torch.stack([filters[:, :, :-1].flatten(), filters[:, :, 1:].flatten()]))[0, 1].item()

    assert resemblance(made[str(path)]) > 0.15
    assert abs(resemblance(made[None])) < 0.1
