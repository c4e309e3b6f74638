"""Where a 60-slice case spends its time, stage by stage, and its peak memory.

Runs `tumorscope analyze` on a phantom in a process of its own, as a user would. The share
of inference is of the time after start-up, that is of the stages in `analysis.json`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        phantom = make_phantom([plausible_lesion(0)], shape=(60, 256, 256))
        files = write_nifti(phantom, folder / "scan")
        named = [part for name, path in files.items() if name != "mask" for part in ("--sequence", f"{name}={path}")]
        process = subprocess.Popen(
            [sys.executable, "-m", "tumorscope", "analyze", *named, "-o", str(folder / "out"), *sys.argv[1:]],
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))
        document = json.loads(next((folder / "out").glob("*/analysis.json")).read_text())
    stages = document["timing_ms"]
    total = sum(stages.values())
    table = Table(
        "stage", "ms", "share", title=f"60 slices, {document['engine']['runtime']} {document['engine']['precision']}"
    )
    for stage, milliseconds in stages.items():
        table.add_row(stage, f"{milliseconds:.0f}", f"{milliseconds / total:.0%}")
    table.add_row("all", f"{total:.0f}", "100%")
    Console().print(table)
    print(f"Peak memory: {usage.ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
