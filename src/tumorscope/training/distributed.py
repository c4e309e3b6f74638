"""Distributed data-parallel training whose result equals that of one process.

A batch is split over the processes, one slice to each in turn. Predictions are gathered before the
loss is computed, and batch normalization uses the statistics of the whole batch, so that loss, gradients and weights
are those of one process with the whole batch, up to rounding. Only random augmentation and dropout differ: each process
draws its own.
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


def check_world_size(devices: int, nodes: int, batch_size: int) -> None:
    """Check the number of processes.

    Raises:
        TumorscopeError: a batch cannot be split evenly, or another number of processes was started.
    """
    count = devices * nodes
    if batch_size % count:
        raise TumorscopeError(
            f"a batch of {batch_size} cannot be split evenly over {count} processes; "
            f"add --set optimization.batch_size={-(-batch_size // count) * count}"
        )
    started = os.environ.get("WORLD_SIZE") if "LOCAL_RANK" in os.environ else None
    if started is not None and int(started) != count:
        raise TumorscopeError(f"{started} processes were started, but --devices {devices} --nodes {nodes} is {count}")


def trainer_options(devices: int, nodes: int, on_gpu: bool) -> dict[str, Any]:
    """Options of Lightning's trainer for distributed training.

    PyTorch's own SyncBatchNorm takes tensors on a GPU only; :class:`SyncBatchNorm` replaces it on the CPU.
    """
    options: dict[str, Any] = {"devices": devices, "num_nodes": nodes, "use_distributed_sampler": False}
    if devices * nodes == 1:
        return options
    # Every process logs the same metrics, those of the whole batch.
    warnings.filterwarnings("ignore", ".*sync_dist=True.*")
    # Some parameters get no gradient: those of the type head, for example, in a batch without known types.
    options["strategy"] = "ddp_find_unused_parameters_true"
    return options | ({"sync_batchnorm": True} if on_gpu else {"plugins": [SyncBatchNorm()]})


@rank_zero_only
def print_rank_zero(line: str) -> None:
    """Print a line in the first process only."""
    print(line, file=sys.stderr)


def is_rank_zero() -> bool:
    """Whether this is the first process, which writes files and prints."""
    return rank_zero_only.rank == 0  # type: ignore[attr-defined]


def world_size() -> int:
    """The number of processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def all_gather(share: Tensor) -> Tensor:
    """Join the shares of all processes; gradients flow back to each.

    Args:
        share: ``(n, …)``, of the same shape in every process; process ``p`` of ``k`` has the
            items ``p``, ``p + k``, ``p + 2k`` and so on of the whole.

    Returns:
        ``(n·k, …)``.
    """
    if world_size() == 1:
        return share
    if share.dtype == torch.bool:  # not every backend supports it
        return all_gather(share.to(torch.uint8)).bool()
    return _AllGather.apply(share)  # type: ignore[return-value]


class _AllGather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, share: Tensor) -> Tensor:
        shares = [torch.empty_like(share, memory_format=torch.contiguous_format) for _ in range(world_size())]
        distributed.all_gather(shares, share.contiguous())
        return torch.stack(shares, dim=1).flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        # Every process computes the whole loss; the mean that DDP takes divides out this sum.
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(gradient)
        return gradient[distributed.get_rank() :: world_size()]


class SyncBatchNorm(LayerSync):
    """Synchronized batch normalization on the CPU: statistics are those of the whole batch."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Replace the layers; their weights and statistics stay the same tensors."""
        for module in model.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _SyncBatchNorm2d
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Restore plain layers."""
        for module in model.modules():
            if type(module) is _SyncBatchNorm2d:
                module.__class__ = nn.BatchNorm2d  # type: ignore[assignment]
        return model


class _SyncBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization with the mean and variance of all processes' shares, which have equal size."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        values = input.float()
        own_variance, own_mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
        means, variances = all_gather(torch.stack([own_mean, own_variance])[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        with torch.no_grad():
            count = values[:, 0].numel() * world_size()
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / max(1, count - 1), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return (values * scale[:, None, None] + shift[:, None, None]).to(input.dtype)
