"""The Lightning module: training step, validation and learning rate."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.models import build_network
from tumorscope.models.transfer import TransferNetwork
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.augmentation import augment
from tumorscope.training.distributed import all_gather, world_size
from tumorscope.training.losses import mask_loss
from tumorscope.training.slices import UNKNOWN_CLASS, BalancedSliceSampler, Batch, SliceCache


class TumorModule(lightning.LightningModule):
    """A network in training.

    ``progress`` runs from zero to one over the whole training, whether epochs or minutes
    limit it, and determines the learning rate and the image size.

    Args:
        recipe: the experiment.
        training, validation: the slices; None if a checkpoint is only exported.
        network: of the recipe; None builds it.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: SliceCache | None = None,
        validation: SliceCache | None = None,
        network: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = build_network(recipe) if network is None else network
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.progress = 0.0
        self.plateau_factor = 1.0
        self._stores = {"training": training, "validation": validation}
        self._predictions: list[dict[str, Tensor]] = []
        self.positive_weight, self.class_weights = 1.0, torch.ones(max(1, len(recipe.classes)))
        if training is not None and recipe.loss.class_weights:
            positive, negative = train_sampler(training, recipe).drawn
            self.positive_weight = negative / max(1, positive) if negative else 1.0
            known = training.classes[training.classes != UNKNOWN_CLASS]
            counts = torch.bincount(known, minlength=len(self.class_weights)).clamp(min=1)
            self.class_weights = len(known) / (len(counts) * counts.float())
        self.fallback = recipe.sequences.index("flair") if "flair" in recipe.sequences else None

    def store(self, part: str) -> SliceCache:
        """The slices of a part, on the training device."""
        store = self._stores[part]
        if store is None:
            raise RuntimeError(f"this module was made without {part} slices")
        if store.images.device != self.device:
            store = self._stores[part] = store.to(self.device)
        return store

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.network(images.to(memory_format=torch.channels_last))

    def training_step(self, indices: Tensor, batch_index: int) -> Tensor:
        recipe = self.recipe
        batch = self.store("training").batch(indices, recipe.preparation.adjacent_slices)
        images, masks = augment(
            batch.images,
            batch.masks,
            recipe.augmentation,
            sequences=len(recipe.sequences),
            fallback=self.fallback,
            size=self._image_size(),
        )
        prediction = self(images)
        batch = replace(batch, images=images, masks=masks)
        if world_size() > 1:
            prediction, batch = _whole_batch(prediction, batch)
        terms = self._loss_terms(prediction, batch)
        for name, term in terms.items():
            self.log(f"train/{name}_loss", term, on_step=False, on_epoch=True, batch_size=len(indices))
        weights = {"mask": 1.0, "presence": recipe.loss.presence_weight, "type": recipe.loss.type_weight}
        # A single term has no weight.
        loss = sum((weights[name] if len(terms) > 1 else 1.0) * term for name, term in terms.items())
        loss = loss + images.new_zeros(())
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(indices))
        return loss

    def _loss_terms(self, prediction: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """One loss term for each output, over the slices with a known truth."""
        terms = {}
        has_mask, classed = batch.has_mask, batch.classes != UNKNOWN_CLASS
        if "mask" in prediction and has_mask.any():
            logits = prediction["mask"].float()[has_mask]
            terms["mask"] = mask_loss(self.recipe.loss.mask, logits, batch.masks[has_mask])
        if "presence" in prediction:
            terms["presence"] = functional.binary_cross_entropy_with_logits(
                prediction["presence"].float(), batch.present, pos_weight=batch.present.new_tensor(self.positive_weight)
            )
        if "type" in prediction and classed.any():
            terms["type"] = functional.cross_entropy(
                prediction["type"].float()[classed],
                batch.classes[classed],
                self.class_weights.to(batch.classes.device),
                label_smoothing=self.recipe.loss.label_smoothing,
            )
        return terms

    def _image_size(self) -> int:
        resizing = self.recipe.optimization.progressive_resizing
        if resizing is not None and self.progress < resizing.fraction:
            return resizing.size
        return self.recipe.preparation.size

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        torch.manual_seed(step_seed(self.recipe.optimization.seed, self.current_epoch, batch_idx, self.global_rank))
        rate = self.recipe.optimization.learning_rate * self._rate_factor()
        for group in self._parameter_groups():
            group["lr"] = rate * group["relative_rate"]

    def on_train_epoch_end(self) -> None:
        self.log("train/learning_rate", self._parameter_groups()[-1]["lr"])

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
        batch = store.batch(indices, self.recipe.preparation.adjacent_slices)
        prediction = self(batch.images)
        kept = {
            "slice": indices,
            "case": store.cases[indices],
            "source": store.sources[indices],
            "present": batch.present,
            "class": batch.classes,
            "has_mask": batch.has_mask,
        }
        if "type" in prediction:
            kept["type"] = prediction["type"].float().argmax(dim=1)
            if NO_TUMOR in self.recipe.classes:
                none = self.recipe.classes.index(NO_TUMOR)
                kept["presence"] = 1 - prediction["type"].float().softmax(dim=1)[:, none]
        if "presence" in prediction:
            kept["presence"] = prediction["presence"].float().sigmoid()
        if "mask" in prediction:
            logits = prediction["mask"].float()
            guess, truth = logits > 0, batch.masks >= 0.5
            kept["overlap"] = (guess & truth).sum(dim=(-2, -1))
            kept["sizes"] = guess.sum(dim=(-2, -1)) + truth.sum(dim=(-2, -1))
            whole = logits if logits.ndim == 3 else logits[:, 0]
            kept.setdefault("presence", whole.amax(dim=(1, 2)).sigmoid())
        self._predictions.append(kept)

    def on_validation_epoch_end(self) -> None:
        predictions = {key: torch.cat([part[key] for part in self._predictions]) for key in self._predictions[0]}
        self._predictions.clear()
        if world_size() > 1:
            predictions = whole_part(predictions)
        names = tuple(each.name for each in self.recipe.compartments)
        metrics = validation_metrics(predictions, len(self.recipe.classes), names)
        for name, value in metrics.items():
            self.log(f"validation/{name}", value)
        # Masks and classes decide; presence breaks ties.
        main = [metrics[name] for name in ("dice", "macro_f1") if name in metrics]
        presence = metrics.get("auroc", torch.zeros(()))
        score = sum(main) + 0.2 * presence if main else presence
        self.log("validation/score", score, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.recipe.optimization
        # From scratch there is nothing to preserve: the first stages have as much to learn as the others.
        slow: set[int] = set()
        if isinstance(self.network, TransferNetwork) and self.recipe.network.pretrained:
            slow = {id(weight) for weight in self.network.encoder.parameters()}
        groups = []
        for relative_rate, chosen in ((settings.encoder_lr_multiplier, True), (1.0, False)):
            weights = [
                each for each in self.network.parameters() if each.requires_grad and (id(each) in slow) == chosen
            ]
            decayed = [weight for weight in weights if weight.ndim > 1]
            plain = [weight for weight in weights if weight.ndim <= 1]
            groups += [
                {"params": decayed, "relative_rate": relative_rate},
                {"params": plain, "relative_rate": relative_rate, "weight_decay": 0.0},
            ]
        groups = [group for group in groups if group["params"]]
        return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def step_seed(seed: int, epoch: int, step: int, rank: int = 0) -> int:
    """The random seed of one step, which does not depend on earlier interruptions.

    Args:
        seed: of the training.
        epoch, step: from zero; the step within the epoch.
        rank: of the process, so that distributed processes augment their images differently.
    """
    return int(np.random.SeedSequence((seed, epoch, step, rank)).generate_state(1)[0])


def train_sampler(cache: SliceCache, recipe: Recipe, rank: int = 0, world_size: int = 1) -> BalancedSliceSampler:
    """The sampler of a recipe's training slices, or of one process's share of them."""
    settings = recipe.optimization
    fractions = {
        name: fraction if isinstance(fraction, tuple) else (fraction, fraction)
        for name, fraction in settings.dataset_fractions.items()
    }
    return BalancedSliceSampler(
        cache, settings.negative_ratio, settings.seed, fractions, rank=rank, world_size=world_size
    )


def _whole_batch(prediction: dict[str, Tensor], batch: Batch) -> tuple[dict[str, Tensor], Batch]:
    """Predictions and truth of all processes' shares; the images are not gathered."""
    whole = {name: all_gather(prediction[name].float()) for name in ("mask", "presence", "type") if name in prediction}
    known = {name: all_gather(getattr(batch, name)) for name in ("masks", "has_mask", "present", "classes")}
    return whole, replace(batch, **known)


def whole_part(predictions: dict[str, Tensor]) -> dict[str, Tensor]:
    """All processes' validation predictions in the order of the slices, without those repeated to fill up shares."""
    whole = {name: all_gather(values) for name, values in predictions.items()}
    slices = whole["slice"]
    positions = torch.zeros_like(slices[: int(slices.max()) + 1])
    positions[slices] = torch.arange(len(slices), device=slices.device)
    return {name: values[positions] for name, values in whole.items()}


def validation_metrics(
    predictions: dict[str, Tensor], classes: int, compartments: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Mean Dice over cases, macro-F1 over classes and AUROC of presence, as far as they are defined.

    Of several data sets, Dice is the mean over the data sets, so that the largest does not dominate. Of several
    compartments it is the mean over them, beside the Dice of each.

    Args:
        predictions: of all slices, as collected by ``validation_step``.
        classes: number of classes.
        compartments: their names, if there are several.
    """
    metrics = {}
    if "presence" in predictions and 0 < predictions["present"].sum() < len(predictions["present"]):
        metrics["auroc"] = area_under_curve(predictions["presence"], predictions["present"] > 0)
    if "overlap" in predictions and predictions["has_mask"].any():
        means = []
        for source in predictions["source"][predictions["has_mask"]].unique():
            chosen = (predictions["source"] == source) & predictions["has_mask"]
            _, cases = predictions["case"][chosen].unique(return_inverse=True)
            shape = (int(cases.max()) + 1, *predictions["overlap"].shape[1:])
            zeros = torch.zeros(shape, device=cases.device)
            overlap = zeros.index_add(0, cases, predictions["overlap"][chosen].float())
            sizes = zeros.index_add(0, cases, predictions["sizes"][chosen].float())
            means.append(torch.where(sizes > 0, 2 * overlap / sizes.clamp(min=1), 1.0).mean(dim=0))
        each = torch.stack(means).mean(dim=0)
        metrics["dice"] = each.mean()
        metrics |= {f"dice_{name}": value for name, value in zip(compartments, each.flatten(), strict=False)}
    if "type" in predictions and (known := predictions["class"] != UNKNOWN_CLASS).any():
        truth, guess = predictions["class"][known], predictions["type"][known]
        hits = torch.bincount(truth[truth == guess], minlength=classes).float()
        sizes = torch.bincount(truth, minlength=classes) + torch.bincount(guess, minlength=classes)
        metrics["macro_f1"] = (2 * hits / sizes.clamp(min=1)).mean()
        metrics["accuracy"] = (truth == guess).float().mean()
    return metrics


def area_under_curve(scores: Tensor, positive: Tensor) -> Tensor:
    """Area under the ROC curve by mean ranks; a half if one class is absent."""
    count = positive.sum()
    others = len(positive) - count
    if count == 0 or others == 0:
        return scores.new_tensor(0.5)
    _, inverse, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    upper = counts.cumsum(0).float()
    ranks = (upper - (counts.float() - 1) / 2)[inverse]
    return (ranks[positive].sum() - count * (count + 1) / 2) / (count * others)
