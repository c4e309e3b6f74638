"""Weights averaged over the steps of a training, which forget their random start."""

from __future__ import annotations

from collections.abc import Callable

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class EMAWarmup(WeightAveraging):
    """Exponential average of weights and batch statistics that is what validates and is kept.

    A constant decay of 0.998 would carry a third of the random first weights through 500
    steps, so that short trainings and early validations come out as noise. Here the decay
    grows with the steps, ``(1 + step) / (10 + step)``, until it reaches its value.

    Args:
        decay: of the average, in the long run.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=True, avg_fn=warm_average(decay))


def warm_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """The rule by which one step's value joins the average; counters are not averaged but taken over."""

    def average(averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        if not averaged.is_floating_point():
            return current
        kept = min(decay, (1 + float(steps)) / (10 + float(steps)))
        return averaged * kept + current * (1 - kept)

    return average
