"""The notebooks' dynamic learning rate: reduced when the validation score does not improve."""

from __future__ import annotations

import lightning
from lightning.pytorch.callbacks import Callback

from tumorscope.training.module import TumorModule


class ReduceOnPlateau(Callback):
    """Multiply the learning rate by ``factor`` after ``patience`` validations without improvement."""

    def __init__(self, factor: float = 0.3, patience: int = 2) -> None:
        self.factor = factor
        self.patience = patience
        self.best = -1.0
        self.waited = 0
        self.reached = 1.0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, TumorModule)
        pl_module.plateau_factor = self.reached

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, TumorModule)
        score = float(trainer.callback_metrics["validation/score"])
        if score > self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.reached *= self.factor
            pl_module.plateau_factor = self.reached
            self.waited = 0

    def state_dict(self) -> dict[str, float]:
        return {"best": self.best, "waited": self.waited, "reached": self.reached}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.best, self.waited = state_dict["best"], int(state_dict["waited"])
        self.reached = state_dict["reached"]
