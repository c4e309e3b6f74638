"""One training step, one validation, and the learning rate, as Lightning wants them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.bundles.card import NO_TUMOR
from tumorscope.networks import build_network
from tumorscope.networks.transfer import TransferNetwork
from tumorscope.recipe import DenseUNetSettings, Recipe, TransferSettings
from tumorscope.training.augmentation import augment
from tumorscope.training.losses import MASK_LOSSES
from tumorscope.training.processes import gathered, processes
from tumorscope.training.slices import UNKNOWN_CLASS, BalancedSlices, Batch, SliceStore


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
        self.positive_weight, self.class_weights = 1.0, torch.ones(max(1, len(recipe.classes)))
        if training is not None and recipe.loss.class_weights:
            shown, empty = drawn_slices(training, recipe).drawn
            self.positive_weight = empty / max(1, shown) if empty else 1.0
            known = training.classes[training.classes != UNKNOWN_CLASS]
            counts = torch.bincount(known, minlength=len(self.class_weights)).clamp(min=1)
            self.class_weights = len(known) / (len(counts) * counts.float())
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
        batch = self.store("training").batch(indices, recipe.preparation.context)
        pictures, masks = augment(
            batch.pictures,
            batch.masks,
            recipe.augmentation,
            sequences=len(recipe.sequences),
            fallback=self.fallback,
            size=self._picture_size(),
        )
        answer = self(pictures)
        batch = replace(batch, pictures=pictures, masks=masks)
        if processes() > 1:
            answer, batch = _whole_batch(answer, batch)
        terms = self._loss_terms(answer, batch)
        for name, term in terms.items():
            self.log(f"train/{name}_loss", term, on_step=False, on_epoch=True, batch_size=len(indices))
        weights = {"mask": 1.0, "presence": recipe.loss.presence_weight, "type": recipe.loss.type_weight}
        # A single answer needs no weight against others.
        loss = sum((weights[name] if len(terms) > 1 else 1.0) * term for name, term in terms.items())
        loss = loss + pictures.new_zeros(())
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(indices))
        return loss

    def _loss_terms(self, answer: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """One term for each answer, over the slices whose truth is known."""
        terms = {}
        outlined, classed = batch.outlined, batch.classes != UNKNOWN_CLASS
        if "mask" in answer and outlined.any():
            terms["mask"] = MASK_LOSSES[self.recipe.loss.mask](answer["mask"].float()[outlined], batch.masks[outlined])
        if "presence" in answer:
            terms["presence"] = functional.binary_cross_entropy_with_logits(
                answer["presence"].float(), batch.present, pos_weight=batch.present.new_tensor(self.positive_weight)
            )
        if "type" in answer and classed.any():
            terms["type"] = functional.cross_entropy(
                answer["type"].float()[classed],
                batch.classes[classed],
                self.class_weights.to(batch.classes.device),
                label_smoothing=self.recipe.loss.label_smoothing,
            )
        return terms

    def _picture_size(self) -> int:
        settings = self.recipe.optimization
        if settings.small_size and self.progress < settings.small_until:
            return settings.small_size
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
        batch = store.batch(indices, self.recipe.preparation.context)
        answer = self(batch.pictures)
        kept = {
            "slice": indices,
            "case": store.cases[indices],
            "source": store.sources[indices],
            "present": batch.present,
            "class": batch.classes,
            "outlined": batch.outlined,
        }
        if "type" in answer:
            kept["type"] = answer["type"].float().argmax(dim=1)
            if NO_TUMOR in self.recipe.classes:
                none = self.recipe.classes.index(NO_TUMOR)
                kept["presence"] = 1 - answer["type"].float().softmax(dim=1)[:, none]
        if "presence" in answer:
            kept["presence"] = answer["presence"].float().sigmoid()
        if "mask" in answer:
            guess, truth = answer["mask"].float() > 0, batch.masks >= 0.5
            kept["overlap"] = (guess & truth).sum(dim=(1, 2))
            kept["sizes"] = guess.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
            kept.setdefault("presence", answer["mask"].float().amax(dim=(1, 2)).sigmoid())
        self._answers.append(kept)

    def on_validation_epoch_end(self) -> None:
        answers = {key: torch.cat([part[key] for part in self._answers]) for key in self._answers[0]}
        self._answers.clear()
        if processes() > 1:
            answers = whole_part(answers)
        figures = validation_figures(answers, len(self.recipe.classes))
        for name, value in figures.items():
            self.log(f"validation/{name}", value)
        # Outlines and classes decide; presence breaks ties between networks that are equally good at those.
        main = [figures[name] for name in ("dice", "macro_f1") if name in figures]
        presence = figures.get("auroc", torch.zeros(()))
        score = sum(main) + 0.2 * presence if main else presence
        self.log("validation/score", score, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.recipe.optimization
        # From scratch nothing is worth being kept, and the first stages have as much to learn as the rest.
        knows = isinstance(self.recipe.network, TransferSettings | DenseUNetSettings) and self.recipe.network.weights
        slow = (
            {id(weight) for weight in self.network.encoder.parameters()}
            if knows and isinstance(self.network, TransferNetwork)
            else set()
        )
        groups = []
        for relative_rate, chosen in ((settings.pretrained_rate, True), (1.0, False)):
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


def step_seed(seed: int, epoch: int, step: int, process: int = 0) -> int:
    """What chance is drawn from in one step: the same whether or not the training was interrupted before.

    Args:
        seed: of the training.
        epoch, step: from zero; the step within the epoch.
        process: each of several that learn together changes its own images in its own way.
    """
    return int(np.random.SeedSequence((seed, epoch, step, process)).generate_state(1)[0])


def drawn_slices(store: SliceStore, recipe: Recipe, process: int = 0, processes: int = 1) -> BalancedSlices:
    """What an epoch of a recipe's training draws, or one process's share of it."""
    settings = recipe.optimization
    shares = {
        str(name): share if isinstance(share, tuple) else (share, share) for name, share in settings.shares.items()
    }
    return BalancedSlices(store, settings.empty_slices, settings.seed, shares, process=process, processes=processes)


def _whole_batch(answer: dict[str, Tensor], batch: Batch) -> tuple[dict[str, Tensor], Batch]:
    """Answers and truth of all processes' shares; the pictures stay where they are."""
    whole = {name: gathered(answer[name].float()) for name in ("mask", "presence", "type") if name in answer}
    known = {name: gathered(getattr(batch, name)) for name in ("masks", "outlined", "present", "classes")}
    return whole, replace(batch, **known)


