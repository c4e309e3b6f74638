"""Checkpoints of a run that may be moved, and stopped at any moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class MovableCheckpoint(ModelCheckpoint):
    """Lightning's checkpoint, which keeps the best score after the folder was moved.

    Lightning discards the score if a run's folder was moved or copied, and the first
    validation of the resumed training would replace better weights.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        folder = Path(str(self.dirpath))

        def here(path: str) -> str:
            return str(folder / Path(path).name) if path else path

        moved = {name: here(state_dict[name]) for name in _PATHS if name in state_dict}
        scores = {here(path): score for path, score in state_dict.get("best_k_models", {}).items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": scores, "dirpath": self.dirpath})


class LoggedCheckpoint(MovableCheckpoint):
    """A checkpoint of every epoch whose values are in the log before it is written.

    Lightning logs an epoch's loss only after its callbacks; a training that is killed in between goes on after that
    epoch, whose values no log would have.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        values = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("train/")}
        if trainer.logger is not None:
            trainer.logger.log_metrics({**values, "epoch": trainer.current_epoch}, trainer.global_step)
            trainer.logger.save()
        super().on_train_epoch_end(trainer, pl_module)


_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
