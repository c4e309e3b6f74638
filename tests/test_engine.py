import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from making import card, fake_engine, write_bundle

from tumorscope.core.errors import BadBundle, TumorscopeError
from tumorscope.inference.analysis import analyze
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import Predictions, load_engine, openvino_available
from tumorscope.inference.postprocessing import slices_to_localize
from tumorscope.inference.sessions import BATCH, LOADERS
from tumorscope.preprocessing import Preparation


def sum_of_channels(images):
    return {"presence": images.sum(axis=(1, 2, 3)), "mask": images.sum(axis=1)}


def test_every_slice_is_predicted_once_and_in_order():
    images = np.random.default_rng(0).normal(size=(2 * BATCH + 3, 3, 8, 8)).astype(np.float32)
    done = []
    predictions = fake_engine(sum_of_channels).run(images, done.append)
    np.testing.assert_allclose(predictions.presence, images.sum(axis=(1, 2, 3)), rtol=1e-5)
    assert sum(done) == len(images)
    assert predictions.mask.shape == (len(images), 8, 8)


def test_neighbors_are_given_to_a_network_that_wants_them():
    images = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1)
    seen = []
    engine = fake_engine(
        lambda batch: seen.append(batch) or sum_of_channels(batch), preparation=Preparation(size=32, adjacent_slices=1)
    )
    engine.run(images)
    assert np.concatenate(seen)[:, :, 0, 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 4]]


def test_extreme_logits_give_probabilities_not_overflow():
    with np.errstate(all="raise"):
        predictions = fake_engine(lambda p: {"mask": np.full((1, 2, 2), -1e9)}, outputs=("mask",)).run(
            np.zeros((1, 3, 2, 2))
        )
    assert predictions.mask.max() < 1e-10


def test_a_changed_model_is_refused(tmp_path):
    folder = write_bundle(tmp_path / "bundle", b"not really a model")
    (folder / "model.onnx").write_bytes(b"changed")
    with pytest.raises(BadBundle, match="damaged"):
        load_engine(load_bundle(folder), "onnxruntime", "float")


def test_a_file_that_is_not_a_model_is_refused_in_one_line(tmp_path):
    folder = write_bundle(tmp_path / "bundle", b"not really a model")
    with pytest.raises(BadBundle, match="cannot load model.onnx") as caught:
        load_engine(load_bundle(folder), "onnxruntime", "float")
    assert "\n" not in str(caught.value)


def test_a_precision_that_the_bundle_lacks_is_named(tmp_path):
    folder = write_bundle(tmp_path / "bundle", b"model")
    with pytest.raises(BadBundle, match="no int8 model"):
        load_engine(load_bundle(folder), "onnxruntime", "int8")


def test_openvino_that_is_not_installed_is_asked_for_by_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("tumorscope.inference.engine.openvino_available", lambda: False)
    folder = write_bundle(tmp_path / "bundle", b"model")
    with pytest.raises(TumorscopeError, match=r"tumorscope\[fast\]"):
        load_engine(load_bundle(folder), "openvino")


def test_without_exact_byte_sums_the_float_model_is_taken(monkeypatch):
    monkeypatch.setattr("tumorscope.inference.engine.int8_is_exact", lambda runtime: False)
    assert load_engine(load_bundle("lgg"), "onnxruntime").precision == "float"
    monkeypatch.setattr("tumorscope.inference.engine.int8_is_exact", lambda runtime: True)
    assert load_engine(load_bundle("lgg"), "onnxruntime").precision == "int8"


_ON_AVX2 = """
import sys
from tumorscope.datasets.phantom import demo_phantom
from tumorscope.inference.analysis import analyze
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import load_engine

one, other = (
    analyze(demo_phantom(shape=(12, 256, 256)).scan, load_engine(load_bundle("lgg"), "openvino", precision)).mask
    for precision in ("int8", "float")
)
print(2 * (one & other).sum() / (one.sum() + other.sum()))
"""


