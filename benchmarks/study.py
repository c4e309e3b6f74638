"""Where a DICOM study spends its time on the way to SEG, SR and PDF, stage by stage, and its peak memory.

Runs `tumorscope analyze` on a phantom study (FLAIR, T1 and T1 with contrast, 60 slices each, one
file a slice) in a process of its own, as a user would: from the shell's point of view, start-up
included, and a second study in the same process, which is what each further one costs.

    python benchmarks/study.py [--size 256] [--other-grids] [options of `tumorscope analyze`]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from dicom_making import Grid, oblique, write_study

SLICES = 60
HEAD_MM = 230.0


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="rows and columns")
    parser.add_argument("--other-grids", action="store_true", help="T1 and T1c tilted, to be resampled")
    chosen, options = parser.parse_known_args()
    pixel = HEAD_MM / chosen.size
    flair = Grid((SLICES, chosen.size, chosen.size), (2.4, pixel, pixel))
    tilted = Grid(flair.shape, flair.spacing_mm, oblique(6, 3, 0))
    other = tilted if chosen.other_grids else flair
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("first", "second"):
            write_study(folder / "in" / name, grids={"flair": flair, "t1": other, "t1c": other}, study=name)
        command = [sys.executable, "-m", "tumorscope", "analyze", *map(str, sorted((folder / "in").iterdir()))]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "-o", str(folder / "out"), *options], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))
        made = sorted(path.name for path in (folder / "out" / "second").iterdir())
        first, second = (
            json.loads((folder / "out" / name / "analysis.json").read_text()) for name in ("first", "second")
        )
    totals = [sum(document["timing_ms"].values()) for document in (first, second)]
    engine = second["engine"]
    table = Table(
        "stage", "first, ms", "share", "second, ms", "share",
        title=f"{SLICES} slices of {chosen.size}×{chosen.size} in three series, {engine['runtime']} {engine['precision']}",
    )  # fmt: skip
    for stage, milliseconds in second["timing_ms"].items():
        once = first["timing_ms"][stage]
        table.add_row(
            stage, f"{once:.0f}", f"{once / totals[0]:.0%}", f"{milliseconds:.0f}", f"{milliseconds / totals[1]:.0%}"
        )
    table.add_row("all", f"{totals[0]:.0f}", "100%", f"{totals[1]:.0f}", "100%")
    Console(width=100).print(table)
    start_up = wall * 1000 - sum(totals)
    print(f"One study from the shell: {(start_up + totals[0]) / 1000:.2f} s, {start_up / 1000:.2f} s of it start-up")
    print(f"Peak memory: {usage.ru_maxrss / 1024:.0f} MB. Written: {', '.join(made)}")


if __name__ == "__main__":
    main()
