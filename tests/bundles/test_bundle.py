import json
import zlib

import numpy as np
import onnx
import pytest
from making import write_bundle

from tumorscope.core.errors import BadBundle
from tumorscope.inference.bundle import SHIPPED
from tumorscope.inference.bundles import load_bundle, shipped_bundles
from tumorscope.inference.runtimes import OPSET


@pytest.mark.parametrize("name", ["lgg", "t1c"])
def test_the_shipped_bundles_are_small_complete_and_undamaged(name):
    bundle = load_bundle(name)
    assert {model.precision for model in bundle.card.models} == {"float", "int8"}
    for model in bundle.card.models:
        bundle.read_model(model)
    downloaded = sum(len(zlib.compress(path.read_bytes())) for path in bundle.folder.iterdir())  # as in the wheel
    assert downloaded < 12_000_000
    assert [found.name for found in shipped_bundles()] == ["lgg", "t1c"]


def test_the_card_has_metrics_split_and_license():
    card = load_bundle("lgg").card
    assert len(card.metrics["split_hash"]) == 64
    for precision in ("float", "int8"):
        for test in card.metrics["test"][precision].values():
            low, high = test["patient_dice"]["ci95"]
            assert low < test["patient_dice"]["mean"] < high
    assert {"cases", "dice_change", "auroc_change", "time_ratio"} <= card.test_time_flips.keys()
    assert card.licenses
    assert card.limits


def test_the_split_in_the_bundle_is_the_one_in_the_card():
    from tumorscope.datasets.split import Split

    bundle = load_bundle("lgg")
    split = Split.load(bundle.folder / "split.json")
    assert split.hash == bundle.card.metrics["split_hash"]
    tested = bundle.card.metrics["test"]["float"]
    assert len(split["test"]) == sum(metrics["patients"] for metrics in tested.values())


def test_int8_costs_no_more_dice_than_allowed():
    validation = load_bundle("lgg").card.metrics["validation"]
    means = {
        precision: np.mean([metrics["patient_dice"]["mean"] for metrics in validation[precision].values()])
        for precision in ("float", "int8")
    }
    assert means["float"] - means["int8"] <= 0.002


def test_the_hash_covers_card_and_models(tmp_path):
    one = load_bundle(write_bundle(tmp_path / "a", b"model"))
    other = load_bundle(write_bundle(tmp_path / "b", b"another"))
    renamed = load_bundle(write_bundle(tmp_path / "c", b"model", title="Another"))
    assert len({one.sha256, other.sha256, renamed.sha256}) == 3
    assert one.sha256 == load_bundle(write_bundle(tmp_path / "d", b"model")).sha256


@pytest.mark.parametrize(
    ("name", "message"),
    [("lggg", "did you mean 'lgg'"), ("/nowhere", "no bundle '/nowhere'"), ("", "no bundle")],
)
def test_an_unknown_bundle_is_refused_with_the_names_of_those_that_exist(name, message):
    with pytest.raises(BadBundle, match=message):
        load_bundle(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "tumorscope.card/99"}, "export the bundle again"),
        ({"outputs": []}, "damaged"),
        ({"models": [{"file": "../../evil.onnx", "sha256": "0" * 64, "precision": "float"}]}, "damaged"),
        ({"surprise": 1}, "damaged"),
    ],
)
def test_a_card_that_is_not_in_order_is_refused(tmp_path, change, message):
    folder = write_bundle(tmp_path / "bundle", b"model")
    content = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(BadBundle, match=message):
        load_bundle(folder)


def test_a_card_that_is_not_json_is_refused(tmp_path):
    folder = write_bundle(tmp_path / "bundle", b"model")
    (folder / "card.json").write_text("{")
    with pytest.raises(BadBundle, match="damaged"):
        load_bundle(folder)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/*.onnx")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_oldest_runtime_allowed_loads_every_shipped_model(path):
    opsets = {entry.domain: entry.version for entry in onnx.load(path).opset_import}
    assert opsets[""] <= OPSET
