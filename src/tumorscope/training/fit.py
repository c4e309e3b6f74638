"""A training, from a recipe and data sets to a run folder."""

from __future__ import annotations

import ctypes
import json
import logging
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, DistributedSampler
from tqdm import tqdm

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.datasets.combined import notes_of
from tumorscope.datasets.holdout import holdout_split
from tumorscope.datasets.labeled import LabeledCase, cases_of, check_split
from tumorscope.datasets.own_options import read_patients
from tumorscope.datasets.split import Split
from tumorscope.inference.bundles import Bundle
from tumorscope.models import build_network
from tumorscope.models.bundle_weights import load_bundle_weights
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.budget import Budget
from tumorscope.training.checkpoints import LoggedCheckpoint, MovableCheckpoint
from tumorscope.training.copies import LEFT_OUT_FILE, check_left_out, leave_out
from tumorscope.training.curves import LOG_FOLDER, draw_curves
from tumorscope.training.distributed import check_world_size, print_rank_zero, trainer_options
from tumorscope.training.ema import EMAWarmup
from tumorscope.training.finite import StopWhenNotFinite
from tumorscope.training.layers import LAYERS_FILE, layer_table
from tumorscope.training.leave_out_lists import read_leave_out_lists
from tumorscope.training.module import TumorModule, train_sampler
from tumorscope.training.plateau import ReduceOnPlateau
from tumorscope.training.precision import set_precision
from tumorscope.training.prepared import FOLDER as PREPARED_FOLDER
from tumorscope.training.prepared import SliceSettings, load_or_prepare, remove_prepared
from tumorscope.training.progress import is_watched, progress_callback
from tumorscope.training.run import SUMMARY_FILE, Run, open_datasets
from tumorscope.training.run_settings import check_same_training, first_start, write_settings
from tumorscope.training.slices import IndexDataset, SliceCache
from tumorscope.training.trained_classes import check_classes, check_tumors, with_classes, with_compartments

_STATISTICS_SLICES = 48
"""Number of training slices for the batch statistics of a bundle's layers."""


def train(
    recipe: Recipe,
    data: Mapping[str, Path],
    folder: Path,
    *,
    split: Split | None = None,
    fold: int | None = None,
    minutes: float | None = None,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    start_from: Bundle | None = None,
    leave_out_lists: Sequence[Path] = (),
    precision: str = "auto",
    patients: Path | None = None,
) -> Run:
    """Train a recipe, or continue an interrupted training in the same folder.

    Args:
        recipe: the experiment.
        data: the folder of each data set.
        folder: of the run; created if necessary.
        split: the patients of each part; None for the recipe's holdout, or the data set's own split.
        fold: of five folds, the one to test on, instead of a single split.
        minutes: time limit, at which the learning rate reaches zero.
        device: ``auto``, ``cpu`` or ``gpu``.
        devices: processes on this machine, one per GPU. All processes of all nodes share each batch.
        nodes: number of machines, each of which runs the same command.
        start_from: a bundle of the same network with the initial weights.
        leave_out_lists: files with cases to exclude from training and validation, see
            :mod:`tumorscope.training.leave_out_lists`.
        precision: ``bf16``, ``float32``, or ``auto`` for the faster one, see :mod:`tumorscope.training.precision`.
        patients: a table of the patients of the user's own cases; the run keeps a copy.

    A start that fails leaves no settings behind; slices that it has prepared stay for the next.

    Raises:
        TumorscopeError: the folder contains a training with other settings, another split or other patients, there is
            no GPU, a batch cannot be split evenly, there are no slices of a class, or the loss is not finite.
    """
    if device == "gpu" and not torch.cuda.is_available():
        raise TumorscopeError("--device gpu: PyTorch finds no GPU here; use --device cpu")
    check_world_size(devices, nodes, recipe.optimization.batch_size)
    run = Run(folder)
    resumed = run.last.exists()
    dataset = open_datasets(recipe, data, patients or (run.patients if resumed else None))
    listed = read_leave_out_lists(leave_out_lists, dataset)
    recipe = with_compartments(with_classes(recipe, dataset), dataset)
    if fold is not None:
        split = dataset.fold(fold, recipe.optimization.seed)
    if resumed:
        check_same_training(run, recipe, split, patients)
        split = run.split()
    elif split is None:
        split = dataset.split() if recipe.holdout is None else holdout_split(dataset, recipe.holdout)
    check_split(dataset, split)
    cases = {part: cases_of(dataset, split[part]) for part in ("train", "validation", "test")}
    if resumed:
        check_left_out(cases, folder, listed)
        if _has_ended(run.summary(), recipe.optimization.epochs, minutes):
            print_rank_zero(f"{folder}: this training has ended; nothing was changed")
            return run
    _keep_freed_memory()
    trainer, budget, best = _make_trainer(recipe, folder, minutes, device, devices, nodes)
    stated = None if patients is None else read_patients(patients)  # whose file may be in the run's folder
    first = trainer.is_global_zero
    with first_start(folder) if first and not resumed else nullcontext():
        chosen_precision = set_precision(trainer, recipe, folder, precision)
        if first:
            write_settings(folder, recipe, split, stated)
        for line in (*notes_of(dataset), *([f"split: {split.method}"] if split.method else [])):
            print_rank_zero(line)
        module = _fit(trainer, run, recipe, cases, listed, start_from)
    if not first:
        return run
    draw_curves(folder)
    summary = {
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "steps_an_epoch": int(trainer.num_training_batches),
        "minutes": round(budget.spent_s / 60, 1),
        "precision": chosen_precision,
        "best_score": None if best.best_model_score is None else float(best.best_model_score),
        "parameters": sum(parameter.numel() for parameter in module.network.parameters()),
        "split_hash": split.hash,
    }
    save_whole(folder / SUMMARY_FILE, f"{json.dumps(summary, indent=1)}\n".encode())
    remove_prepared(folder)
    return run


