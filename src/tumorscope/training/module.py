"""One training step, one validation, and the learning rate, as Lightning wants them."""

from __future__ import annotations

import math
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.networks import build_network
from tumorscope.recipe import Recipe
from tumorscope.training.augmentation import augment
from tumorscope.training.losses import MASK_LOSSES
from tumorscope.training.slices import BalancedSlices, SliceStore


class TumorModule(lightning.LightningModule):
    """A network in training.

    ``progress`` runs from zero to one over the whole training, whether epochs or minutes
    limit it; the learning rate and the picture size follow it.

    Args:
        recipe: the experiment.
        training, validation: the slices; absent when a checkpoint is only to be exported.
    """

    def __init__(
        self, recipe: Recipe, training: SliceStore | None = None, validation: SliceStore | None = None
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = build_network(recipe)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.progress = 0.0
        self.plateau_factor = 1.0
        self._stores = {"training": training, "validation": validation}
        self._answers: list[dict[str, Tensor]] = []
        self.positive_weight = 1.0
        if training is not None and recipe.loss.class_weights:
            drawn = BalancedSlices(training.present, recipe.optimization.empty_slices, seed=0)
            self.positive_weight = drawn.drawn_empty / max(1, len(drawn.with_tumor))
        self.fallback = recipe.sequences.index("flair") if "flair" in recipe.sequences else None

    def store(self, part: str) -> SliceStore:
        """The slices of a part, on the device that trains."""
        store = self._stores[part]
        if store is None:
            raise RuntimeError(f"this module was made without {part} slices")
        if store.pictures.device != self.device:
            store = self._stores[part] = store.to(self.device)
        return store

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        return self.network(pictures.to(memory_format=torch.channels_last))

    def training_step(self, indices: Tensor, batch_index: int) -> Tensor:
        recipe = self.recipe
        pictures, masks, present = self.store("training").batch(indices, recipe.preparation.context)
        pictures, masks = augment(
            pictures,
            masks,
            recipe.augmentation,
            sequences=len(recipe.sequences),
            fallback=self.fallback,
            size=self._picture_size(),
        )
        answer = self(pictures)
        loss = pictures.new_zeros(())
        if "mask" in answer:
            mask_loss = MASK_LOSSES[recipe.loss.mask](answer["mask"].float(), masks)
            self.log("train/mask_loss", mask_loss, on_step=False, on_epoch=True, batch_size=len(indices))
            loss = loss + mask_loss
        if "presence" in answer:
            presence_loss = functional.binary_cross_entropy_with_logits(
                answer["presence"].float(), present, pos_weight=present.new_tensor(self.positive_weight)
            )
            self.log("train/presence_loss", presence_loss, on_step=False, on_epoch=True, batch_size=len(indices))
            weight = recipe.loss.presence_weight if "mask" in answer else 1.0
            loss = loss + weight * presence_loss
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(indices))
        return loss

    def _picture_size(self) -> int:
        settings = self.recipe.optimization
        if settings.small_size and self.progress < settings.small_until:
            return settings.small_size
        return self.recipe.preparation.size

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        rate = self.recipe.optimization.learning_rate * self._rate_factor()
        for group in self._parameter_groups():
            group["lr"] = rate

    def on_train_epoch_end(self) -> None:
        self.log("train/learning_rate", self._parameter_groups()[0]["lr"])

    def _parameter_groups(self) -> list[dict[str, Any]]:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)  # there is only one
        return optimizer.param_groups

    def _rate_factor(self) -> float:
        settings = self.recipe.optimization
        if self.progress < settings.warm_up:
            return max(self.progress / settings.warm_up, 1e-3)
        if settings.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress))) + 1e-3
        return self.plateau_factor if settings.schedule == "plateau" else 1.0

    def validation_step(self, indices: Tensor, batch_index: int) -> None:
        store = self.store("validation")
        pictures, masks, present = store.batch(indices, self.recipe.preparation.context)
        answer = self(pictures)
        kept: dict[str, Tensor] = {"case": store.cases[indices], "present": present}
        if "presence" in answer:
            kept["presence"] = answer["presence"].float().sigmoid()
        if "mask" in answer:
            guess, truth = answer["mask"].float() > 0, masks >= 0.5
            kept["overlap"] = (guess & truth).sum(dim=(1, 2))
            kept["sizes"] = guess.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
            kept.setdefault("presence", answer["mask"].float().amax(dim=(1, 2)).sigmoid())
        self._answers.append(kept)

    def on_validation_epoch_end(self) -> None:
        answers = {key: torch.cat([part[key] for part in self._answers]) for key in self._answers[0]}
        self._answers.clear()
        auroc = area_under_curve(answers["presence"], answers["present"] > 0)
        self.log("validation/auroc", auroc)
        score = auroc
        if "overlap" in answers:
            cases = answers["case"]
            zeros = torch.zeros(int(cases.max()) + 1, device=cases.device)
            overlap = zeros.index_add(0, cases, answers["overlap"].float())
            sizes = zeros.index_add(0, cases, answers["sizes"].float())
            dice = torch.where(sizes > 0, 2 * overlap / sizes.clamp(min=1), 1.0).mean()
            self.log("validation/patient_dice", dice)
            # Dice decides; presence breaks ties between networks that draw equally well.
            score = dice + 0.2 * auroc
        self.log("validation/score", score, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.recipe.optimization
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        decayed = [parameter for parameter in trained if parameter.ndim > 1]
        plain = [parameter for parameter in trained if parameter.ndim <= 1]
        groups = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def area_under_curve(scores: Tensor, positive: Tensor) -> Tensor:
    """Area under the ROC curve by ranks, ties sharing theirs; a half where one class is absent."""
    count = positive.sum()
    others = len(positive) - count
    if count == 0 or others == 0:
        return scores.new_tensor(0.5)
    _, inverse, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    upper = counts.cumsum(0).float()
    ranks = (upper - (counts.float() - 1) / 2)[inverse]
    return (ranks[positive].sum() - count * (count + 1) / 2) / (count * others)
