"""Exponential moving average of the weights, with a warm-up."""

from __future__ import annotations

from collections.abc import Callable

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class EMAWarmup(WeightAveraging):
    """Exponential moving average of weights and batch statistics, which is validated and saved.

    With a constant decay of 0.998, a third of the random initial weights would remain after 500
    steps, so that short trainings and early validations would yield noise. Here the decay
    grows with the steps, ``(1 + step) / (10 + step)``, up to its final value.

    Args:
        decay: the final value.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=True, avg_fn=ema_with_warmup(decay))


def ema_with_warmup(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """The update of the average by one step's value; counters are copied, not averaged."""

    def average(averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        if not averaged.is_floating_point():
            return current
        kept = min(decay, (1 + float(steps)) / (10 + float(steps)))
        return averaged * kept + current * (1 - kept)

    return average
