"""A training runs in bfloat16 where that is faster and in float32 elsewhere, and says which."""

import math
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from lightning.pytorch.plugins import MixedPrecision

from tumorscope.core.errors import TumorscopeError
from tumorscope.recipes.experiment import parse_recipe
from tumorscope.training import precision as choosing
from tumorscope.training.precision import PRECISION_FILE, set_precision, time_steps

RECIPE = parse_recipe(
    {
        "name": "miniature",
        "title": "A miniature",
        "dataset": "lgg",
        "preparation": {"size": 32},
        "network": {"kind": "compact", "widths": [16, 16, 16]},
    }
)


def trainer(first=True):
    """As much of Lightning's trainer as is looked at."""
    strategy = SimpleNamespace(root_device=torch.device("cpu"), precision_plugin=None)
    return SimpleNamespace(is_global_zero=first, strategy=strategy)


def measured(monkeypatch, bf16, float32):
    monkeypatch.setattr(choosing, "time_steps", lambda recipe, device: {"bf16": bf16, "float32": float32})


@pytest.mark.parametrize(("bf16", "float32", "faster"), [(0.1, 0.4, "bf16"), (1.9, 0.4, "float32")])
def test_the_faster_precision_is_chosen_and_printed(bf16, float32, faster, tmp_path, monkeypatch, capsys):
    measured(monkeypatch, bf16, float32)
    found = trainer()
    assert set_precision(found, RECIPE, tmp_path / "run") == faster
    assert isinstance(found.strategy.precision_plugin, MixedPrecision) == (faster == "bf16")
    line = f"precision: {faster} (measured per slice: bf16 {bf16} s, float32 {float32} s)\n"
    assert capsys.readouterr().err == line


def test_bfloat16_that_is_hardly_faster_is_not_taken(tmp_path, monkeypatch):
    measured(monkeypatch, 0.39, 0.40)
    assert set_precision(trainer(), RECIPE, tmp_path) == "float32"


def test_a_resumed_training_and_other_processes_go_on_as_it_began(tmp_path, monkeypatch, capsys):
    measured(monkeypatch, 1.9, 0.4)
    set_precision(trainer(), RECIPE, tmp_path)
    capsys.readouterr()
    monkeypatch.setattr(choosing, "time_steps", None)  # nobody measures a second time
    assert set_precision(trainer(first=False), RECIPE, tmp_path) == "float32"
    assert capsys.readouterr().err == ""
    assert set_precision(trainer(), RECIPE, tmp_path) == "float32"
    assert "as this training began; --precision overrules it" in capsys.readouterr().err


def test_what_is_asked_for_overrules_trial_and_beginning(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(choosing, "time_steps", None)
    for wanted in ("bf16", "float32"):
        assert set_precision(trainer(), RECIPE, tmp_path, wanted) == wanted
        assert capsys.readouterr().err == f"precision: {wanted} (as requested)\n"
        assert set_precision(trainer(), RECIPE, tmp_path) == wanted
        capsys.readouterr()


def test_a_precision_that_there_is_not_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(TumorscopeError, match="--precision fp8: choose auto, bf16 or float32"):
        set_precision(trainer(), RECIPE, tmp_path, "fp8")
    assert not (tmp_path / PRECISION_FILE).exists()


def test_the_trial_times_both_and_leaves_the_chance_of_the_training_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    seconds = time_steps(RECIPE, torch.device("cpu"))
    assert set(seconds) == {"bf16", "float32"}
    assert all(0 < spent < math.inf for spent in seconds.values())
    assert torch.rand(1) == expected
