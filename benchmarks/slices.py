"""How fast a slice is segmented: the shipped bundles in every engine, PyTorch, and Buda's U-Net.

All run in this one process, in turn, on the same slices and the same number of threads; the
median over the rounds is taken, and what is printed beside it is the ratio to Buda's U-Net.
``analyze`` computes masks only where presence does not rule them out: those rows depend on how many slices show a
tumor, so that --scan names a real patient. Needs the extras `train` and `fast`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from tumorscope.datasets.phantom import demo_phantom
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.channels import arrange_channels
from tumorscope.inference.engine import load_engine
from tumorscope.inference.postprocessing import slices_to_localize
from tumorscope.inference.sessions import threads
from tumorscope.io import open_scan
from tumorscope.models.compact import CompactNet
from tumorscope.preprocessing import Preparation, prepare
from tumorscope.recipes.experiment import load_recipe


class BudaUNet(nn.Module):
    """The U-Net of Buda et al. (2019) by its published shape: 32 first features, four scales."""

    def __init__(self, features: int = 32) -> None:
        super().__init__()
        widths = [features * 2**level for level in range(5)]
        self.down = nn.ModuleList(self.block(a, b) for a, b in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in widths[-2::-1])
        self.merge = nn.ModuleList(self.block(2 * w, w) for w in widths[-2::-1])
        self.head = nn.Conv2d(features, 1, 1)

    @staticmethod
    def block(channels_in: int, channels_out: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for channels in (channels_in, channels_out):
            layers += [
                nn.Conv2d(channels, channels_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels_out),
                nn.ReLU(True),
            ]
        return nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else nn.functional.max_pool2d(x, 2))
            skips.append(x)
        for up, merge, skip in zip(self.up, self.merge, skips[-2::-1], strict=True):
            x = merge(torch.cat([up(x), skip], 1))
        return torch.sigmoid(self.head(x))


def contestants(voxels: np.ndarray) -> dict[str, Callable[[], object]]:
    """Each predicts for all slices of one scan, batch 1, as a viewer would request it."""
    bundle, single = load_bundle("lgg"), load_bundle("t1c")
    images = prepare(voxels, bundle.card.preparation).images
    gray = prepare(voxels[..., :1], single.card.preparation).images
    full = torch.from_numpy(prepare(voxels, Preparation(size=256)).images)
    recipe = load_recipe("lgg-compact")
    eager = CompactNet(recipe.channels_in, recipe.network.widths).eval()
    stacked = torch.randn(len(images), recipe.channels_in, *images.shape[2:])
    buda = BudaUNet().eval()
    needed = partial(slices_to_localize, card=bundle.card, sampled=False)

    def run_torch(network: nn.Module, inputs: torch.Tensor) -> None:
        with torch.inference_mode():
            for index in range(len(inputs)):
                network(inputs[index : index + 1])

    found: dict[str, Callable[[], object]] = {
        "U-Net of Buda's shape, 256×256, PyTorch": lambda: run_torch(buda, full),
        "lgg-compact, PyTorch": lambda: run_torch(eager, stacked),
    }
    for runtime in ("onnxruntime", "openvino"):
        for precision in ("float", "int8"):
            engine = load_engine(bundle, runtime, precision)
            name = f"bundle lgg, {runtime}, {precision}"
            found[name] = lambda engine=engine: engine.run(images)
            found[f"{name}, masks where needed"] = lambda engine=engine: engine.run(images, needed=needed)
            larger = load_engine(single, runtime, precision)
            found[f"bundle t1c, {runtime}, {precision}"] = lambda engine=larger: engine.run(gray)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slices", type=int, default=24, help="of the phantom")
    parser.add_argument("--scan", type=Path, help="a patient's scan instead of the phantom")
    own = parser.parse_args()
    rounds = own.rounds
    torch.set_num_threads(threads())
    scan = open_scan(own.scan) if own.scan else demo_phantom(shape=(own.slices, 256, 256)).scan
    voxels, _ = arrange_channels(scan, load_bundle("lgg").card)
    runs = contestants(voxels)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - started) / len(voxels) * 1000)
    reference = next(iter(times.values()))
    table = Table("network and engine", "ms a slice", "times faster", title=f"{threads()} threads, {rounds} rounds")
    for name, measured in times.items():
        ratio = statistics.median(a / b for a, b in zip(reference, measured, strict=True))
        table.add_row(name, f"{statistics.median(measured):.1f}", f"{ratio:.1f}")
    Console().print(table)
    parameters = sum(p.numel() for p in BudaUNet().parameters())
    print(f"Parameters of the U-Net of Buda's shape: {parameters / 1e6:.2f} M")


if __name__ == "__main__":
    main()
