"""A training by two processes, started as users start it, against the same training by one."""

import csv
import os
import shutil
import subprocess
import sys

import pytest
import yaml
from making import write_miniature_lgg
from ports import free_ports

pytest.importorskip("torch")

from tumorscope.cli import train as train_command
from tumorscope.training import module

RECIPE = {
    "name": "miniature",
    "title": "A miniature",
    "dataset": "lgg",
    "preparation": {"size": 32, "adjacent_slices": 1},
    "network": {"kind": "compact", "widths": [16, 16, 16, 16, 16], "dropout": 0},
    # Chance is drawn by each process for itself; without it the curves can be compared.
    "augmentation": dict.fromkeys(
        (
            "flip", "rotation_deg", "scale", "translation", "elastic_deformation", "coarse_dropout", "intensity", "noise", "blur", "bias_field",
            "modality_dropout", "context_dropout",
        ),
        0,
    ),
    "optimization": {"epochs": 3, "batch_size": 8, "learning_rate": 0.001, "ema_decay": 0.9, "validate_every": 1},
}  # fmt: skip

PROGRAM = "from tumorscope.cli import main; main()"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("together")
    write_miniature_lgg(place / "lgg", patients=9, slices=6)
    (place / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    (place / "program.py").write_text(PROGRAM)
    return place


@pytest.fixture(scope="module")
def alone(place):
    """The curve of one process, this one. What it had written after one epoch is kept aside."""
    step = module.TumorModule.training_step

    def copying(self, indices, batch_index):
        if self.current_epoch == 1 and batch_index == 0:
            shutil.copytree(self.trainer.default_root_dir, place / "machines")
        return step(self, indices, batch_index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.TumorModule, "training_step", copying)
        given = str(place / "recipe.yaml"), [str(place / "lgg")], place / "alone"
        train_command.command(*given, device="cpu", precision="float32")
    return curve(place / "alone")


def start(place, out, *arguments, **environment):
    """``tumorscope train`` as a process of its own."""
    told = {name: value for name, value in os.environ.items() if name not in ("LOCAL_RANK", "WORLD_SIZE", "NODE_RANK")}
    command = [sys.executable, place / "program.py", "train", place / "recipe.yaml", "--data", place / "lgg"]
    # bfloat16 rounds otherwise for half a batch, and Adam's first steps carry that far.
    command += ["-o", place / out, "--device", "cpu", "--precision", "float32", *arguments]
    return subprocess.Popen(
        [str(part) for part in command],
        env={**told, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def curve(folder):
    with (folder / "curves.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_same_curve(found, expected):
    assert [row["epoch"] for row in found] == [row["epoch"] for row in expected] == [0, 1, 2]
    for row, other in zip(found, expected, strict=True):
        assert row["train/learning_rate"] == other["train/learning_rate"]
        for name in ("train/loss", "train/mask_loss", "train/presence_loss"):
            assert row[name] == pytest.approx(other[name], rel=3e-3), name
        assert row["validation/dice"] == pytest.approx(other["validation/dice"], abs=0.01)


def test_two_processes_learn_along_the_curve_of_one(place, alone):
    process = start(place, "two", "--devices", "2")
    out, error = process.communicate(timeout=900)
    assert process.returncode == 0, error
    assert_same_curve(curve(place / "two"), alone)
    assert out.count("Trained for 3 epochs") == 1  # only one process prints
    assert [path.name for path in (place / "two" / "log").iterdir()] == ["0"]


def test_two_machines_go_on_with_what_one_began(place, alone):
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_ports(1)[0])}
    machines = [
        start(place, "machines", "--nodes", "2", "--minutes", "60", NODE_RANK=str(number), **meeting)
        for number in range(2)
    ]
    told = [process.communicate(timeout=900) for process in machines]
    assert [process.returncode for process in machines] == [0, 0], told
    assert ["Trained for 3 epochs" in out for out, _ in told] == [True, False]
    assert sorted(path.name for path in (place / "machines" / "log").iterdir()) == ["0", "1"]
    assert_same_curve(curve(place / "machines"), alone)
