"""Whether a batch's memory stays flat: resident memory while `analyze` works through many tiny phantom cases.

    python benchmarks/batch_memory.py [--cases 300] [--slices 2] [--size 64]

The table shows the process's resident memory after every tenth part of the cases; the last line is the growth
in kilobytes per case over the second half, when caches are full.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tumorscope.cli import running
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti
from tumorscope.reporting.outputs import OutputOptions
from tumorscope.studies import case as case_module
from tumorscope.studies.case import AnalysisOptions, Case, Outcome


def resident_mb() -> float:
    """What the process has in memory, by Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--slices", type=int, default=2)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--pdf", action="store_true", help="write the report on paper too")
    given = parser.parse_args()
    seen: list[float] = []

    def watched(*arguments: object, **options: object) -> Outcome:
        outcome = case_module.run_case(*arguments, **options)  # type: ignore[arg-type]
        seen.append(resident_mb())
        return outcome

    running.run_case = watched
    with tempfile.TemporaryDirectory() as folder:
        phantom = make_phantom([plausible_lesion(0)], shape=(given.slices, given.size, given.size))
        scan = write_nifti(phantom, Path(folder) / "in")["flair"]
        batch = [Case(scan)] * given.cases
        options = AnalysisOptions(input_check=False, outputs=OutputOptions(pdf=given.pdf))
        with contextlib.redirect_stdout(io.StringIO()):
            running.run_cases(batch, Path(folder) / "out", "lgg", engine="onnxruntime", options=options)
    table = Table(box=None, pad_edge=False)
    table.add_column("cases done")
    table.add_column("resident, MB")
    for done in np.linspace(1, given.cases, 11).astype(int):
        table.add_row(str(done), f"{seen[done - 1]:.1f}")
    console = Console()
    console.print(table)
    half = np.arange(given.cases // 2, given.cases)
    growth = np.polyfit(half, np.array(seen)[half], 1)[0] * 1024 if len(half) > 1 else 0.0
    console.print(f"growth over the second half: {growth:.1f} KB per case")


if __name__ == "__main__":
    main()
