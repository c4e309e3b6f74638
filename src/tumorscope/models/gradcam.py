"""Grad-CAM (Selvaraju et al. 2017) for any classifier of the workshop, with MONAI."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from tumorscope.core.errors import TumorscopeError


class _Logits(nn.Module):
    """One of a network's predictions alone, ``(n, predictions)``."""

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
    """Which places of the last features speak for an output, by gradients.

    For networks with a pooled linear head this is what their own maps say, times the number
    of places; the three-layer CNN's own maps do not average the gradients over places first.

    Args:
        network: predictions with logits by name, as :func:`tumorscope.models.build_network` makes them.
        images: ``(n, channels, rows, columns)``.
        question: the output to explain.
        output: place of the class among the question's predictions.
        layer: name of the module whose output is looked at; where absent the last features,
            which every classifier passes through a module named ``seen``.

    Returns:
        ``(n, r, c)``, not negative, at the size of those features.

    Raises:
        TumorscopeError: the network does not output the question, or has no such layer.
    """
    from monai.visualize.class_activation_maps import GradCAM

    if question not in network.outputs:  # type: ignore[operator]
        raise TumorscopeError(f"the network does not output {question!r}")
    names = [name for name, _ in network.named_modules()]
    found = layer or next((name for name in names if name.split(".")[-1] == "seen"), None)
    if found not in names:
        raise TumorscopeError(f"the network has no layer {found!r} to look at")
    training = network.training
    with torch.enable_grad():
        explain = GradCAM(_Logits(network.eval(), question), f"network.{found}", postprocessing=_as_it_is)
        # Frozen stages have no gradients of their own: the image's make the whole path known.
        maps = explain.compute_map(images.detach().clone().requires_grad_(), class_idx=output)
    network.train(training)
    return maps[:, 0].detach()


def _as_it_is(values: Tensor) -> Tensor:
    """MONAI would scale each map to one."""
    return values
