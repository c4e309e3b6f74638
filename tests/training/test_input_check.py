import json

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.negatives import FAMILIES
from tumorscope.datasets.phantom import make_phantom
from tumorscope.preprocessing.input_check import InputCheck
from tumorscope.training import input_check as fitting
from tumorscope.training.input_check_images import draw_scores, draw_wrong
from tumorscope.training.input_check_samples import (
    SampleImage,
    altered_images,
    family_images,
    measure_images,
    read_samples,
)


def heads(seeds):
    for seed in seeds:
        voxels = make_phantom(seed=seed, shape=(8, 96, 96)).scan.voxels
        for channel in range(3):
            for index in range(1, 8):
                yield SampleImage(voxels[index, ..., channel], f"head {seed} {index}", f"head {seed}")


@pytest.fixture(scope="module")
def samples():
    mri = [
        measure_images("volumes", heads(range(8)), mri=True),
        measure_images("phantom", heads(range(8, 16)), mri=True),
    ]
    names = ("photographs", "noise", "text", "MRI knee")
    return [*mri, *(measure_images(name, family_images(name, 16, 0), mri=False) for name in names)]


@pytest.fixture(scope="module", autouse=True)
def small_fits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "MEMBERS", 1)
        patch.setattr(fitting, "_DRAWN", 1000)
        yield


@pytest.fixture(scope="module")
def fitted(samples, small_fits):
    steps = []
    input_check, evaluated = fitting.fit_input_check(samples, on_fit=lambda: steps.append(1))
    assert len(steps) == fitting.count_fits(samples)
    return input_check, evaluated


def test_drawn_heads_are_told_from_other_images(fitted):
    _, evaluated = fitted
    lowest_heads = min(np.quantile(one.known, 0.1) for one in evaluated if one.samples.mri)
    for one in evaluated:
        if not one.samples.mri:
            assert np.quantile(one.known, 0.9) < lowest_heads


def test_figures_count_every_image(fitted, samples):
    input_check, _ = fitted
    for one in samples[2:]:
        assert input_check.accepted[one.source].of == input_check.accepted_known[one.source].of == len(one) == 16
    assert input_check.rejected_mri["phantom"].of == len(np.unique(samples[1].names))


def test_a_patient_is_in_one_fold(samples):
    folds = {}
    for one in samples[:2]:
        for patient, fold in zip(one.patients, one.fold, strict=True):
            assert folds.setdefault(patient, fold) == fold


def test_a_family_is_evaluated_without_it(fitted, samples):
    _, evaluated = fitted
    knees = evaluated[-1]
    marked = [np.full(len(one), one.source != "MRI knee") for one in samples]
    again = fitting._score(fitting._fit(samples, marked, 0), knees.samples)
    np.testing.assert_allclose(knees.unknown, again, atol=1e-6)


def test_a_better_channel_speaks_for_its_slice():
    scores = np.array([-5.0, 3.0, -4.0, -4.0])
    images = [SampleImage(np.eye(20), f"case {slice}", "case") for slice in (1, 1, 2, 2)]
    evaluated = fitting.ScoredSamples(measure_images("lgg", images, mri=True), scores, scores)
    best, has_head = fitting._of_images(evaluated)
    assert best.tolist() == [3.0, -4.0]
    assert has_head.all()


def test_a_scan_is_evaluated_by_the_median_of_its_full_slices():
    scores = np.array([-9.0, 2.0, 1.0, 3.0, -9.0])
    images = [
        SampleImage(np.eye(20), f"case {k}", "case", 1.0, share) for k, share in enumerate((0.1, 0.5, 0.6, 0.5, 0.05))
    ]
    evaluated = fitting.ScoredSamples(measure_images("lgg", images, mri=True), scores, scores)
    assert fitting._of_scans(evaluated).tolist() == [2.0]


def test_an_altered_image_keeps_its_patient_and_loses_its_rim():
    head = next(heads([0]))._replace(head_share=0.5)
    altered = list(altered_images([head] * 12, every=1))
    assert {image.patient for image in altered} == {head.patient}
    assert all(image.pixels.shape == head.pixels.shape for image in altered)
    assert any(np.abs(image.pixels - altered[0].pixels).max() > 0.2 for image in altered)


def test_plots_are_images(fitted):
    input_check, evaluated = fitted
    for content in (draw_scores(input_check, evaluated), draw_wrong(input_check, evaluated)):
        assert content.startswith(b"\x89PNG")


def test_a_gate_needs_real_mri():
    with pytest.raises(BadDataset, match="name at least one data set"):
        fitting.fit_input_check([measure_images("noise", family_images("noise", 8, 0), mri=False)])


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="brats: not a data set the input_check knows"):
        read_samples({"brats": tmp_path}, 1, 0, lambda name: None)


def test_the_gate_that_ships_was_evaluated_on_every_family():
    from tumorscope.preprocessing.input_check import default_input_check

    assert set(FAMILIES) <= set(default_input_check().accepted)
    assert json.loads(default_input_check().model_dump_json())["threshold"] == default_input_check().threshold
    assert isinstance(default_input_check(), InputCheck)
