"""The notebooks in `examples/` run from top to bottom on phantoms, and stay short."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
MOST_LINES = 40
SHOWN = {
    "clahe_enhancement": [".png"],
    "features_and_a_classical_model": [".png"] * 2,
    "my_own_data": [".png", ".png", ".html"],
    "resnet50_transfer_learning": [".png"] * 2,
    "resunet_segmentation": [".png"] * 3,
    "statistics_and_overlays": [".png", ".png", ".html"],
}
"""What the cells of each notebook show: images and plots, or an analysis as HTML."""


def _code(name: str) -> list[str]:
    lines = (EXAMPLES / f"{name}.py").read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def test_there_is_a_notebook_for_every_way_of_working():
    assert list(SHOWN) == NOTEBOOKS
    page = (EXAMPLES / "README.md").read_text()
    assert all(f"({name}.py)" in page for name in NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_short_and_its_cells_are_marked(name):
    assert len(_code(name)) < MOST_LINES
    text = (EXAMPLES / f"{name}.py").read_text()
    assert text.startswith("# %% [markdown]\n# # ")
    assert text.count("\n# %%\n") >= 3


def test_every_notebook_runs_on_phantoms_and_shows_its_results(tmp_path):
    without_real_data = {key: value for key, value in os.environ.items() if not key.startswith("TUMORSCOPE_")}
    environment = {
        **without_real_data,
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
        "TUMORSCOPE_PATIENT_SALT": str(tmp_path / "salt"),
    }
    program = [sys.executable, Path(__file__).with_name("notebook_cells.py")]
    subprocess.run(
        [*program, *(EXAMPLES / f"{name}.py" for name in NOTEBOOKS)], cwd=tmp_path, env=environment, check=True
    )
    assert {path.stem: path.read_text() for path in tmp_path.glob("*.error")} == {}
    for name, kinds in SHOWN.items():
        assert [path.suffix for path in sorted(tmp_path.glob(f"{name}-*"))] == kinds
        assert (tmp_path / f"{name}.txt").read_text().strip()
    for path in tmp_path.glob("*.png"):
        assert np.asarray(Image.open(path).convert("L"), float).std() > 10  # not blank
    assert "Tumor found" in next(tmp_path.glob("statistics_and_overlays-*.html")).read_text()
