"""A training that was interrupted ends as one that never was; one that has lost its numbers does not go on."""

import pytest
from making import write_miniature_lgg

torch = pytest.importorskip("torch")

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.lgg import LggPatient
from tumorscope.inference.bundles import load_bundle
from tumorscope.recipes.experiment import parse_recipe
from tumorscope.training.checkpoints import LoggedCheckpoint, MovableCheckpoint
from tumorscope.training.curves import read_curves
from tumorscope.training.fit import Run, train
from tumorscope.training.module import TumorModule, step_seed

# Everything that draws from chance: changed images, dropout; and all that a checkpoint must carry.
RECIPE = parse_recipe(
    {
        "name": "miniature",
        "title": "A miniature",
        "dataset": "lgg",
        "preparation": {"size": 32, "adjacent_slices": 1},
        "network": {"kind": "compact", "widths": [16, 16, 16], "dropout": 0.3},
        "augmentation": {"elastic_deformation": 0.05},
        "optimization": {"epochs": 4, "batch_size": 4, "learning_rate": 0.01, "schedule": "plateau", "ema_decay": 0.9},
    }
)


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return {"lgg": write_miniature_lgg(tmp_path_factory.mktemp("lgg") / "kaggle_3m", patients=8, slices=6)}


def spoil(monkeypatch, epoch, step, change):
    """Let a training go on until that step, and then change the loss."""
    original = TumorModule.training_step

    def spoiled(self, indices, batch_index):
        loss = original(self, indices, batch_index)
        return change(loss) if (self.current_epoch, batch_index) == (epoch, step) else loss

    monkeypatch.setattr(TumorModule, "training_step", spoiled)


def interrupt(loss):
    raise Interrupted


def not_to_be_read(patient):
    raise AssertionError(f"{patient.case} was read again")


def weights(path):
    return torch.load(path, map_location="cpu", weights_only=False)


def test_a_resumed_training_has_the_weights_of_one_that_was_never_stopped(data, tmp_path, monkeypatch):
    whole = train(RECIPE, data, tmp_path / "whole", device="cpu", precision="float32")
    with monkeypatch.context() as patch:
        spoil(patch, 2, 1, interrupt)
        with pytest.raises(Interrupted):
            train(RECIPE, data, tmp_path / "resumed", device="cpu", precision="float32")
    torch.manual_seed(99)  # another process begins with other chance
    with monkeypatch.context() as patch:
        patch.setattr(LggPatient, "scan", not_to_be_read)  # what was prepared is kept beside the run
        resumed = train(RECIPE, data, tmp_path / "resumed", device="cpu")
    for name in ("best", "last"):
        one, other = weights(getattr(whole, name)), weights(getattr(resumed, name))
        assert one["epoch"] == other["epoch"]
        assert one["state_dict"].keys() == other["state_dict"].keys()
        for key, values in one["state_dict"].items():
            assert torch.equal(values, other["state_dict"][key]), (name, key)
    assert (whole.folder / "curves.csv").read_text() == (resumed.folder / "curves.csv").read_text()
    assert not (resumed.folder / "prepared").exists()


def test_a_training_killed_right_after_its_checkpoint_has_that_epoch_in_its_curves(data, tmp_path, monkeypatch, capsys):
    recipe = RECIPE.model_copy(update={"optimization": RECIPE.optimization.model_copy(update={"epochs": 3})})
    original = LoggedCheckpoint.on_train_epoch_end

    def killed(self, trainer, module):
        original(self, trainer, module)
        if trainer.current_epoch == 1:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(LoggedCheckpoint, "on_train_epoch_end", killed)
        with pytest.raises(Interrupted):
            train(recipe, data, tmp_path / "run", device="cpu", precision="float32")
    assert sorted(read_curves(tmp_path / "run")) == [0, 1]
    train(recipe, data, tmp_path / "run", device="cpu")
    curves = read_curves(tmp_path / "run")
    assert sorted(curves) == [0, 1, 2]
    assert len({frozenset(values) for values in curves.values()}) == 1  # the same values of every epoch
    told = capsys.readouterr()
    assert "it/s" not in told.out + told.err
    lines = [line for line in told.err.splitlines() if line.startswith("epoch ")]
    assert [line.split(",")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]
    assert all("train/loss" in line and "validation/score" in line and line.endswith(" s") for line in lines)


def test_what_was_best_is_still_known_in_a_folder_that_was_moved(tmp_path):
    for name in ("first", "moved"):
        (tmp_path / name).mkdir()
    first = MovableCheckpoint(tmp_path / "first", "best", monitor="validation/score", mode="max")
    path = str(tmp_path / "first" / "best.ckpt")
    first.best_model_path, first.best_model_score = path, torch.tensor(0.8)
    first.best_k_models, first.kth_best_model_path, first.kth_value = {path: torch.tensor(0.8)}, path, torch.tensor(0.8)
    moved = MovableCheckpoint(tmp_path / "moved", "best", monitor="validation/score", mode="max")
    moved.load_state_dict(first.state_dict())
    assert moved.best_model_score == pytest.approx(0.8)
    assert list(moved.best_k_models) == [str(tmp_path / "moved" / "best.ckpt")] == [moved.kth_best_model_path]
    assert moved.kth_value == pytest.approx(0.8)