def _has_ended(summary: Mapping[str, Any], epochs: int, minutes: float | None) -> bool:
    """Whether a training has used up its epochs or minutes; the summary, written at its end, rounds minutes."""
    out_of_time = minutes is not None and summary.get("minutes", 0) >= round(minutes, 1)
    return bool(summary) and (summary["epochs"] >= epochs or out_of_time)


def _fit(
    trainer: lightning.Trainer,
    run: Run,
    recipe: Recipe,
    cases: Mapping[str, Sequence[LabeledCase]],
    listed: Mapping[str, str],
    start_from: Bundle | None,
) -> TumorModule:
    """Prepare the slices and train on them, from the last checkpoint if there is one."""
    first, resumed = trainer.is_global_zero, run.last.exists()
    lightning.seed_everything(recipe.optimization.seed, verbose=False)
    # Weights that cannot be had are told before the data are prepared; those of a bundle or checkpoint replace them.
    network = build_network(recipe if start_from is None and not resumed else recipe.from_scratch())
    if recipe.leave_out_copies or listed or (run.folder / LEFT_OUT_FILE).exists():
        cases = leave_out(cases, run.folder, copies=recipe.leave_out_copies, listed=listed, resumed=resumed)
    parts = _prepare(recipe, run.folder, cases, progress=first)
    check_classes(recipe, parts["train"])
    check_tumors(recipe, parts["train"], cast("tuple[str, ...]", network.outputs))
    module = TumorModule(recipe, parts["train"], parts["validation"], network)
    if first:
        save_whole(run.folder / LAYERS_FILE, layer_table(module, recipe).encode())
    if start_from is not None and not resumed:
        spread = torch.linspace(0, len(parts["train"]) - 1, min(_STATISTICS_SLICES, len(parts["train"]))).long()
        images = parts["train"].batch(spread, recipe.preparation.adjacent_slices).images
        load_bundle_weights(module.network, start_from, images)
    trainer.fit(
        module,
        *_loaders(parts["train"], parts["validation"], recipe, trainer.global_rank, trainer.world_size),
        ckpt_path=str(run.last) if resumed else None,
        weights_only=False,
    )
    return module


