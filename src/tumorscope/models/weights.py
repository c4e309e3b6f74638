"""First weights from a file or an address, with torchvision's parameter names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from tumorscope.core.errors import TumorscopeError

_CLASSIFIERS = ("fc.", "_fc.", "classifier.", "class_layers.")
"""What the usual networks call the layer that names ImageNet's thousand classes."""


def load_weights(
    network: nn.Module,
    place: str,
    sha256: str | None,
    first_layer: str,
    rename: Callable[[str], str] | None = None,
) -> None:
    """Copy weights into a network; a classifier in the file is left out.

    The first layer is fitted to the network's number of channels: its filters are averaged
    over the colors and shared out, so that activations keep their size.

    Args:
        network: whose parameters have the names in the file.
        place: a ``.safetensors`` or ``.pth`` file, or an address of one.
        sha256: the file's checksum, or its first eight digits or more.
        first_layer: the name of the first convolution's weight.
        rename: the network's name of a weight in the file, where they differ.

    Raises:
        TumorscopeError: not found, not reachable, another checksum, or other names.
    """
    path = _fetch(place, sha256) if "://" in place else Path(place).expanduser()
    weights = {(rename(name) if rename else name): values for name, values in _read(path, sha256).items()}
    own = {name: values for name, values in network.state_dict().items() if not name.startswith(_CLASSIFIERS)}
    kept = {name: values.float() for name, values in weights.items() if name in own}
    missing = [name for name in own if name not in kept and not name.endswith("num_batches_tracked")]
    if missing:
        raise TumorscopeError(
            f"{path.name}: {len(missing)} of the network's {len(own)} weights are not in the file, such as {missing[0]}"
        )
    wanted = own[first_layer].shape[1]
    if kept[first_layer].shape[1] != wanted:
        colors = kept[first_layer].shape[1]
        kept[first_layer] = kept[first_layer].mean(1, keepdim=True).repeat(1, wanted, 1, 1) * colors / wanted
    wrong = [name for name, values in kept.items() if values.shape != own[name].shape]
    if wrong:
        raise TumorscopeError(f"{path.name}: {wrong[0]} has another shape than the network's")
    network.load_state_dict(kept, strict=False)


def _fetch(address: str, sha256: str | None) -> Path:
    folder = Path(torch.hub.get_dir()) / "tumorscope"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(urlparse(address).path).name
    if not path.exists():
        try:
            torch.hub.download_url_to_file(address, str(path), hash_prefix=sha256, progress=True)
        except Exception as error:  # urllib, socket and checksum errors alike
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise TumorscopeError(
                f"{address}: cannot be downloaded ({reason}); download it and name the file"
            ) from error
    return path


def _read(path: Path, sha256: str | None) -> dict[str, Tensor]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TumorscopeError(f"{path}: the weights cannot be read ({error.strerror})") from error
    if sha256 and not hashlib.sha256(content).hexdigest().startswith(sha256.lower()):
        raise TumorscopeError(f"{path}: the checksum differs from the recipe's {sha256}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load

            return load(content)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both readers raise their own kinds on damaged files
        raise TumorscopeError(f"{path}: not a file of weights (.safetensors or .pth)") from error
