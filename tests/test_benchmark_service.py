"""The load test in short: nothing is lost, nothing is doubled; what it prints of the clock is not asserted."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "service.py"


def test_clients_that_come_together_lose_nothing_and_double_nothing(tmp_path):
    short = ["--clients", "3", "--seconds", "2", "--slices", "5", "--size", "96", "-o", tmp_path / "metrics.json"]
    done = subprocess.run([sys.executable, BENCHMARK, *short], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["taken"] >= 3
    assert metrics["done"] == metrics["taken"]
    assert (metrics["lost"], metrics["doubled"], metrics["errors"]) == ([], [], [])
    assert metrics["cases_with_unlike_findings"] == []  # findings do not depend on the sender
    assert metrics["status_ms"]["calls"] > 0
    for line in ("status call", "done event until first image", "workers", "Load average"):
        assert line in done.stdout
