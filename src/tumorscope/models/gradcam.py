"""Grad-CAM (Selvaraju et al. 2017) for any classifier, with MONAI."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from tumorscope.core.errors import TumorscopeError


class _Logits(nn.Module):
    """A network with one of its outputs only, ``(n, predictions)``."""

    def __init__(self, network: nn.Module, question: str) -> None:
        super().__init__()
        self.network = network
        self.question = question

    def forward(self, x: Tensor) -> Tensor:
        logits = self.network(x)[self.question]
        return logits.unsqueeze(1) if logits.ndim == 1 else logits


def grad_cam(
    network: nn.Module,
    images: Tensor,
    question: Literal["presence", "type"],
    output: int = 0,
    layer: str | None = None,
) -> Tensor:
    """The activation map of an output by gradients.

    For networks with a pooled linear head it equals their own maps times the number
    of positions; the three-layer CNN's own maps do not average the gradients over positions first.

    Args:
        network: returns logits by name, see :func:`tumorscope.models.build_network`.
        images: ``(n, channels, rows, columns)``.
        question: the output to explain.
        output: index of the class.
        layer: name of the module whose output is explained; None for the last features,
            which are the output of a module named ``seen`` in every classifier.

    Returns:
        ``(n, r, c)``, nonnegative, at the size of those features.

    Raises:
        TumorscopeError: the network does not output the question, or has no such layer.
    """
    from monai.visualize.class_activation_maps import GradCAM

    if question not in network.outputs:  # type: ignore[operator]
        raise TumorscopeError(f"the network does not output {question!r}")
    names = [name for name, _ in network.named_modules()]
    target = layer or next((name for name in names if name.split(".")[-1] == "seen"), None)
    if target not in names:
        raise TumorscopeError(f"the network has no layer {target!r}")
    training = network.training
    with torch.enable_grad():
        explain = GradCAM(_Logits(network.eval(), question), f"network.{target}", postprocessing=_unscaled)
        # Frozen stages have no gradients of their own, so compute those of the image.
        maps = explain.compute_map(images.detach().clone().requires_grad_(), class_idx=output)
    network.train(training)
    return maps[:, 0].detach()


def _unscaled(values: Tensor) -> Tensor:
    """The map itself; MONAI's default scales it to one."""
    return values
