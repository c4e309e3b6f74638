"""A network of several compartments, from labels to its outputs: train, evaluate, export, analyze."""

import csv
import json

import nibabel
import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")

from datasets.miniature import write_volume

from tumorscope.cli import evaluate as evaluate_command
from tumorscope.cli import export as export_command
from tumorscope.cli import train as train_command
from tumorscope.core.compartments import Compartment
from tumorscope.datasets.own_options import OwnDataOptions
from tumorscope.datasets.registry import open_dataset
from tumorscope.inference.analysis import analyze
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import load_engine
from tumorscope.preprocessing import Preparation
from tumorscope.reporting.document import load_document, masks_from_document
from tumorscope.reporting.mask_files import label_map, label_values
from tumorscope.reporting.results import write_results
from tumorscope.training.curves import read_curves
from tumorscope.training.losses import MASK_LOSSES, mask_loss
from tumorscope.training.module import validation_metrics
from tumorscope.training.slices import load_slices

REGIONS = "1+2=whole tumor,1=tumor core"
RECIPE = {
    "name": "miniature",
    "title": "A miniature",
    "dataset": "cases",
    "sequences": ["flair"],
    "preparation": {"size": 32},
    "network": {"kind": "compact", "widths": [16, 16, 16]},
    "augmentation": dict.fromkeys(
        ("flip", "rotation_deg", "scale", "translation", "coarse_dropout", "intensity", "noise"), 0
    ),
    "optimization": {"epochs": 10, "batch_size": 4, "learning_rate": 0.02, "ema_decay": 0},
}


