"""How far a training is: a bar where a person watches, a line per epoch where the output is kept."""

from __future__ import annotations

import sys
import time

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from tumorscope.training.distributed import print_rank_zero

_SHOWN = ("train/loss", "validation/score")


def is_watched() -> bool:
    """Whether the output is a terminal. In a file or a pipe a bar would write a line at every step."""
    return sys.stdout.isatty()


def progress_callback() -> Callback:
    """A bar in a terminal, else a line per epoch."""
    return TQDMProgressBar(refresh_rate=5) if is_watched() else EpochLines()


class EpochLines(Callback):
    """One line per epoch: its number, from 1, loss, validation score if it was validated, and seconds."""

    def __init__(self) -> None:
        self._began = 0.0
        self._validated = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began, self._validated = time.monotonic(), False

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validated = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        shown = _SHOWN if self._validated else _SHOWN[:1]  # Lightning keeps the score of an earlier epoch
        values = [f"{name} {trainer.callback_metrics[name]:.4f}" for name in shown if name in trainer.callback_metrics]
        line = [f"epoch {trainer.current_epoch + 1}", *values, f"{time.monotonic() - self._began:.1f} s"]
        print_rank_zero(", ".join(line))
