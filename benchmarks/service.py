"""The service under load: what is lost, what is doubled, how memory runs, how long responses take.

Starts `tumorscope serve` on a folder of its own. Each client uploads a case, waits for its
findings by server-sent events, fetches the first image as the viewer would, and begins again until
the time is over; what was taken is waited for. Meanwhile a process of its own asks for a study's
state ten times a second, and the memory of the web process and of its workers is noted.

    python benchmarks/service.py [--clients 8] [--seconds 120] [--slices 60] [--size 256] [--bundle lgg]
        [-o service.json]

Nothing is asserted on the clock; the exit code is 1 if a study was lost or doubled.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from tumorscope.client import Client, Study
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti

CASES = 4
"""Different phantoms; more would only take longer to draw."""
ASK_EVERY_S = 0.1
STARTING_S = 120
_BEGINS = re.compile(r"(\S+): revision \d+ started, attempt (\d+)")


@dataclass(frozen=True)
class Sent:
    """One upload and what became of it; times in seconds."""

    study: str
    case: str
    upload_s: float
    done_s: float
    image_s: float
    state: str
    probability: float | None


@dataclass
class Load:
    """What the clients did."""

    sent: list[Sent] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cases = [_case(folder / "cases" / f"case{number}", number, given) for number in range(CASES)]
        log = folder / "log.txt"
        with _serving(folder / "data", given.workers, log) as (server, address):
            memory = _Memory(server)
            load, asked = _run(address, cases, given, memory)
            with Client(address) as client:
                listed = [client.study(study) for study in client.studies()]
            series = memory.stop()
        begun = Counter(match[1] for match in map(_BEGINS.search, log.read_text().splitlines()) if match)
        metrics = _metrics(given, load, listed, begun, asked, series)
    _print(given, metrics)
    if given.out is not None:
        given.out.write_text(json.dumps(metrics, indent=1) + "\n")
        print(f"Saved: {given.out}", file=sys.stderr)
    sys.exit(1 if metrics["lost"] or metrics["doubled"] else 0)


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--size", type=int, default=256, help="rows and columns")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--bundle", default="auto", help="that the clients ask for")
    parser.add_argument("-o", "--out", type=Path, help="metrics as JSON")
    return parser.parse_args()


def _case(folder: Path, number: int, given: Namespace) -> Path:
    phantom = make_phantom([plausible_lesion(number)], seed=number, shape=(given.slices, given.size, given.size))
    write_nifti(phantom, folder)["mask"].unlink()
    return folder


@contextmanager
def _serving(data: Path, workers: int, log: Path) -> Iterator[tuple[int, str]]:
    """The service's process number and address."""
    command = [sys.executable, "-m", "tumorscope", "serve", "--port", "0", "--workers", str(workers)]
    with log.open("w") as file:
        process = subprocess.Popen([*command, "--data", str(data)], stderr=file)
    try:
        until = time.monotonic() + STARTING_S
        while True:
            found = re.search(r"http://\S+?(?=/?\s)", log.read_text())
            if found and log.read_text().count("is ready") >= workers:
                break
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"the service does not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield process.pid, found[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _run(address: str, cases: Sequence[Path], given: Namespace, memory: _Memory) -> tuple[Load, list[float]]:
    """The clients' work, and the milliseconds of every status call while something was analyzed."""
    load, lock = Load(), threading.Lock()
    started = time.monotonic()
    until = started + given.seconds
    spawning = multiprocessing.get_context("spawn")  # a process of its own: the clients' work is not measured with it
    stop, predictions = spawning.Event(), spawning.SimpleQueue()
    asking = spawning.Process(target=_ask, args=(address, stop, predictions), daemon=True)
    asking.start()
    clients = [
        threading.Thread(target=_be_a_client, args=(address, cases, given.bundle, number, until, load, lock))
        for number in range(given.clients)
    ]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    stop.set()
    asked = predictions.get()
    asking.join()
    memory.busy_until = time.monotonic()
    return load, asked


def _be_a_client(
    address: str, cases: Sequence[Path], bundle: str, number: int, until: float, load: Load, lock: threading.Lock
) -> None:
    turn = number
    with Client(address) as client, httpx2.Client(base_url=address, timeout=60) as browser:
        while time.monotonic() < until:
            case = cases[turn % len(cases)]
            turn += 1
            try:
                begun = time.perf_counter()
                (study,) = client.submit(case, bundle).studies
                taken = time.perf_counter()
                with lock:
                    load.taken.append(study.id)
                ended: list[float] = []
                study = client.wait(study, lambda now: ended.append(time.perf_counter()))  # noqa: B023
                image = _first_image(browser, study) if study.state == "done" else None
                shown = time.perf_counter()
            except (TumorscopeError, httpx2.HTTPError) as error:
                with lock:
                    load.errors.append(str(error))
                continue
            probability = study.summary.tumor_probability if study.summary else None
            with lock:
                load.sent.append(
                    Sent(
                        study.id,
                        case.name,
                        taken - begun,
                        ended[-1] - taken,
                        shown - ended[-1] if image else float("nan"),
                        study.state,
                        probability,
                    )
                )


def _first_image(browser: httpx2.Client, study: Study) -> int:
    """What the viewer asks for before it can draw: the findings and one sequence; how many bytes."""
    image = next(each for each in study.images if each.name not in ("mask", "activation"))
    predictions = [browser.get(f"/api/studies/{study.id}/analysis"), browser.get(image.href)]
    return sum(len(prediction.raise_for_status().content) for prediction in predictions)


