"""Stop a training whose loss or weights are no longer finite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from tumorscope.core.errors import TumorscopeError


class StopWhenNotFinite(Callback):
    """End a training whose loss or weights are NaN or infinite, before they are validated and saved.

    Such a loss makes every weight NaN with the next step, and training cannot recover from that. The
    checkpoints of earlier epochs are kept.

    Args:
        last: the newest checkpoint, for the message.
    """

    def __init__(self, last: Path) -> None:
        self.last = last

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if not torch.isfinite(outputs["loss"]):
            raise TumorscopeError(self._line("the loss is", trainer.current_epoch))
        # A finite loss may have a gradient that is not finite.
        if batch_idx + 1 == trainer.num_training_batches and not finite(pl_module):
            raise TumorscopeError(self._line("the weights are", trainer.current_epoch))

    def _line(self, what: str, epoch: int) -> str:
        kept = f"{self.last} keeps the weights of the epoch before" if self.last.exists() else "no weights were kept"
        return (
            f"{what} not finite in epoch {epoch + 1}, the training stops; {kept}. "
            "Train into another folder with a lower --set optimization.learning_rate=… or --precision float32"
        )


def finite(network: nn.Module) -> bool:
    """Whether all weights and batch statistics are finite."""
    return all(bool(torch.isfinite(values).all()) for values in network.state_dict().values())