def test_openvinos_int8_finds_on_a_cpu_without_vnni_what_float_finds():
    if not openvino_available():
        pytest.skip("openvino is not installed")
    found = subprocess.run(
        [sys.executable, "-c", _ON_AVX2],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(found.stdout) > 0.98


@pytest.mark.parametrize("precision", ["float", "int8"])
def test_both_runtimes_predict_the_same(precision):
    if not openvino_available():
        pytest.skip("openvino is not installed")
    from tumorscope.datasets.phantom import demo_phantom
    from tumorscope.preprocessing import prepare

    bundle = load_bundle("lgg")
    images = prepare(demo_phantom().scan.voxels, bundle.card.preparation).images[8:14]
    one = load_engine(bundle, "onnxruntime", precision).run(images)
    other = load_engine(bundle, "openvino", precision).run(images)
    first, second = one.mask > 0.5, other.mask > 0.5
    assert first.any()
    assert 2 * (first & second).sum() / (first.sum() + second.sum()) > (0.999 if precision == "float" else 0.98)


def test_a_slice_is_predicted_alike_in_any_batch():
    engine = load_engine(load_bundle("lgg"), "onnxruntime", "float")
    size = engine.bundle.card.preparation.size
    images = np.random.default_rng(0).normal(size=(BATCH + 1, 3, size, size)).astype(np.float32)
    whole = engine.run(images)
    again = engine.run(images[:BATCH])
    np.testing.assert_allclose(whole.mask[: BATCH - 1], again.mask[: BATCH - 1], atol=1e-5)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_callers_of_one_engine_do_not_get_each_others_slices(runtime):
    if runtime == "openvino" and not openvino_available():
        pytest.skip("openvino is not installed")
    engine = load_engine(load_bundle("lgg"), runtime, "int8")
    size = engine.bundle.card.preparation.size
    images = [np.random.default_rng(seed).normal(size=(6, 3, size, size)).astype(np.float32) for seed in range(4)]
    alone = [engine.run(each).mask for each in images]
    with ThreadPoolExecutor(4) as pool:
        together = [found.mask for found in pool.map(engine.run, images)]
    np.testing.assert_array_equal(together, alone)


def test_openvino_predicts_alike_on_any_number_of_cores(monkeypatch):
    if not openvino_available():
        pytest.skip("openvino is not installed")
    size = load_bundle("lgg").card.preparation.size
    images = np.random.default_rng(0).normal(size=(5, 3, size, size)).astype(np.float32)
    on_all = load_engine(load_bundle("lgg"), "openvino", "int8").run(images)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    on_one = load_engine(load_bundle("lgg"), "openvino", "int8").run(images)
    np.testing.assert_array_equal(on_one.mask, on_all.mask)


def test_the_card_of_a_fake_is_complete():
    assert card().model("int8") is None


RAMP = np.linspace(-1, 2, 8)


def test_with_flips_a_network_that_depends_on_the_side_predicts_the_mean_of_both():
    def lopsided(images):
        weighed = images[:, 0] * RAMP
        maps = {"type_map": np.stack([weighed, -weighed], axis=1), "presence_map": weighed}
        return {"presence": weighed.sum(axis=(1, 2)), "mask": weighed, "type": weighed.sum(axis=1)[:, :2], **maps}

    images = np.random.default_rng(0).normal(size=(BATCH + 1, 3, 6, 8))
    found = fake_engine(lopsided).run(images, flips=True)
    mean = images[:, 0] * (RAMP + RAMP[::-1]) / 2
    np.testing.assert_allclose(found.mask, 1 / (1 + np.exp(-mean)))
    np.testing.assert_allclose(found.presence, mean.sum(axis=(1, 2)))
    np.testing.assert_allclose(found.presence_map, mean)
    np.testing.assert_allclose(found.class_map, np.stack([mean, -mean], axis=1))
    # What is predicted of a whole slice, here by its first two columns, has no sides to flip back.
    sides = images[:, 0].sum(axis=1)
    np.testing.assert_allclose(found.classes, (sides[:, :2] * RAMP[:2] + sides[:, :-3:-1] * RAMP[:2]) / 2)
    assert not np.allclose(fake_engine(lopsided).run(images).presence, found.presence)


def test_with_flips_adjacent_slices_stay_below_and_above():
    images = np.random.default_rng(0).normal(size=(5, 3, 4, 8))

    def session(batch):
        below, own, above = batch[:, 0], batch[:, 4], batch[:, 8]
        mask = (below + 2 * own + 4 * above) * RAMP
        return {"mask": mask, "presence": mask.sum(axis=(1, 2))}

    found = fake_engine(session, preparation=Preparation(size=32, adjacent_slices=1)).run(images, flips=True)
    below, above = images[[0, 0, 1, 2, 3], 0], images[[1, 2, 3, 4, 4], 2]
    logits = (below + 2 * images[:, 1] + 4 * above) * (RAMP + RAMP[::-1]) / 2
    np.testing.assert_allclose(found.mask, 1 / (1 + np.exp(-logits)))
    np.testing.assert_allclose(found.presence, logits.sum(axis=(1, 2)))


def test_masks_are_computed_only_where_they_are_needed():
    images = np.random.default_rng(0).normal(size=(2 * BATCH + 3, 3, 8, 8)).astype(np.float32)
    wanted = np.arange(len(images)) % 3 == 1
    localized, done = [], []

    def whole(batch):
        localized.extend(batch[:, 0, 0, 0])
        return sum_of_channels(batch)

    staged = replace(
        fake_engine(whole), detector=lambda: lambda batch: {"presence": sum_of_channels(batch)["presence"]}
    )
    found = staged.run(images, done.append, needed=lambda detected: wanted & (len(detected) == len(images)))
    everywhere = fake_engine(sum_of_channels).run(images)
    assert localized == images[wanted, 0, 0, 0].tolist()
    np.testing.assert_array_equal(found.presence, everywhere.presence)
    np.testing.assert_array_equal(found.mask, np.where(wanted[:, None, None], everywhere.mask, 0))
    assert found.localized.tolist() == wanted.tolist()
    assert sum(done) == len(images)


def test_uncertain_slices_are_localized_only_in_one_run_with_a_certain_one():
    probability = np.array([0.4, 0.1, 0.4, 0.9, 0.4, 0.1, 0.1, 0.4])
    found = Predictions(presence=np.log(probability / (1 - probability)))
    point = card(operating_point={"presence": 0.6, "presence_within": 0.3})
    needed = slices_to_localize(found, point, sampled=False)
    assert np.flatnonzero(needed).tolist() == [2, 3, 4]
    assert np.flatnonzero(slices_to_localize(found, point, sampled=True)).tolist() == [1, 2, 3, 4, 5]
    certain = card(operating_point={"presence": 0.95, "presence_within": 0.3})
    assert not slices_to_localize(found, certain, sampled=True).any()


def test_where_no_slice_needs_a_mask_all_masks_are_empty():
    images = np.ones((2 * BATCH, 3, 8, 8), np.float32)
    staged = replace(fake_engine(), session=None, detector=lambda: lambda batch: {"presence": -batch[:, 0, 0, 0]})
    found = staged.run(images, needed=lambda detected: np.zeros(len(detected), bool))
    assert found.mask.shape == (2 * BATCH, 8, 8)
    assert not found.mask.any()


@pytest.mark.parametrize("thin", [1, 3])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_findings_are_those_of_masks_computed_everywhere(runtime, thin):
    if runtime == "openvino" and not openvino_available():
        pytest.skip("openvino is not installed")
    from tumorscope.datasets.phantom import demo_phantom

    scan, engine = demo_phantom().scan, load_engine(load_bundle("lgg"), runtime)
    around = scan.voxels[8:20]  # the tumor, the uncertain slices at its ends, and a few without it
    scan = replace(scan, voxels=around.repeat(thin, axis=0), affine=np.diag([1.0, 1.0, 6 / thin, 1.0]))
    staged, everywhere = analyze(scan, engine), analyze(scan, replace(engine, detector=lambda: None))
    assert staged.mask.any()
    np.testing.assert_array_equal(staged.mask, everywhere.mask)
    for one, other in zip(staged.slices, everywhere.slices, strict=True):
        assert one.tumor_probability == pytest.approx(other.tumor_probability, abs=1e-6)
        assert one.mask_probability is None or one.mask_probability == pytest.approx(other.mask_probability, abs=1e-6)
    computed = [finding.mask_probability is not None for finding in staged.slices]
    assert any(computed)
    assert not all(computed)


def test_a_network_that_detects_by_its_decoder_is_not_divided():
    bundle = load_bundle("t1c")
    content = bundle.read_model(bundle.card.models[0])
    assert all(loader.load_part(content, ["presence"]) is None for loader in LOADERS.values())