def _ask(address: str, stop: Any, predictions: Any) -> None:
    """Ask for the newest studies and one of them; note the milliseconds while something is analyzed."""
    spent: list[float] = []
    with httpx2.Client(base_url=address, timeout=60) as client:
        while not stop.wait(ASK_EVERY_S):
            begun = time.perf_counter()
            page = client.get("/api/studies", params={"state": "analyzing", "limit": 1}).json()
            between = time.perf_counter()
            if not page["studies"]:
                continue
            client.get(f"/api/studies/{page['studies'][0]['id']}")
            spent += [(between - begun) * 1000, (time.perf_counter() - between) * 1000]
    predictions.put(spent)


class _Memory:
    """Resident memory of the web process and of all its workers together, twice a second."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._stop = threading.Event()
        self._series: list[tuple[float, float, float]] = []
        self.busy_until = float("inf")
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> list[tuple[float, float, float]]:
        """Seconds, MB of the web process, MB of the workers; while there was work."""
        self._stop.set()
        self._thread.join()
        first = self._series[0][0]
        return [(at - first, web, work) for at, web, work in self._series if at <= self.busy_until]

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            workers = _children(self._server)
            self._series.append((time.monotonic(), _resident_mb(self._server), sum(map(_resident_mb, workers))))


def _children(process: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        text = " ".join((task / "children").read_text() for task in tasks)  # a thread may have started them
    except OSError:
        return []
    return [int(number) for number in text.split()]


def _resident_mb(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _metrics(
    given: Namespace,
    load: Load,
    listed: Sequence[Study],
    begun: Counter[str],
    asked: Sequence[float],
    series: Sequence[tuple[float, float, float]],
) -> dict[str, Any]:
    taken, there = Counter(load.taken), Counter(study.id for study in listed)
    done = {study.id for study in listed if study.state == "done"}
    unlike = [
        case for case in {each.case for each in load.sent}
        if len({each.probability for each in load.sent if each.case == case}) > 1
    ]  # fmt: skip
    return {
        "command": " ".join(["python", "benchmarks/service.py", *sys.argv[1:]]),
        "clients": given.clients,
        "seconds": given.seconds,
        "slices": given.slices,
        "size": given.size,
        "workers": given.workers,
        "cores": os.cpu_count(),
        "load_average": [round(value, 1) for value in os.getloadavg()],
        "taken": len(load.taken),
        "done": len(done),
        "errors": load.errors,
        "lost": sorted(set(taken) - done),
        "doubled": sorted(
            {study for study, times in (taken + begun).items() if taken[study] > 1 or begun[study] > 1}
            | (set(there) - set(taken))
            | {study.id for study in listed if len(study.revisions) > 1}
        ),
        "cases_with_unlike_findings": unlike,
        "upload_s": _spread([each.upload_s for each in load.sent]),
        "until_done_s": _spread([each.done_s for each in load.sent]),
        "done_event_to_first_image_s": _spread([each.image_s for each in load.sent]),
        "status_ms": {"calls": len(asked), **_spread(asked)},
        "memory_mb": {"web": _run_of([web for _, web, _ in series]), "workers": _run_of([work for *_, work in series])},
        "memory_series": [[round(value, 1) for value in row] for row in series[:: max(1, len(series) // 240)]],
    }


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"median": None, "p95": None, "largest": None}
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
        "largest": round(ordered[-1], 3),
    }


def _run_of(values: Sequence[float]) -> dict[str, float]:
    """How memory ran: the median of the second quarter, when all is loaded, against that of the last."""
    quarter = max(1, len(values) // 4)
    early, late = values[quarter : 2 * quarter] or values, values[-quarter:]
    return {
        "second_quarter": round(statistics.median(early), 1),
        "last_quarter": round(statistics.median(late), 1),
        "peak": round(max(values), 1),
    }


def _print(given: Namespace, metrics: dict[str, Any]) -> None:
    title = f"{given.clients} clients, {given.seconds:g} s, cases of {given.slices} slices of {given.size}×{given.size}"
    counts = Table("uploads taken", "done", "lost", "doubled", "errors", title=title)
    counts.add_row(*(str(value) for value in (
        metrics["taken"], metrics["done"], len(metrics["lost"]), len(metrics["doubled"]), len(metrics["errors"])
    )))  # fmt: skip
    times = Table("", "median", "p95", "largest")
    for name, unit, key in (
        ("upload", "s", "upload_s"),
        ("upload taken until done (clients wait in turn)", "s", "until_done_s"),
        ("done event until first image", "s", "done_event_to_first_image_s"),
        (f"status call ({metrics['status_ms']['calls']})", "ms", "status_ms"),
    ):  # fmt: skip
        values = (metrics[key][column] for column in ("median", "p95", "largest"))
        digits = 2 if unit == "s" else 0
        times.add_row(name, *("–" if value is None else f"{value:.{digits}f} {unit}" for value in values))
    memory = Table("memory, MB", "second quarter", "last quarter", "peak")
    for name in ("web", "workers"):
        memory.add_row(
            name, *(f"{metrics['memory_mb'][name][key]:.0f}" for key in ("second_quarter", "last_quarter", "peak"))
        )
    console = Console(width=100)
    for table in (counts, times, memory):
        console.print(table)
    for error in metrics["errors"][:5]:
        console.print(f"error: {error}", markup=False, highlight=False)
    console.print(f"Load average of the machine at the end: {metrics['load_average'][0]:g} on {metrics['cores']} cores")


if __name__ == "__main__":
    main()
