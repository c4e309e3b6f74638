"""Where a 60-slice case spends its time, stage by stage, and its peak memory.

Runs `tumorscope analyze` on a phantom in a process of its own, as a user would, on the same
case three times: the first pays for start-up (importing libraries, warming the network), the
last is what each further case costs. Times are the stages in `analysis.json`. Other options than
`--slices` go to `analyze`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti

CASES = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=60)
    own, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        phantom = make_phantom([plausible_lesion(0)], shape=(own.slices, 256, 256))
        for number in range(CASES):
            write_nifti(phantom, folder / "cases" / f"case{number}")
            (folder / "cases" / f"case{number}" / "mask.nii.gz").unlink()
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tumorscope",
                "analyze",
                str(folder / "cases"),
                "-o",
                str(folder / "out"),
                *options,
            ],
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))
        paths = sorted((folder / "out").glob("*/analysis.json"))
        first, *_, document = [json.loads(path.read_text()) for path in paths]
    stages = document["timing_ms"]
    total = sum(stages.values())
    engine = document["engine"]
    title = f"{own.slices} slices, {engine['runtime']} {engine['precision']}"
    table = Table("stage", "ms", "share", title=title)
    for stage, milliseconds in stages.items():
        table.add_row(stage, f"{milliseconds:.0f}", f"{milliseconds / total:.0%}")
    table.add_row("all", f"{total:.0f}", "100%")
    Console().print(table)
    print(f"The first case, start-up included: {sum(first['timing_ms'].values()):.0f} ms")
    print(f"Peak memory: {usage.ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