def write_case(folder, number):
    """A head of 100 with a tumor of 12×12 voxels in two of six slices: edema of 180 around a core of 6×6 of 250."""
    chance = np.random.default_rng(number)
    values = chance.normal(100, 3, (32, 32, 6))
    labels = np.zeros(values.shape, np.int16)
    column, row = chance.integers(4, 16, 2)
    labels[column : column + 12, row : row + 12, 2:4] = 2
    labels[column + 3 : column + 9, row + 3 : row + 9, 2:4] = 1
    values += 80 * (labels == 2) + 150 * (labels == 1)
    write_volume(folder / f"A{number}x" / "x_flair.nii.gz", values.astype(np.int16))
    write_volume(folder / f"A{number}x" / "x_seg.nii.gz", labels)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Nine cases, the run and the bundle, made by the commands."""
    root = tmp_path_factory.mktemp("compartments")
    for number in range(9):
        write_case(root / "data", number)
    (root / "r.yaml").write_text(yaml.safe_dump(RECIPE))
    train_command.command(
        str(root / "r.yaml"), [str(root / "data")], root / "run", labels=REGIONS, device="cpu", precision="float32"
    )
    export_command.command(root / "run", [str(root / "data")], root / "bundle")
    return root


def test_labels_become_channels_with_the_whole_first(tmp_path):
    write_case(tmp_path, 0)
    dataset = open_dataset("cases", tmp_path, OwnDataOptions(labels="1=core,2=edema"))
    assert [each.name for each in dataset.compartments] == ["whole tumor", "core", "edema"]
    truth = dataset.cases[0].truth()
    assert {name: int(mask.sum()) for name, mask in truth.compartments.items()} == {"core": 72, "edema": 216}
    store = load_slices(dataset.cases, Preparation(size=32), sequences=("flair",), compartments=dataset.compartments)
    whole, core, edema = (store.masks[:, channel].float() / 255 for channel in range(3))
    assert store.masks.shape == (6, 3, 32, 32)
    torch.testing.assert_close(core + edema, whole, atol=0.01, rtol=0)


def test_the_loss_is_the_mean_over_compartments_and_metrics_tell_each():
    logits, truth = torch.randn(3, 2, 8, 8), (torch.rand(3, 2, 8, 8) > 0.5).float()
    each = [MASK_LOSSES["dice_ce"](logits[:, channel], truth[:, channel]) for channel in range(2)]
    torch.testing.assert_close(mask_loss("dice_ce", logits, truth), (each[0] + each[1]) / 2)
    predictions = {
        "present": torch.ones(2),
        "has_mask": torch.ones(2, dtype=torch.bool),
        "source": torch.zeros(2, dtype=torch.long),
        "case": torch.tensor([0, 1]),
        "overlap": torch.tensor([[5, 0], [10, 4]]),
        "sizes": torch.tensor([[20, 10], [20, 8]]),
    }
    metrics = validation_metrics(predictions, 0, ("whole", "core"))
    assert {name: float(value) for name, value in metrics.items()} == {
        "dice": 0.625,
        "dice_whole": 0.75,
        "dice_core": 0.5,
    }
    one_mask = predictions | {name: predictions[name][:, 0] for name in ("overlap", "sizes")}
    assert {name: float(value) for name, value in validation_metrics(one_mask, 0, ()).items()} == {"dice": 0.75}


def test_curves_and_the_card_name_the_compartments(trained):
    curves = read_curves(trained / "run")
    last = curves[max(curves)]
    assert last["validation/dice"] == pytest.approx(
        (last["validation/dice_whole tumor"] + last["validation/dice_tumor core"]) / 2, abs=1e-5
    )
    card = load_bundle(trained / "bundle").card
    assert card.compartments == (
        Compartment("whole tumor", ("1", "2")),
        Compartment("tumor core", ("1",), "whole tumor"),
    )
    assert card.training["labels"] == REGIONS
    assert set(card.operating_point.compartments) == {"tumor core"}  # of the validation patients


def test_eight_bits_keep_the_compartments(trained):
    bundle = load_bundle(trained / "bundle")
    assert [model.precision for model in bundle.card.models] == ["float", "int8"]
    scan = open_dataset("cases", trained / "data", OwnDataOptions(labels=REGIONS)).cases[3].scan()
    precise, coarse = (analyze(scan, load_engine(bundle, "onnxruntime", kind)) for kind in ("float", "int8"))
    assert [part.label.name for part in coarse.parts] == [part.label.name for part in precise.parts]
    for exact, rounded in zip(precise.parts, coarse.parts, strict=True):
        assert exact.mask.sum() > 50
        assert 2 * (exact.mask & rounded.mask).sum() / (exact.mask.sum() + rounded.mask.sum()) > 0.9


def test_an_evaluation_tells_dice_of_each_compartment(trained):
    out = trained / "evaluation"
    evaluate_command.command("own", trained / "data", bundle=str(trained / "bundle"), out=out, copies=False)
    metrics = json.loads((out / "evaluation.json").read_text())
    assert metrics["patient_dice"]["mean"] > 0.8
    assert metrics["compartments"]["tumor core"]["patient_dice"]["mean"] > 0.8
    assert "| tumor core: Dice of the whole patient |" in (out / "evaluation.md").read_text()
    with (out / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert np.mean([float(row["dice of tumor core"]) for row in rows]) == pytest.approx(
        metrics["compartments"]["tumor core"]["patient_dice"]["mean"], abs=1e-4
    )


def test_an_analysis_has_the_compartments_as_labels_in_every_file(trained):
    folder = trained / "data" / "A3x"
    case = open_dataset("cases", trained / "data", OwnDataOptions(labels=REGIONS)).cases[3]
    assert case.case == folder.name
    scan = case.scan()
    engine = load_engine(load_bundle(trained / "bundle"), "onnxruntime", "float")
    analysis = analyze(scan, engine, input_check=False)
    assert [label.label for label in analysis.labels] == ["whole tumor", "tumor core"]
    core = analysis.parts[0]
    assert (core.mask & ~analysis.mask).sum() == 0
    assert 0 < core.volume_mm3 < analysis.volume_mm3
    assert core.volume_mm3 == core.mask.sum() * 6  # voxels of 1×1×6 mm
    assert label_values(analysis) == ((1, 2), (2,))
    written = write_results(analysis, trained / "out")
    stored = np.asarray(nibabel.load(written["mask"]).dataobj)
    assert int((stored > 0).sum()) == int(analysis.mask.sum())
    assert int((stored == 2).sum()) == int(core.mask.sum()) == int((label_map(analysis) == 2).sum())
    document = load_document(written["analysis"])
    assert [(entry.name, entry.values) for entry in document.labels] == [("whole tumor", [1, 2]), ("tumor core", [2])]
    np.testing.assert_array_equal(masks_from_document(document)[1][1], core.mask)
    report = written["report"].read_text()
    assert "Tumor core" in report
    assert "Orange dashed line: the tumor core." in report