def _prepare(
    recipe: Recipe, folder: Path, cases: Mapping[str, Sequence[LabeledCase]], *, progress: bool
) -> dict[str, SliceCache]:
    """The slices of the training and validation parts, prepared or as an interrupted training left them."""
    parts = {
        part: load_or_prepare(
            folder / PREPARED_FOLDER / f"{part}.npz",
            cases[part],
            _slice_settings(recipe, part),
            partial(tqdm, desc=f"preparing {part}", leave=False, disable=None if progress else True),
        )
        for part in ("train", "validation")
    }
    for part, store in parts.items():
        print_rank_zero(f"{part}: {len(store.names)} cases, {len(store)} slices")
        for case, why in store.unreadable.items():
            print_rank_zero(f"  left out {case}: {why}")
    return parts


def _loaders(
    train: SliceCache, validation: SliceCache, recipe: Recipe, rank: int, world_size: int
) -> tuple[DataLoader, DataLoader]:
    """Batches of indices for one process of several: drawn for training, in order for validation."""
    batch_size = recipe.optimization.batch_size
    drawn = train_sampler(train, recipe, rank, world_size)
    evaluated = IndexDataset(len(validation))
    in_order = DistributedSampler(evaluated, world_size, rank, shuffle=False)
    return (
        DataLoader(IndexDataset(len(train)), min(batch_size // world_size, len(drawn)), sampler=drawn, drop_last=True),
        DataLoader(evaluated, batch_size, sampler=in_order),
    )


def _slice_settings(recipe: Recipe, part: str) -> SliceSettings:
    """How the cases of a part are prepared; only training sees versions in other styles."""
    restyled = recipe.augmentation.restyled if part == "train" else 0
    return SliceSettings(
        recipe.preparation,
        recipe.classes,
        recipe.sequences,
        restyled,
        seed=recipe.optimization.seed,
        compartments=recipe.compartments,
    )


def _make_trainer(
    recipe: Recipe, folder: Path, minutes: float | None, device: str, devices: int, nodes: int
) -> tuple[lightning.Trainer, Budget, MovableCheckpoint]:
    """Lightning's trainer, from which on the rank of this process is known."""
    settings = recipe.optimization
    budget = Budget(settings.epochs, minutes)
    best = MovableCheckpoint(
        folder, "best", monitor="validation/score", mode="max", enable_version_counter=False, save_weights_only=True
    )
    last = LoggedCheckpoint(
        folder, "last", every_n_epochs=1, save_on_train_epoch_end=True, enable_version_counter=False
    )
    callbacks = [budget, StopWhenNotFinite(Run(folder).last), best, last, progress_callback()]
    if settings.ema_decay:
        callbacks.append(EMAWarmup(settings.ema_decay))
    if settings.early_stopping:
        patience = math.ceil(settings.early_stopping / settings.validate_every)
        callbacks.append(EarlyStopping("validation/score", mode="max", patience=patience))
    if settings.schedule == "plateau":
        callbacks.append(ReduceOnPlateau())
    # A new log for every start, because the logger empties an existing one.
    starts = len(list((folder / LOG_FOLDER).glob("*")))
    _quieten_lightning()
    trainer = lightning.Trainer(
        accelerator=device,
        max_epochs=settings.epochs,
        callbacks=callbacks,
        logger=CSVLogger(folder, name=LOG_FOLDER, version=str(starts), flush_logs_every_n_steps=1),
        default_root_dir=folder,
        check_val_every_n_epoch=settings.validate_every,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        gradient_clip_val=1.0,
        enable_model_summary=False,
        enable_progress_bar=is_watched(),  # Lightning adds a bar of its own where none is given
        **trainer_options(devices, nodes, on_gpu=device != "cpu" and torch.cuda.is_available()),
    )
    return trainer, budget, best


def _quieten_lightning() -> None:
    """No hints at services on the web, nor warnings about what is meant: a run's folder holds its recipe already."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings(
        "ignore", ".*isinstance.treespec, LeafSpec.. is deprecated"
    )  # Lightning's own use of PyTorch


def _keep_freed_memory() -> None:
    """Let glibc keep freed blocks, which makes training on the CPU up to twice as fast."""
    if sys.platform == "linux":
        try:
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(-3, 2**31 - 1)  # M_MMAP_THRESHOLD
            libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
        except (OSError, AttributeError):
            pass  # another C library: slower, nothing else
