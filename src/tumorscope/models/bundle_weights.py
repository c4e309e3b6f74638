"""Loading of a bundle's weights into a network, for further training.

The export merges batch normalization into the preceding convolution. Here they are separated: each such
normalization gets the statistics of its convolution's output on some training images, and the scale and shift that
compensate them, so that the network computes the same as the bundle and can be trained as one from scratch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.bundles import Bundle

_PREFIX, _NARROW, _MERGED_BIAS = "network.", "_half", "weight_bias"
_RENAMED = {"presence.weight": "head.weigh.weight", "presence.bias": "head.bias"}
"""Names in bundles of version 0.1.0."""


def load_bundle_weights(network: nn.Module, bundle: Bundle, images: Tensor) -> None:
    """Copy the weights of a bundle's float model into a network of the same shape.

    Args:
        network: built from the recipe that the bundle was trained with.
        bundle: its float model has the weights.
        images: float32 ``(n, channels, rows, columns)``, prepared training images for the batch statistics.

    Raises:
        TumorscopeError: the bundle is damaged or contains another network.
    """
    stored = _read(bundle)
    merged = {name.removesuffix(f".{_MERGED_BIAS}"): bias for name, bias in stored.items() if name.endswith("_bias")}
    own = network.state_dict()
    kept = {name: values.reshape(own[name].shape) for name, values in stored.items() if _fits(values, own.get(name))}
    network.load_state_dict(kept, strict=False)
    network.eval()
    following = _normalizations_after(network, set(merged), images)
    accounted = {f"{norm}.{part}" for norm in following.values() for part in _NORM_PARTS}
    missing = [name for name in own if name not in kept | dict.fromkeys(accounted) and "num_batches" not in name]
    if missing or len(following) != len(merged):
        raise TumorscopeError(
            f"bundle {bundle.name}: contains another network than the recipe's (no weights for {(missing or ['?'])[0]})"
        )
    for convolution, norm in following.items():
        _pass_through(network.get_submodule(norm), merged[convolution])
    _separate(network, following, merged, images)
    network.train()


_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def _read(bundle: Bundle) -> dict[str, Tensor]:
    import onnx
    from onnx import numpy_helper

    model = next(model for model in bundle.card.models if model.precision == "float")
    tensors = {}
    for tensor in onnx.load_from_string(bundle.read_model(model)).graph.initializer:
        if tensor.name.startswith(_PREFIX):
            name = tensor.name.removeprefix(_PREFIX).removesuffix(_NARROW)
            tensors[_RENAMED.get(name, name)] = torch.from_numpy(numpy_helper.to_array(tensor).copy()).float()
    return tensors


def _fits(stored: Tensor, own: Tensor | None) -> bool:
    return own is not None and stored.numel() == own.numel()


def _normalizations_after(network: nn.Module, convolutions: set[str], images: Tensor) -> dict[str, str]:
    """For each convolution the normalization of its output, by name."""
    outputs: dict[int, tuple[str, Tensor]] = {}
    following: dict[str, str] = {}
    hooks = []
    for name, module in network.named_modules():
        if name in convolutions:
            hooks.append(
                module.register_forward_hook(lambda _, __, out, name=name: outputs.update({id(out): (name, out)}))
            )
        elif isinstance(module, nn.BatchNorm2d):

            def record(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                if id(inputs[0]) in outputs:
                    following[outputs[id(inputs[0])][0]] = name

            hooks.append(module.register_forward_pre_hook(record))
    with torch.no_grad():
        network(images[:1])
    for hook in hooks:
        hook.remove()
    return following


def _pass_through(norm: nn.Module, bias: Tensor) -> None:
    """Make a normalization add the bias that was merged into its convolution, and nothing else."""
    assert isinstance(norm, nn.BatchNorm2d)
    _set(norm, mean=torch.zeros_like(bias), variance=torch.ones_like(bias) - norm.eps, shift=bias)


def _separate(network: nn.Module, following: dict[str, str], merged: dict[str, Tensor], images: Tensor) -> None:
    """Give each normalization the statistics of its input, and a scale and shift that compensate them."""
    statistics: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = []
    for norm in following.values():

        def measure(_: nn.Module, inputs: tuple[Tensor, ...], name: str = norm) -> None:
            statistics[name] = (inputs[0].mean(dim=(0, 2, 3)), inputs[0].var(dim=(0, 2, 3)))

        hooks.append(network.get_submodule(norm).register_forward_pre_hook(measure))
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    for convolution, name in following.items():
        norm = network.get_submodule(name)
        assert isinstance(norm, nn.BatchNorm2d)
        mean, variance = statistics[name]
        _set(norm, mean=mean, variance=variance, shift=merged[convolution] + mean)


def _set(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, shift: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(shift)
