"""The notebooks in `examples/` run from top to bottom on phantoms, and stay short."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
MOST_LINES = 40


def _code(name: str) -> list[str]:
    lines = (EXAMPLES / f"{name}.py").read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def test_there_is_a_notebook_for_every_way_of_working():
    assert NOTEBOOKS == [
        "clahe_enhancement",
        "features_and_a_classical_model",
        "my_own_data",
        "resnet50_transfer_learning",
        "resunet_segmentation",
        "statistics_and_overlays",
    ]
    page = (EXAMPLES / "README.md").read_text()
    assert all(f"({name}.py)" in page for name in NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_short_and_its_cells_are_marked(name):
    assert len(_code(name)) < MOST_LINES
    text = (EXAMPLES / f"{name}.py").read_text()
    assert text.startswith("# %% [markdown]\n# # ")
    assert text.count("\n# %%\n") >= 3


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_on_phantoms(name, tmp_path):
    without_real_data = {key: value for key, value in os.environ.items() if not key.startswith("TUMORSCOPE_")}
    environment = {
        **without_real_data,
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
        "TUMORSCOPE_PATIENT_SALT": str(tmp_path / "salt"),
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()
    assert (tmp_path / "example-data").is_dir()