def whole_part(answers: dict[str, Tensor]) -> dict[str, Tensor]:
    """All processes' validation answers in the order of the slices; those dealt twice to fill up count once."""
    whole = {name: gathered(values) for name, values in answers.items()}
    slices = whole["slice"]
    places = torch.zeros_like(slices[: int(slices.max()) + 1])
    places[slices] = torch.arange(len(slices), device=slices.device)
    return {name: values[places] for name, values in whole.items()}


def validation_figures(answers: dict[str, Tensor], classes: int) -> dict[str, Tensor]:
    """Mean Dice over cases, macro-F1 over classes and AUROC of presence, those that have a value.

    Of several data sets the Dice is the mean of each one's, so that the largest does not
    speak for all.

    Args:
        answers: what ``validation_step`` keeps, all slices together.
        classes: how many there are.
    """
    figures = {}
    if "presence" in answers and 0 < answers["present"].sum() < len(answers["present"]):
        figures["auroc"] = area_under_curve(answers["presence"], answers["present"] > 0)
    if "overlap" in answers and answers["outlined"].any():
        means = []
        for source in answers["source"][answers["outlined"]].unique():
            chosen = (answers["source"] == source) & answers["outlined"]
            _, cases = answers["case"][chosen].unique(return_inverse=True)
            zeros = torch.zeros(int(cases.max()) + 1, device=cases.device)
            overlap = zeros.index_add(0, cases, answers["overlap"][chosen].float())
            sizes = zeros.index_add(0, cases, answers["sizes"][chosen].float())
            means.append(torch.where(sizes > 0, 2 * overlap / sizes.clamp(min=1), 1.0).mean())
        figures["dice"] = torch.stack(means).mean()
    if "type" in answers and (known := answers["class"] != UNKNOWN_CLASS).any():
        truth, guess = answers["class"][known], answers["type"][known]
        hits = torch.bincount(truth[truth == guess], minlength=classes).float()
        sizes = torch.bincount(truth, minlength=classes) + torch.bincount(guess, minlength=classes)
        figures["macro_f1"] = (2 * hits / sizes.clamp(min=1)).mean()
        figures["accuracy"] = (truth == guess).float().mean()
    return figures


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
