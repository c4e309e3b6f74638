"""The benchmarks run and print ratios; what they print is never asserted on the clock."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_the_case_benchmark_breaks_a_case_into_stages():
    done = subprocess.run([sys.executable, BENCHMARKS / "case.py", "--slices", "4"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for stage in ("reading", "preparing", "inference", "segmenting", "panel", "report", "Peak memory"):
        assert stage in done.stdout


def test_the_slice_benchmark_compares_every_engine_with_budas_shape():
    pytest.importorskip("torch")
    pytest.importorskip("openvino")
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "slices.py", "--rounds", "1", "--slices", "3"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "7.76 M" in done.stdout
    for runtime in ("onnxruntime", "openvino"):
        for precision in ("float", "int8"):
            assert f"{runtime}, {precision}" in done.stdout


def test_the_spinning_benchmark_compares_both_ways():
    arguments = ["--rounds", "1", "--seconds", "0.1", "--threads", "1", "--processes", "2"]
    done = subprocess.run([sys.executable, BENCHMARKS / "spinning.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [["2", "spin"], ["2", "sleep"]]


def test_the_batch_benchmark_tells_the_growth_a_case():
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "batch_memory.py", "--cases", "4"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "KB per case" in done.stdout


def test_an_older_commit_is_measured_against_this_one(tmp_path):
    """Against itself; the worktree of the older commit is gone afterwards."""
    git = ["git", "-C", str(BENCHMARKS.parent)]
    if subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True).returncode:
        pytest.skip("not a git repository")
    result = tmp_path / "rows.json"
    arguments = ["start", "--old", "HEAD", "--rounds", "1", "-o", str(result)]
    done = subprocess.run([sys.executable, BENCHMARKS / "against.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    old, new = json.loads(result.read_text())["start"]
    assert old > 0
    assert new > 0
    worktrees = subprocess.run([*git, "worktree", "list", "--porcelain"], capture_output=True, text=True, check=True)
    assert "/old\n" not in worktrees.stdout


def test_the_input_check_page_has_every_change_and_family(tmp_path):
    from PIL import Image

    from tumorscope.datasets.negatives import FAMILIES
    from tumorscope.datasets.phantom import make_phantom
    from tumorscope.datasets.split import Split

    heads = make_phantom(seed=3, shape=(8, 96, 96)).scan.voxels[3:6, ..., 1]
    folder = tmp_path / "brisc" / "no_tumor"
    folder.mkdir(parents=True)
    names = [f"brisc2025_train_{number}_no_ax_t1.png" for number in range(3)]
    for name, head in zip(names, heads, strict=True):
        Image.fromarray((255.0 * head / head.max()).round().astype("uint8")).save(folder / name)
    train, validation, test = (f"brisc/no_tumor/{name}" for name in names)
    Split("brisc+lgg", {"train": (train,), "validation": (validation,), "test": (test,)}).save(tmp_path / "split.json")
    page = tmp_path / "input-check.md"
    arguments = ["--data", f"brisc={folder.parent}", "--split", tmp_path / "split.json", "--limit", "2", "-o", page]
    done = subprocess.run([sys.executable, BENCHMARKS / "input_check.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.read_text().splitlines() if "|" in line]
    rows = {row[0]: row[1:] for row in cells}
    assert rows["change"] == ["brisc axial"]
    assert rows["*slices*"] == ["2"]
    assert rows["as they are"] == ["0.0 / 0.0"]
    for change in ("CLAHE, clip 0.03", "histogram equalization", "gamma 0.4", "inverted", "letters", "**all changes**"):
        refused, warned = map(float, rows[change][0].split("/"))
        assert 0 <= refused <= refused + warned <= 100
    for family in FAMILIES:
        number, *shares = map(float, rows[family])
        assert number == 2
        assert sum(shares) == pytest.approx(100, abs=0.2)