def test_every_step_of_every_epoch_and_process_draws_otherwise():
    seeds = {step_seed(seed, epoch, step, process) for seed in (0, 1) for epoch in (0, 1, 2) for step in (0, 1, 2)
             for process in (0, 1)}  # fmt: skip
    assert len(seeds) == 2 * 3 * 3 * 2
    assert step_seed(3, 5, 7) == step_seed(3, 5, 7, 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training_and_the_weights_before_it_are_kept(
    data, tmp_path, monkeypatch, value
):
    spoil(monkeypatch, 2, 1, lambda loss: loss * value)
    with pytest.raises(TumorscopeError, match="the loss is not finite in epoch 3, .*last.ckpt keeps") as error:
        train(RECIPE, data, tmp_path / "run", device="cpu", precision="float32")
    assert "\n" not in str(error.value)
    run = Run(tmp_path / "run")
    assert weights(run.last)["epoch"] == 1
    assert all(torch.isfinite(values).all() for values in weights(run.last)["state_dict"].values())
    assert not (run.folder / "summary.json").exists()
    run.network()  # the best weights can be exported


def test_weights_that_a_finite_loss_has_spoiled_are_neither_validated_nor_kept(data, tmp_path, monkeypatch):
    class Spoiling(torch.autograd.Function):
        @staticmethod
        def forward(ctx, loss):
            return loss.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * float("nan")

    steps = []
    with monkeypatch.context() as patch:
        original = TumorModule.training_step
        patch.setattr(TumorModule, "training_step", lambda *arguments: steps.append(0) or original(*arguments))
        train(RECIPE.model_copy(update={"optimization": RECIPE.optimization.model_copy(update={"epochs": 1})}),
              data, tmp_path / "counting", device="cpu", precision="float32")  # fmt: skip
    validated = []
    spoil(monkeypatch, 0, len(steps) - 1, Spoiling.apply)
    monkeypatch.setattr(TumorModule, "validation_step", lambda *arguments: validated.append(0))
    with pytest.raises(TumorscopeError, match="the weights are not finite in epoch 1, .* no weights were kept"):
        train(RECIPE, data, tmp_path / "run", device="cpu", precision="float32")
    assert not validated
    assert not list((tmp_path / "run").glob("*.ckpt"))


def test_weights_that_are_not_finite_are_not_exported(data, tmp_path):
    from tumorscope.training.export import export

    run = train(
        RECIPE.model_copy(update={"optimization": RECIPE.optimization.model_copy(update={"epochs": 1})}),
        data, tmp_path / "run", device="cpu", precision="float32",
    )  # fmt: skip
    checkpoint = weights(run.best)
    checkpoint["state_dict"]["network.mask.bias"][0] = float("inf")
    torch.save(checkpoint, run.best)
    with pytest.raises(TumorscopeError, match="best.ckpt: its weights are not finite"):
        export(run, data, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def short(**changes):
    return RECIPE.model_copy(update={"optimization": RECIPE.optimization.model_copy(update={"epochs": 1, **changes})})


def test_a_training_that_has_ended_stays_as_it_is(data, tmp_path, capsys):
    run = train(short(), data, tmp_path, device="cpu", precision="float32")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for limits in ({}, {"minutes": 60}):
        assert train(short(), data, tmp_path, device="cpu", precision="bf16", **limits) == run
    assert "this training has ended" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_training_goes_on_with_its_own_settings_split_and_patients_only(data, tmp_path):
    run = train(short(), data, tmp_path / "run", device="cpu", precision="float32", fold=0)
    assert train(short(), data, run.folder, device="cpu", fold=0) == run
    assert train(short(), data, run.folder, device="cpu", split=run.split()) == run
    with pytest.raises(TumorscopeError, match="training on another split; name another folder"):
        train(short(), data, run.folder, device="cpu", fold=1)
    with pytest.raises(TumorscopeError, match=r"optimization\.epochs is 1 there and 3 here"):
        train(short(epochs=3), data, run.folder, device="cpu")
    (tmp_path / "who.csv").write_text("case,patient\na,b\n")
    with pytest.raises(TumorscopeError, match="training with other patients"):
        train(short(), data, run.folder, device="cpu", patients=tmp_path / "who.csv")


def test_a_first_start_that_fails_leaves_no_settings_and_the_next_knows_none_of_an_earlier_one(data, tmp_path):
    for name in ("patients.csv", "left_out.csv", "precision.txt", "best.ckpt"):  # of a start that was killed
        (tmp_path / name).write_text("case,copy_of\n")
    with pytest.raises(TumorscopeError, match="bundle lgg: contains another network"):
        train(short(), data, tmp_path, device="cpu", start_from=load_bundle("lgg"))
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"prepared", "patients.csv", "left_out.csv", "precision.txt"}  # as they were: they may be the user's
    assert (tmp_path / "patients.csv").read_text() == "case,copy_of\n"
    run = train(short(), data, tmp_path, device="cpu", precision="float32")
    assert run.patients is None
    assert not (tmp_path / "left_out.csv").exists()
