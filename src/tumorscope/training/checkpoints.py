"""Checkpoints of a run whose folder may be moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
