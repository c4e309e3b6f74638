"""The benchmarks run and print ratios; what they print is never asserted on the clock."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_the_case_benchmark_breaks_a_case_into_stages():
    done = subprocess.run([sys.executable, BENCHMARKS / "case.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for stage in ("reading", "preparing", "inference", "segmenting", "panel", "report", "Peak memory"):
        assert stage in done.stdout


def test_the_slice_benchmark_compares_every_engine_with_budas_shape():
    pytest.importorskip("torch")
    pytest.importorskip("openvino")
    done = subprocess.run([sys.executable, BENCHMARKS / "slices.py", "--rounds", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "7.76 M" in done.stdout
    for runtime in ("onnxruntime", "openvino"):
        for precision in ("float", "int8"):
            assert f"{runtime}, {precision}" in done.stdout


def test_the_spinning_benchmark_compares_both_ways():
    arguments = ["--rounds", "1", "--seconds", "0.1", "--threads", "1", "--processes", "1", "2"]
    done = subprocess.run([sys.executable, BENCHMARKS / "spinning.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        [processes, way] for processes in "12" for way in ("spin", "sleep")
    ]


def test_the_batch_benchmark_tells_the_growth_a_case():
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "batch_memory.py", "--cases", "4"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "KB a case" in done.stdout
