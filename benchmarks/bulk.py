"""Bulk analysis against the plain path: the same cases, in turn, in one run; and what a slice costs.

    python benchmarks/bulk.py LGG/kaggle_3m FIGSHARE/*.mat --limit 40

Every way of running is a process of its own, start-up included, and all of them are run once
in each round, so that what else the machine does falls on all alike; what counts are the ratios
to the plain path, medians over the rounds. CPU seconds are of all cores and hardly depend on
how busy the machine is. The cost of a case is then fitted as ``a + b · slices``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

STAGES = {
    "read": ("reading",),
    "prepare": ("input_check", "preparing"),
    "infer": ("inference",),
    "measure": ("segmenting", "measuring"),
    "write": ("panel", "mask", "dicom", "report", "pdf"),
}


def analyze_all(way: str, out: Path, paths: list[str], engine: str, precision: str) -> None:
    """What one of the processes does; ``way`` is plain or a number of actors."""
    from tumorscope.cli import running
    from tumorscope.studies.bulk.ray_run import run_bulk
    from tumorscope.studies.case import Case

    if way == "plain":
        cases = [running.Case(Path(path)) for path in paths]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            running.run_cases(cases, out, "auto", engine=engine, precision=precision)
    else:
        run_bulk([Case(Path(path)) for path in paths], out, engine=engine, precision=precision, actors=int(way))


def spread(paths: list[Path], limit: int) -> list[str]:
    """So many cases of each folder or list of files, evenly chosen."""
    from tumorscope.io import find_cases

    groups: dict[Path, list[str]] = {}
    for path in paths:
        for case in find_cases(path):
            groups.setdefault(path if path.is_dir() else path.parent, []).append(str(case))
    return [
        group[place]
        for group in groups.values()
        for place in np.linspace(0, len(group) - 1, min(limit, len(group))).astype(int)
    ]


def fitted(slices: np.ndarray, cost: np.ndarray) -> tuple[float, float]:
    """``a`` and ``b`` of ``a + b · slices``, both at least zero."""
    from scipy.optimize import nnls

    (a, b), _ = nnls(np.stack([np.ones(len(slices)), slices], 1), cost)
    return float(a), float(b)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=40, help="cases of each folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=["plain", "1", "2"])
    parser.add_argument("--engine", default="onnxruntime")
    parser.add_argument("--precision", default="auto")
    given = parser.parse_args()
    paths = spread(given.paths, given.limit)
    even = {**os.environ, "RAY_worker_niceness": "0"}  # by default Ray's actors give way to other programs
    walls: dict[str, list[float]] = {way: [] for way in given.ways}
    with tempfile.TemporaryDirectory() as place:
        for number in range(given.rounds):
            for way in given.ways:
                out = Path(place) / f"{way}-{number}"
                call = [sys.executable, __file__, "--as", way, str(out), given.engine, given.precision]
                started = time.perf_counter()
                subprocess.run(call, input="\n".join(paths), text=True, check=True, env=even)
                walls[way].append(time.perf_counter() - started)
                print(f"round {number + 1}, {way}: {walls[way][-1]:.1f} s", file=sys.stderr)
        bulk = Path(place) / f"{given.ways[-1]}-0"
        report(walls, len(paths), bulk)


def report(walls: dict[str, list[float]], cases: int, bulk: Path) -> None:
    """Print the ratios, and the cost of a case by stage."""
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(bulk / "_bulk" / "results").to_pylist()
    slices = np.array([row["slices"] for row in rows])
    first = next(iter(walls))
    table = Table("way", "s, median", "of plain", title=f"{cases} cases, {slices.sum()} slices, {os.cpu_count()} cores")
    for way, times in walls.items():
        ratio = statistics.median(one / plain for one, plain in zip(times, walls[first], strict=True))
        name = way if way == "plain" else f"Ray, actors: {way}"
        table.add_row(name, f"{statistics.median(times):.1f}", f"{ratio:.2f}")
    Console().print(table)
    cpu = np.array([row["cpu_seconds"] for row in rows])
    documents = [json.loads((bulk / row["case"] / "analysis.json").read_text())["timing_ms"] for row in rows]
    whole = np.array([sum(document.values()) for document in documents])
    costs = Table("stage", "ms a case", "ms a slice", "share", title="CPU time, a + b · slices")
    for stage, names in STAGES.items():
        # Stages are timed by the clock; each gets its share of the case's CPU time.
        spent = np.array([sum(document.get(name, 0) for name in names) for document in documents]) / whole * cpu
        a, b = fitted(slices, spent)
        costs.add_row(stage, f"{1000 * a:.0f}", f"{1000 * b:.1f}", f"{spent.sum() / cpu.sum():.0%}")
    a, b = fitted(slices, cpu)
    costs.add_row("all", f"{1000 * a:.0f}", f"{1000 * b:.1f}", "100%")
    Console().print(costs)
    for length in (1, 24, 155):
        print(f"1,000,000 studies of {length} slices: {1e6 * (a + b * length) / 3600:,.0f} core hours")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as"]:
        way, out, engine, precision = sys.argv[2:]
        analyze_all(way, Path(out), sys.stdin.read().splitlines(), engine, precision)
    else:
        main()
