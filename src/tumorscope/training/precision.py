"""In which precision a network is trained: bfloat16 where it is faster, else float32.

A processor's flags tell little. bfloat16 is several times faster than float32 with AMX or on a GPU, and
several times slower on a CPU that has to emulate it, so a few steps of the recipe's own network are timed.
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
from tumorscope.training.processes import say

Precision = Literal["bf16", "float32"]
PRECISION_FILE = "precision.txt"

_CLEARLY_FASTER = 0.9
"""bfloat16 rounds to three digits: it must be worth it."""
_SLICES_ON_CPU = 4
_TIMED_STEPS = 2
_PATIENCE_S = 600


def set_precision(trainer: lightning.Trainer, recipe: Recipe, folder: Path, wanted: str = "auto") -> Precision:
    """Let a trainer work in the precision that is wanted, or is faster here, and say which that is.

    The choice is kept in the run's folder: a resumed training goes on with it, and so do all
    processes that train together, so that only the first one measures.

    Args:
        trainer: not yet started.
        recipe: whose network is timed.
        folder: of the run.
        wanted: ``auto``, ``bf16`` or ``float32``.

    Raises:
        TumorscopeError: there is no such precision, or the first process did not choose one.
    """
    file = folder / PRECISION_FILE
    if wanted in get_args(Precision):
        precision, why = wanted, "as asked"
    elif wanted != "auto":
        raise TumorscopeError(f"--precision {wanted}: choose auto, {' or '.join(get_args(Precision))}")
    elif not trainer.is_global_zero:
        precision, why = _wait_for(file), ""
    elif file.exists():
        precision, why = file.read_text().strip(), "as this training began; --precision overrules it"
    else:
        seconds = time_steps(recipe, trainer.strategy.root_device)
        precision = "bf16" if seconds["bf16"] < _CLEARLY_FASTER * seconds["float32"] else "float32"
        why = "measured a slice: " + ", ".join(f"{name} {spent:.2g} s" for name, spent in seconds.items())
    if trainer.is_global_zero:
        save_whole(file, f"{precision}\n".encode())
        say(f"precision: {precision} ({why})")
    if precision == "bf16":
        trainer.strategy.precision_plugin = MixedPrecision("bf16-mixed", trainer.strategy.root_device.type)
    return "bf16" if precision == "bf16" else "float32"


def time_steps(recipe: Recipe, device: torch.device) -> dict[Precision, float]:
    """Seconds a slice that forward and backward pass take in each precision, after one step to warm up.

    What the recipe's weights are makes no difference, so none are fetched.
    """
    count = recipe.optimization.batch_size
    if device.type == "cpu":  # a GPU is only busy with the whole batch; on a CPU a few slices tell as much
        count = min(count, _SLICES_ON_CPU)
    resizing = recipe.optimization.progressive_resizing
    size = recipe.preparation.size if resizing is None else resizing.size
    images = torch.zeros(max(2, count), recipe.channels_in, size, size, device=device)
    images = images.to(memory_format=torch.channels_last)
    seconds: dict[Precision, float] = dict.fromkeys(get_args(Precision), math.inf)
    with torch.random.fork_rng():  # the training's own chance stays as it is
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
    """What the first process has chosen; on several machines they start at the same time."""
    until = time.monotonic() + _PATIENCE_S
    while not file.exists():
        if time.monotonic() > until:
            raise TumorscopeError(f"{file}: the first process did not choose a precision; add --precision float32")
        time.sleep(0.5)
    return file.read_text().strip()
