import json

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from tumorscope.datasets.not_brain import FAMILIES
from tumorscope.datasets.phantom import make_phantom
from tumorscope.errors import BadDataset
from tumorscope.preparing.gate import Gate
from tumorscope.training import gate as fitting
from tumorscope.training.gate_pictures import draw_scores, draw_wrong
from tumorscope.training.gate_samples import (
    Picture,
    altered_pictures,
    family_pictures,
    measure_pictures,
    read_samples,
)


def heads(seeds):
    for seed in seeds:
        voxels = make_phantom(seed=seed, shape=(8, 96, 96)).scan.voxels
        for channel in range(3):
            for index in range(1, 8):
                yield Picture(voxels[index, ..., channel], f"head {seed} {index}", f"head {seed}")


@pytest.fixture(scope="module")
def samples():
    mri = [
        measure_pictures("volumes", heads(range(8)), mri=True),
        measure_pictures("phantom", heads(range(8, 16)), mri=True),
    ]
    names = ("photographs", "noise", "text", "MRI knee")
    return [*mri, *(measure_pictures(name, family_pictures(name, 16, 0), mri=False) for name in names)]


@pytest.fixture(scope="module", autouse=True)
def small_fits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "VOTERS", 1)
        patch.setattr(fitting, "_DRAWN", 1000)
        yield


@pytest.fixture(scope="module")
def fitted(samples, small_fits):
    steps = []
    gate, judged = fitting.fit_gate(samples, on_fit=lambda: steps.append(1))
    assert len(steps) == fitting.count_fits(samples)
    return gate, judged


def test_drawn_heads_are_told_from_other_pictures(fitted):
    _, judged = fitted
    lowest_heads = min(np.quantile(one.known, 0.1) for one in judged if one.samples.mri)
    for one in judged:
        if not one.samples.mri:
            assert np.quantile(one.known, 0.9) < lowest_heads


def test_figures_count_every_picture(fitted, samples):
    gate, _ = fitted
    for one in samples[2:]:
        assert gate.accepted[one.source].of == gate.accepted_known[one.source].of == len(one) == 16
    assert gate.rejected_mri["phantom"].of == len(np.unique(samples[1].names))


def test_a_patient_is_in_one_fold(samples):
    folds = {}
    for one in samples[:2]:
        for patient, fold in zip(one.patients, one.fold, strict=True):
            assert folds.setdefault(patient, fold) == fold


def test_a_family_is_judged_without_it(fitted, samples):
    _, judged = fitted
    knees = judged[-1]
    marked = [np.full(len(one), one.source != "MRI knee") for one in samples]
    again = fitting._score(fitting._fit(samples, marked, 0), knees.samples)
    np.testing.assert_allclose(knees.unknown, again, atol=1e-6)


def test_a_better_channel_speaks_for_its_slice():
    scores = np.array([-5.0, 3.0, -4.0, -4.0])
    pictures = [Picture(np.eye(20), f"case {slice}", "case") for slice in (1, 1, 2, 2)]
    judged = fitting.Judged(measure_pictures("lgg", pictures, mri=True), scores, scores)
    best, has_head = fitting._of_pictures(judged)
    assert best.tolist() == [3.0, -4.0]
    assert has_head.all()


def test_a_scan_is_judged_by_the_median_of_its_full_slices():
    scores = np.array([-9.0, 2.0, 1.0, 3.0, -9.0])
    pictures = [
        Picture(np.eye(20), f"case {k}", "case", 1.0, share) for k, share in enumerate((0.1, 0.5, 0.6, 0.5, 0.05))
    ]
    judged = fitting.Judged(measure_pictures("lgg", pictures, mri=True), scores, scores)
    assert fitting._of_scans(judged).tolist() == [2.0]


def test_an_altered_picture_keeps_its_patient_and_loses_its_rim():
    head = next(heads([0]))._replace(head_share=0.5)
    altered = list(altered_pictures([head] * 12, every=1))
    assert {picture.patient for picture in altered} == {head.patient}
    assert all(picture.pixels.shape == head.pixels.shape for picture in altered)
    assert any(np.abs(picture.pixels - altered[0].pixels).max() > 0.2 for picture in altered)


def test_plots_are_pictures(fitted):
    gate, judged = fitted
    for content in (draw_scores(gate, judged), draw_wrong(gate, judged)):
        assert content.startswith(b"\x89PNG")


def test_a_gate_needs_real_mri():
    with pytest.raises(BadDataset, match="name at least one data set"):
        fitting.fit_gate([measure_pictures("noise", family_pictures("noise", 8, 0), mri=False)])


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="brats: not a data set the gate knows"):
        read_samples({"brats": tmp_path}, 1, 0, lambda name: None)


def test_the_gate_that_ships_was_judged_on_every_family():
    from tumorscope.preparing.gate import default_gate

    assert set(FAMILIES) <= set(default_gate().accepted)
    assert json.loads(default_gate().model_dump_json())["threshold"] == default_gate().threshold
    assert isinstance(default_gate(), Gate)
