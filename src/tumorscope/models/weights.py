"""Initial weights from a file or an address, with torchvision's parameter names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from tumorscope.core.errors import TumorscopeError

_CLASSIFIERS = ("fc.", "_fc.", "classifier.", "class_layers.")
"""Prefixes of the usual names of ImageNet's classification layer."""


def load_weights(
    network: nn.Module,
    location: str,
    sha256: str | None,
    first_layer: str,
    rename: Callable[[str], str] | None = None,
) -> None:
    """Copy weights into a network, without a classifier in the file.

    The first layer is adapted to the network's number of channels: its filters are averaged
    over the colors and scaled, so that activations keep their magnitude.

    Args:
        network: its parameters have the names in the file.
        location: a ``.safetensors`` or ``.pth`` file, or an address of one.
        sha256: the file's checksum, or its first eight digits or more.
        first_layer: the name of the first convolution's weight.
        rename: from the names in the file to those of the network, if they differ.

    Raises:
        TumorscopeError: not found, not reachable, or with another checksum or other names.
    """
    path = _download(location, sha256) if "://" in location else Path(location).expanduser()
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


def _download(address: str, sha256: str | None) -> Path:
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
    except Exception as error:  # the readers raise various errors on damaged files
        raise TumorscopeError(f"{path}: not a file of weights (.safetensors or .pth)") from error
