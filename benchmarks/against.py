"""What an older commit needs, and what this one: the rows of the table in docs/performance.md, as ratios within one run.

    python benchmarks/against.py ROW... --old COMMIT [--rounds 3] [--lgg FOLDER] [-o rows.json]

The old commit is checked out beside this one for the time of the run. Old and new take turns, and the medians of both and
their ratio are printed. Rows:

    network     network of a 60-slice volume
    preparing   checking and preparing it, per slice
    dicom       DICOM results of a study of three series, 60 slices each
    start       the command on one image, imports included
    batch       22 patients of LGG in one command, all results written (--lgg)
    memory      peak memory of a 155-slice volume of three sequences
    reception   C-STORE, 200 slices of 512x512 and 66 small ones in one association, from pynetdicom
    storescu    the same from DCMTK's storescu, which needs a fifth of pynetdicom's CPU time and leaves the node as the limit
    service     8 clients for 20 s with studies of 30 slices, and what they wait for then, once: studies a minute of the worker's CPU time

Times are CPU time of all threads, which hardly depends on what else a machine does; those of `batch`, `reception` and `storescu` are
wall time, since it matters there what overlaps, and need an idle machine. The bundle is `lgg` throughout.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from tumorscope.datasets.phantom import Phantom, make_phantom, plausible_lesion, write_nifti

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from dicom_making import Grid, write_study
from dicom_peers import program

HERE = Path(__file__).resolve().parents[1]

SLICES, HEAD_MM = 60, 230.0
PATIENTS = 22
OBJECTS, SIDE = 200, 512
CLIENTS, SECONDS, SERVICE_SLICES = 8, 20, 30
SERVICE_TIMEOUT_S = 200
"""For one commit; where other processes take most of the machine, clients wait longer than the row is worth."""

_WATCHED = """
import atexit, pathlib, sys, time
time.perf_counter = time.process_time
status, file = pathlib.Path("/proc/self/status"), pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: file.write_text(status.read_text()))
from tumorscope.cli import main
main()
"""
"""The command line, with the stages in analysis.json timed in CPU time, and what Linux knows of the process at its end.
Its parent must not ask for the peak of memory: Linux counts what the parent had as it started the process."""


@dataclass(frozen=True)
class Spent:
    """What one command needed.

    Attributes:
        cpu_s, wall_s: of the whole process.
        peak_mb: resident memory.
        stages_ms: CPU time by stage of the last case, which pays for no start-up.
    """

    cpu_s: float
    wall_s: float
    peak_mb: float
    stages_ms: dict[str, float]


@dataclass(frozen=True)
class Tree:
    """A checked-out commit."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """For a Python that imports this commit's package."""
        return {**os.environ, "PYTHONPATH": str(self.folder / "src")}

    def analyze(self, *arguments: str | Path) -> Spent:
        """`tumorscope analyze`, in a process of its own."""
        with tempfile.TemporaryDirectory() as place:
            out, state = Path(place) / "out", Path(place) / "status"
            command = [sys.executable, "-c", _WATCHED, state, "analyze", *arguments, "-o", out]
            started = time.perf_counter()
            process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            if status:
                sys.exit(f"{self.folder}: the analysis failed")
            last = sorted(out.glob("*/analysis.json"))[-1]
            stages = json.loads(last.read_text())["timing_ms"]
            peak_mb = int(re.search(r"VmHWM:\s+(\d+) kB", state.read_text())[1]) / 1024  # type: ignore[index]
        return Spent(usage.ru_utime + usage.ru_stime, wall, peak_mb, stages)


