"""What ONNX Runtime's spinning threads cost: slices a second with and without, on an idle and on a shared machine.

    python benchmarks/spinning.py [--bundle lgg] [--precision int8] [--seconds 5] [--rounds 3] [--threads N]

A thread that waits for its part of the next operator either spins, which responds sooner and occupies a core, or
sleeps. *Idle*: one process has the machine. *Shared*: as many as ``--processes`` want the same cores at once, as
several analyses, a training or a service do. Ways alternate; the table shows medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.runtimes import open_session
from tumorscope.inference.sessions import BATCH, threads

_READY = "ready"


def work(bundle_name: str, precision: str, spinning: bool, count: int, seconds: float) -> None:
    """One process: load, say so, wait for a line, run for so long, and print slices and processor time a second."""
    bundle = load_bundle(bundle_name)
    model = bundle.card.model(precision)  # type: ignore[arg-type]
    assert model is not None
    session = open_session(bundle.read_model(model), count, spinning=spinning)
    feed = session.get_inputs()[0]
    images = np.random.default_rng(0).normal(size=(BATCH, *feed.shape[1:])).astype(np.float32)
    for _ in range(3):
        session.run(None, {feed.name: images})
    print(_READY, flush=True)
    sys.stdin.readline()
    started, used, slices = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - started < seconds:
        session.run(None, {feed.name: images})
        slices += BATCH
    spent = time.perf_counter() - started
    print(json.dumps({"slices": slices / spent, "cores": (time.process_time() - used) / spent}), flush=True)


def measured(processes: int, spinning: bool, given: argparse.Namespace) -> tuple[float, float]:
    """Slices a second of all processes together, and cores that they kept busy."""
    command = [sys.executable, __file__, "--work", "--bundle", given.bundle, "--precision", given.precision]
    command += ["--seconds", str(given.seconds), "--threads", str(given.threads), *(["--spinning"] if spinning else [])]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == _READY
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = [json.loads(process.communicate()[0]) for process in started]
    return sum(each["slices"] for each in found), sum(each["cores"] for each in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", default="lgg")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=threads())
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--spinning", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.bundle, given.precision, given.spinning, given.threads, given.seconds)
        return
    ways = [(processes, spinning) for processes in given.processes for spinning in (True, False)]
    found: dict[tuple[int, bool], list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(given.rounds):
        for way in ways:
            found[way].append(measured(*way, given))
    table = Table(box=None, pad_edge=False)
    for title in ("processes", "waiting threads", "slices a second", "cores busy"):
        table.add_column(title)
    for (processes, spinning), values in found.items():
        slices, cores = (statistics.median(column) for column in zip(*values, strict=True))
        table.add_row(str(processes), "spin" if spinning else "sleep", f"{slices:.1f}", f"{cores:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
