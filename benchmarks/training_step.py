"""A training step of a recipe in bfloat16 and in float32, and how much of the machine's peak it reaches.

Older versions always trained in bfloat16; now a training takes what a short trial finds faster. With ``--isa AVX2`` a
processor with AMX computes as one without it does, which emulates bfloat16. The peak is that of a large float32 product.

    python benchmarks/training_step.py [--recipe lgg-compact] [--isa AVX2]
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="lgg-compact")
    parser.add_argument("--isa", help="the most that oneDNN and MKL may use, such as AVX2")
    given = parser.parse_args()
    if given.isa:  # read as PyTorch is imported
        os.environ["ONEDNN_MAX_CPU_ISA"] = given.isa
        os.environ["MKL_ENABLE_INSTRUCTIONS"] = given.isa
        os.environ["ATEN_CPU_CAPABILITY"] = given.isa.lower()

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from tumorscope.models import build_network
    from tumorscope.recipes.experiment import load_recipe
    from tumorscope.training.precision import time_steps

    recipe = load_recipe(given.recipe)
    seconds = time_steps(recipe, torch.device("cpu"))
    resizing = recipe.optimization.progressive_resizing
    size = recipe.preparation.size if resizing is None else resizing.size
    with FlopCounterMode(display=False) as counter:
        outputs = build_network(recipe.from_scratch())(torch.zeros(2, recipe.channels_in, size, size))
        sum(values.float().mean() for values in outputs.values()).backward()
    operations = counter.get_total_flops() / 2
    peak = _peak(torch)
    print(f"{given.recipe}, {size}×{size}, {torch.get_num_threads()} threads, {given.isa or 'all instructions'}")
    for precision, spent in seconds.items():
        share = operations / spent / peak
        print(f"{precision}: {1 / spent:.2f} slices/s, {share:.0%} of the float32 peak of {peak / 1e9:.0f} GFLOP/s")
    print(f"float32 is {seconds['bf16'] / seconds['float32']:.1f} times as fast as bf16")


def _peak(torch: Any) -> float:
    """Operations a second of a large product in float32, the best of three."""
    side = 2048
    a, b = torch.rand(side, side), torch.rand(side, side)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - started)
    return 2 * side**3 / min(times)


if __name__ == "__main__":
    main()