class Inputs:
    """What the rows run on, made when a row first needs it."""

    def __init__(self, folder: Path, lgg: Path | None) -> None:
        self.folder, self._lgg = folder, lgg

    @cached_property
    def volumes(self) -> Path:
        """Two volumes of three sequences."""
        return self._volumes("volumes", (SLICES, 256, 256), 2)

    @cached_property
    def large_volume(self) -> Path:
        """One of BraTS's size."""
        return self._volumes("large", (155, 240, 240), 1)

    @cached_property
    def studies(self) -> list[Path]:
        """Two DICOM studies of three series."""
        pixel = HEAD_MM / 256
        grid = Grid((SLICES, 256, 256), (2.4, pixel, pixel))
        for name in ("first", "second"):
            write_study(self.folder / "dicom" / name, grids={"flair": grid, "t1": grid, "t1c": grid}, study=name)
        return sorted((self.folder / "dicom").iterdir())

    @cached_property
    def image(self) -> Path:
        """One slice as PNG."""
        voxels = self._phantom((SLICES, 256, 256)).scan.voxels[SLICES // 2, ..., 0].astype(float)
        path = self.folder / "flair.png"
        Image.fromarray(np.rint(255 * voxels / voxels.max()).astype(np.uint8)).save(path)
        return path

    @cached_property
    def patients(self) -> list[Path]:
        """The first patients of LGG."""
        if self._lgg is None:
            sys.exit("name the folder of LGG's patients with --lgg")
        return sorted(path for path in self._lgg.iterdir() if path.is_dir())[:PATIENTS]

    @cached_property
    def objects(self) -> list[Path]:
        """MR images to send."""
        pixel = HEAD_MM / SIDE
        grid = Grid((OBJECTS, SIDE, SIDE), (1.0, pixel, pixel))
        write_study(self.folder / "sent", grids={"flair": grid}, study="sent")
        return sorted(path for path in (self.folder / "sent").rglob("*") if path.is_file())

    def _volumes(self, name: str, shape: tuple[int, int, int], count: int) -> Path:
        phantom = self._phantom(shape)
        for number in range(count):
            write_nifti(phantom, self.folder / name / f"case{number}")["mask"].unlink()
        return self.folder / name

    @staticmethod
    def _phantom(shape: tuple[int, int, int]) -> Phantom:
        return make_phantom([plausible_lesion(0)], shape=shape)


def _network(tree: Tree, inputs: Inputs) -> float:
    return tree.analyze(inputs.volumes, "--bundle", "lgg", "--no-pdf").stages_ms["inference"]


def _preparing(tree: Tree, inputs: Inputs) -> float:
    stages = tree.analyze(inputs.volumes, "--bundle", "lgg", "--no-pdf").stages_ms
    check = stages.get("input_check", stages.get("gate", 0.0))  # its old name
    return (check + stages["preparing"]) / SLICES


def _dicom(tree: Tree, inputs: Inputs) -> float:
    return tree.analyze(*inputs.studies, "--bundle", "lgg", "--no-pdf").stages_ms["dicom"]


def _start(tree: Tree, inputs: Inputs) -> float:
    return 1000 * tree.analyze(inputs.image, "--bundle", "lgg").cpu_s


def _batch(tree: Tree, inputs: Inputs) -> float:
    return tree.analyze(*inputs.patients, "--bundle", "lgg").wall_s


def _memory(tree: Tree, inputs: Inputs) -> float:
    return tree.analyze(inputs.large_volume, "--bundle", "lgg", "--no-pdf").peak_mb


def _reception(tree: Tree, inputs: Inputs) -> float:
    """Megabytes a second, as pynetdicom measures that sends them."""
    from pydicom import dcmread
    from pynetdicom import AE

    objects = [dcmread(path) for path in inputs.objects]
    with tempfile.TemporaryDirectory() as data, _node(tree, Path(data)) as port:
        entity = AE()
        entity.add_requested_context(objects[0].SOPClassUID, objects[0].file_meta.TransferSyntaxUID)
        association = entity.associate("127.0.0.1", port)
        started = time.perf_counter()
        refused = [status for status in map(association.send_c_store, objects) if status.Status != 0]
        spent = time.perf_counter() - started
        association.release()
    if refused:
        sys.exit(f"{tree.folder}: the node refused {len(refused)} objects")
    return _megabytes(inputs.objects) / spent


def _storescu(tree: Tree, inputs: Inputs) -> float:
    """Megabytes a second of a whole run of DCMTK's storescu."""
    storescu = program("storescu")
    if storescu is None:
        sys.exit("the row storescu needs DCMTK's program of this name")
    with tempfile.TemporaryDirectory() as data, _node(tree, Path(data)) as port:
        command = [storescu, "--propose-little", "127.0.0.1", str(port), *map(str, inputs.objects)]
        started = time.perf_counter()
        ended = subprocess.run(command)
        spent = time.perf_counter() - started
    if ended.returncode:
        sys.exit(f"{tree.folder}: the node refused an object of storescu")
    return _megabytes(inputs.objects) / spent


def _megabytes(files: Sequence[Path]) -> float:
    return sum(path.stat().st_size for path in files) / 1e6


@contextmanager
def _node(tree: Tree, data: Path) -> Iterator[int]:
    """A DICOM node that receives and does not come to analyze."""
    from pynetdicom import AE
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

    port = 11000 + os.getpid() % 1000
    command = [sys.executable, "-m", "tumorscope", "node", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--bundle", "lgg", "--quiet-seconds", "600"], env=tree.environment, stderr=subprocess.DEVNULL
    )
    try:
        entity = AE()
        entity.add_requested_context(Verification)
        while not (association := entity.associate("127.0.0.1", port)).is_established:
            if process.poll() is not None:
                sys.exit(f"{tree.folder}: the node does not start")
            time.sleep(0.2)
        association.release()
        yield port
    finally:
        process.terminate()
        process.wait()


def _service(tree: Tree, inputs: Inputs) -> float:
    """Studies a minute of the worker's CPU time, its start-up included.

    The worker's time limits a service with two cores. That of the web process grows with the clients' questions, and so
    with everything else that the machine does.
    """
    result = inputs.folder / "service.json"
    script = tree.folder / "benchmarks" / "service.py"
    load = ["--clients", str(CLIENTS), "--seconds", str(SECONDS), "--slices", str(SERVICE_SLICES), "-o", str(result)]
    if "--bundle" in script.read_text():  # versions without it have one bundle for a study
        load += ["--bundle", "lgg"]
    process = subprocess.Popen(
        [sys.executable, script, *load],
        env=tree.environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # to be ended together
    )
    until, cpu_s = time.monotonic() + SERVICE_TIMEOUT_S, 0.0
    while process.poll() is None:
        cpu_s = max(cpu_s, sum(map(_cpu_s, _workers(process.pid))))
        if time.monotonic() > until:
            os.killpg(process.pid, signal.SIGKILL)
            sys.exit(
                f"{tree.folder}: the service's clients did not end within {SERVICE_TIMEOUT_S} s; is the machine busy?"
            )
        time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{tree.folder}: the load on the service failed")
    return 60 * json.loads(result.read_text())["done"] / cpu_s


def _workers(benchmark: int) -> list[int]:
    """The workers of the service that a load test started."""
    web = [child for child in _children(benchmark) if b"\0serve\0" in _file(child, "cmdline")]
    return [worker for process in web for worker in _children(process)]


def _children(process: int) -> list[int]:
    """Children of all threads of a process."""
    tasks = Path(f"/proc/{process}/task").glob("*")
    return [int(child) for task in tasks for child in _file(process, f"task/{task.name}/children").split()]


def _cpu_s(process: int) -> float:
    """CPU time of a process and of its children that ended; 0 if it has ended itself."""
    fields = _file(process, "stat").rpartition(b")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _file(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:  # it ended meanwhile
        return b""


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        title: what is measured.
        unit: of ``measure``.
        target: the ratio to the old commit that was aimed at.
        measure: runs a tree.
        rounds: the most that make sense: 1 where one measurement is of many studies.
    """

    title: str
    unit: str
    target: str
    measure: Callable[[Tree, Inputs], float]
    rounds: int = sys.maxsize


ROWS = {
    "network": Row("network of a 60-slice volume", "ms CPU", "≤ 0.5", _network),
    "preparing": Row("checking and preparing a slice", "ms CPU", "≤ 0.15", _preparing),
    "dicom": Row("DICOM results of a study", "ms CPU", "≤ 0.3", _dicom),
    "start": Row("analyze on one image", "ms CPU", "≤ 0.5", _start),
    "batch": Row(f"{PATIENTS} patients of LGG in one command", "s", "≤ 0.35", _batch),
    "memory": Row("peak memory of a 155-slice volume", "MB", "≤ 0.6", _memory),
    "reception": Row("C-STORE reception", "MB/s", "≥ 2", _reception),
    "storescu": Row("C-STORE reception from storescu", "MB/s", "≥ 2", _storescu),
    "service": Row(f"service, {CLIENTS} clients", "studies/min CPU", "≥ 2", _service, rounds=1),
}


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="+", choices=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--old", required=True, metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lgg", type=Path, metavar="FOLDER", help="folder of LGG's patients")
    parser.add_argument("-o", "--out", type=Path, help="medians as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, _checked_out(given.old, Path(place) / "old") as old:
        inputs, trees = Inputs(Path(place), given.lgg), (old, Tree(HERE))
        medians = {name: _in_turn(ROWS[name], trees, inputs, given.rounds) for name in given.rows}
    _print(medians, given.old, given.rounds)
    if given.out is not None:
        given.out.write_text(json.dumps(medians, indent=1) + "\n")


def _in_turn(row: Row, trees: Sequence[Tree], inputs: Inputs, rounds: int) -> list[float]:
    """The median of each tree, which take turns."""
    measured = [[row.measure(tree, inputs) for tree in trees] for _ in range(min(rounds, row.rounds))]
    return [statistics.median(values) for values in zip(*measured, strict=True)]


@contextmanager
def _checked_out(commit: str, folder: Path) -> Iterator[Tree]:
    git = ["git", "-C", str(HERE), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield Tree(folder)
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def _print(medians: dict[str, list[float]], commit: str, rounds: int) -> None:
    table = Table("row", f"at {commit[:7]}", "now", "ratio", "aim", title=f"medians of {rounds} rounds")
    for name, (old, new) in medians.items():
        row = ROWS[name]
        table.add_row(row.title, f"{old:.3g} {row.unit}", f"{new:.3g} {row.unit}", f"{new / old:.2f}", row.target)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
