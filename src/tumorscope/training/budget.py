"""The length of a training: a number of epochs or minutes, whichever ends first."""

from __future__ import annotations

import time
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from tumorscope.training.module import TumorModule


class Budget(Callback):
    """Sets the module's progress and ends the training when the budget is used up.

    Time spent before an interruption counts, so that a resumed training ends where an
    uninterrupted one would.

    Args:
        epochs: the largest number of epochs.
        minutes: the largest number of minutes; None for no limit.
    """

    def __init__(self, epochs: int, minutes: float | None) -> None:
        self.epochs = epochs
        self.minutes = minutes
        self._spent_s = 0.0
        self._since: float | None = None

    @property
    def spent_s(self) -> float:
        """Seconds of training so far, earlier runs of a resumed training included."""
        return self._spent_s + (time.monotonic() - self._since if self._since is not None else 0.0)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._since = time.monotonic()

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.current_epoch + 1 >= self.epochs:
            _validate_this_epoch(trainer)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, TumorModule)
        done = (trainer.current_epoch + batch_idx / max(1, trainer.num_training_batches)) / self.epochs
        if self.minutes is not None:
            # Clocks differ between processes, and all must stop at the same batch.
            done = max(done, trainer.strategy.broadcast(self.spent_s) / (60 * self.minutes))
            if done >= 1:
                trainer.should_stop = True
                _validate_this_epoch(trainer)
        pl_module.progress = min(done, 1.0)

    def state_dict(self) -> dict[str, Any]:
        return {"spent_s": self.spent_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._spent_s = float(state_dict["spent_s"])


def _validate_this_epoch(trainer: lightning.Trainer) -> None:
    """Validate the last epoch even if it is not due: its learning rate is zero, so its weights are the best."""
    trainer.check_val_every_n_epoch = 1
