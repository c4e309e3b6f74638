"""The precision of the training: bfloat16 if it is faster, otherwise float32.

A processor's flags do not predict this: bfloat16 is several times faster than float32 with AMX or on a GPU, and
several times slower on a CPU that emulates it. So a few steps of the recipe's own network are timed.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Literal, get_args

import lightning
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.models import build_network
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.distributed import print_rank_zero

Precision = Literal["bf16", "float32"]
PRECISION_FILE = "precision.txt"

_CLEARLY_FASTER = 0.9
"""Largest time relative to float32 for which bfloat16, which rounds to three digits, is chosen."""
_SLICES_ON_CPU = 4
_TIMED_STEPS = 2
_TIMEOUT_S = 600


def set_precision(trainer: lightning.Trainer, recipe: Recipe, folder: Path, wanted: str = "auto") -> Precision:
    """Set a trainer's precision to the wanted one, or to the faster one on this machine, and print it.

    The choice is stored in the run's folder, from where a resumed training and all other processes
    read it, so that only the first process measures.

    Args:
        trainer: not yet started.
        recipe: its network is timed.
        folder: of the run.
        wanted: ``auto``, ``bf16`` or ``float32``.

    Raises:
        TumorscopeError: there is no such precision, or the first process did not choose one.
    """
    file = folder / PRECISION_FILE
    if wanted in get_args(Precision):
        precision, why = wanted, "as requested"
    elif wanted != "auto":
        raise TumorscopeError(f"--precision {wanted}: choose auto, {' or '.join(get_args(Precision))}")
    elif not trainer.is_global_zero:
        precision, why = _wait_for(file), ""
    elif file.exists():
        precision, why = file.read_text().strip(), "as this training began; --precision overrules it"
    else:
        seconds = time_steps(recipe, trainer.strategy.root_device)
        precision = "bf16" if seconds["bf16"] < _CLEARLY_FASTER * seconds["float32"] else "float32"
        why = "measured per slice: " + ", ".join(f"{name} {spent:.2g} s" for name, spent in seconds.items())
    if trainer.is_global_zero:
        save_whole(file, f"{precision}\n".encode())
        print_rank_zero(f"precision: {precision} ({why})")
    if precision == "bf16":
        trainer.strategy.precision_plugin = MixedPrecision("bf16-mixed", trainer.strategy.root_device.type)
    return "bf16" if precision == "bf16" else "float32"


def time_steps(recipe: Recipe, device: torch.device) -> dict[Precision, float]:
    """Seconds per slice of a forward and backward pass in each precision, after one step to warm up.

    The initial weights make no difference, so none are downloaded.
    """
    count = recipe.optimization.batch_size
    if device.type == "cpu":  # a GPU needs the whole batch to be busy; a CPU does not
        count = min(count, _SLICES_ON_CPU)
    resizing = recipe.optimization.progressive_resizing
    size = recipe.preparation.size if resizing is None else resizing.size
    images = torch.zeros(max(2, count), recipe.channels_in, size, size, device=device)
    images = images.to(memory_format=torch.channels_last)
    seconds: dict[Precision, float] = dict.fromkeys(get_args(Precision), math.inf)
    with torch.random.fork_rng():  # keeps the state of the training's random generator
        network = build_network(recipe.from_scratch()).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for step in range(1 + _TIMED_STEPS):
            for precision in seconds:
                spent = _step_s(network, images, precision) / len(images)
                if step:
                    seconds[precision] = min(seconds[precision], spent)
    return seconds


def _step_s(network: nn.Module, images: Tensor, precision: Precision) -> float:
    since = time.monotonic()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
        outputs = network(images)
        loss = sum((values.float().mean() for values in outputs.values()), images.new_zeros(()))
    loss.backward()
    network.zero_grad()
    if images.device.type != "cpu":
        torch.accelerator.synchronize()
    return time.monotonic() - since


def _wait_for(file: Path) -> str:
    """The choice of the first process; on several machines all processes start at the same time."""
    until = time.monotonic() + _TIMEOUT_S
    while not file.exists():
        if time.monotonic() > until:
            raise TumorscopeError(f"{file}: the first process did not choose a precision; add --precision float32")
        time.sleep(0.5)
    return file.read_text().strip()
