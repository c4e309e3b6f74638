"""A node as a process, and files for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dicom_making import Grid, write_series
from dicom_peers import Orthanc, program
from ports import free_ports
from pydicom import dcmread

TESTS = Path(__file__).parents[1]
TIMEOUT_S = 180.0
"""How long a test waits for an event; only a failing test waits this long."""

SMALL = Grid(shape=(4, 16, 16))


@dataclass
class RunningNode:
    """A node's process.

    Attributes:
        process: of the command.
        port: of the node.
        log: its output, appended by every start.
        data: its folder.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    data: Path

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, count: int = 1, timeout_s: float = TIMEOUT_S) -> None:
        wait_until(lambda: self.said().count(text) >= count, f"{text!r} in the log", timeout_s, self.said)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def start_node(data: Path, port: int, *options: object, seconds: float | None = None) -> RunningNode:
    """Start a node with a fake analysis; it may not be listening yet."""
    log = data.parent / f"{data.name}.log"
    arguments = ["--data", data, "--port", port, "--processor", "dicom_network.fakes:process", "--quiet-seconds", 0.3]
    if seconds is not None:
        arguments += ["--bundle", seconds]
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tumorscope", "node", *map(str, (*arguments, *options))],
            stdout=file,
            stderr=file,
            env={**os.environ, "PYTHONPATH": path},
        )
    return RunningNode(process, port, log, data)


@contextmanager
def running_node(data: Path, *options: object, seconds: float | None = None) -> Iterator[RunningNode]:
    """A listening node, which is stopped at the end."""
    node = start_node(data, free_ports(1)[0], *options, seconds=seconds)
    try:
        node.wait_for(f"listens at 127.0.0.1:{node.port}")
        yield node
    finally:
        stop(node)


def stop(node: RunningNode) -> int:
    """Stop a node as a service manager does; return its exit code."""
    if node.process.poll() is None:
        node.process.send_signal(signal.SIGTERM)
        try:
            node.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            node.kill()
    return node.process.returncode


def wait_until(
    condition: Callable[[], object],
    what: str,
    timeout_s: float = TIMEOUT_S,
    context: Callable[[], str] = lambda: "",
) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"no result within {timeout_s:g} s: {what}\n{context()}")
        time.sleep(0.05)


def small_series(folder: Path, study: str = "study", count: int = 4, **attributes: object) -> list[Path]:
    """A series of a few tiny slices."""
    voxels = np.arange(count * 256, dtype=np.uint16).reshape(count, 16, 16)
    grid = Grid(shape=(count, 16, 16))
    return write_series(folder, grid=grid, study=study, voxels=voxels, order="ascending", **attributes)


@dataclass(frozen=True)
class Sent:
    """The result of storescu: its exit code, and the files stored with Success."""

    code: int
    accepted: tuple[Path, ...]
    output: str


def store(files: Sequence[Path], port: int, calling: str = "SCANNER") -> Sent:
    """Send files with dcmtk's storescu, in one association."""
    command = [
        str(program("storescu")),
        "-v",
        "-to",
        "10",
        "-aet",
        calling,
        "-aec",
        "TUMORSCOPE",
        "127.0.0.1",
        str(port),
    ]
    run = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=TIMEOUT_S)
    output = run.stdout + run.stderr
    accepted, sending = [], None
    for line in output.splitlines():
        if "Sending file: " in line:
            sending = Path(line.partition("Sending file: ")[2].strip())
        elif "Received Store Response (Success)" in line and sending is not None:
            accepted.append(sending)
    return Sent(run.returncode, tuple(accepted), output)


def results_at(peer: Orthanc) -> dict[str, list[str]]:
    """The series descriptions of Orthanc's objects by study."""
    found: dict[str, list[str]] = {}
    for identifier in peer.json("/instances"):
        tags = peer.json(f"/instances/{identifier}/simplified-tags")
        found.setdefault(tags["StudyInstanceUID"], []).append(tags["SeriesDescription"])
    return found


def images_on_disk(data: Path) -> set[str]:
    """SOPInstanceUIDs of all received images, after checking the length of their pixel data."""
    found = set()
    for path in (data / "incoming").glob("*/*.dcm"):
        dataset = dcmread(path)
        assert len(dataset.PixelData) == dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
        found.add(str(dataset.SOPInstanceUID))
    return found
