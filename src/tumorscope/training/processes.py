"""Several processes that learn together what one would learn alone.

A batch is dealt out, one slice to each process in turn. Predictions are gathered again before the
loss is taken, and batch normalization is over all shares, so that loss, gradients and weights
are those of one process with the whole batch, up to rounding. Only what is left to chance while
a image is changed, and dropout, is drawn by each process for itself.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.plugins.layer_sync import LayerSync
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable

from tumorscope.core.errors import TumorscopeError


def check_processes(devices: int, nodes: int, batch_size: int) -> None:
    """Refuse numbers of processes that cannot work.

    Raises:
        TumorscopeError: a batch cannot be dealt out evenly, or whoever started the processes
            started another number of them.
    """
    count = devices * nodes
    if batch_size % count:
        raise TumorscopeError(
            f"a batch of {batch_size} cannot be dealt to {count} processes evenly; "
            f"add --set optimization.batch_size={-(-batch_size // count) * count}"
        )
    started = os.environ.get("WORLD_SIZE") if "LOCAL_RANK" in os.environ else None
    if started is not None and int(started) != count:
        raise TumorscopeError(f"{started} processes were started, but --devices {devices} --nodes {nodes} is {count}")


def trainer_options(devices: int, nodes: int, on_gpu: bool) -> dict[str, Any]:
    """What Lightning's trainer is told about processes.

    PyTorch's own SyncBatchNorm takes tensors on a GPU only; :class:`SharedBatchNorm` takes its
    place on the CPU.
    """
    options: dict[str, Any] = {"devices": devices, "num_nodes": nodes, "use_distributed_sampler": False}
    if devices * nodes == 1:
        return options
    # Every process logs the same metrics, those of the whole batch.
    warnings.filterwarnings("ignore", ".*sync_dist=True.*")
    # In a batch where nobody knows the types, say, the head for types learns nothing.
    options["strategy"] = "ddp_find_unused_parameters_true"
    return options | ({"sync_batchnorm": True} if on_gpu else {"plugins": [SharedBatchNorm()]})


@rank_zero_only
def say(line: str) -> None:
    """Print a line once, however many processes there are."""
    print(line, file=sys.stderr)


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return rank_zero_only.rank == 0  # type: ignore[attr-defined]


def processes() -> int:
    """How many learn together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def gathered(share: Tensor) -> Tensor:
    """The shares of all processes as the whole they were dealt from; gradients flow back to each.

    Args:
        share: ``(n, …)``, of the same shape in every process; process ``p`` of ``k`` has the
            items ``p``, ``p + k``, ``p + 2k`` and so on.

    Returns:
        ``(n·k, …)``.
    """
    if processes() == 1:
        return share
    if share.dtype == torch.bool:  # not every backend carries it
        return gathered(share.to(torch.uint8)).bool()
    return _Gathered.apply(share)  # type: ignore[return-value]


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, share: Tensor) -> Tensor:
        shares = [torch.empty_like(share, memory_format=torch.contiguous_format) for _ in range(processes())]
        distributed.all_gather(shares, share.contiguous())
        return torch.stack(shares, dim=1).flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        # Every process has the whole loss; DDP takes the mean of what the sum here makes too much.
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(gradient)
        return gradient[distributed.get_rank() :: processes()]


class SharedBatchNorm(LayerSync):
    """Lets batch normalization on the CPU see the whole batch."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Exchange the layers; their weights and statistics stay the same tensors."""
        for module in model.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _SharedBatchNorm2d
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Put plain layers back."""
        for module in model.modules():
            if type(module) is _SharedBatchNorm2d:
                module.__class__ = nn.BatchNorm2d  # type: ignore[assignment]
        return model


class _SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization with the mean and variance of all processes' shares, which are equally large."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        values = input.float()
        own_variance, own_mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
        means, variances = gathered(torch.stack([own_mean, own_variance])[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        with torch.no_grad():
            count = values[:, 0].numel() * processes()
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / max(1, count - 1), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return (values * scale[:, None, None] + shift[:, None, None]).to(input.dtype)
