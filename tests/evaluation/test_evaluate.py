import json
import shutil

import numpy as np
import pytest
from evaluation.conftest import CLASSES, brightness_tells_class, make_classed

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.lgg import LggPatient
from tumorscope.evaluation import evaluate, summarize
from tumorscope.evaluation.evaluate import evaluated_classes
from tumorscope.inference.analysis import analyze


def nothing(images: np.ndarray) -> dict[str, np.ndarray]:
    low = np.full((len(images), *images.shape[2:]), -9.0)
    return {"mask": low, "presence": low.max(axis=(1, 2))}


def test_a_network_that_sees_what_is_there_scores_nearly_full(dataset, make_engine):
    metrics = summarize(evaluate(dataset, dataset.cases, make_engine()))
    assert metrics["patients"] == 3
    assert metrics["slices"] == 18
    assert metrics["patient_dice"]["n"] == 3
    assert metrics["patient_dice"]["mean"] > 0.9
    low, high = metrics["patient_dice"]["ci95"]
    assert low <= metrics["patient_dice"]["mean"] <= high
    assert metrics["tumor_slice_dice"]["n"] == 6
    assert metrics["hd95_px"]["median"] <= 1
    assert metrics["empty_slice_false_positive_rate"]["value"] == 0
    assert metrics["presence"]["auroc"] == {"value": 1, "ci95": [1, 1]}
    assert metrics["presence"]["confusion"] == [[12, 0], [0, 6]]


def test_what_is_evaluated_is_what_users_get(dataset, make_engine):
    engine = make_engine()
    evaluation = evaluate(dataset, dataset.cases[:1], engine)
    analysis = analyze(dataset.patients[0].scan(), engine, input_check=False)
    truth = dataset.patients[0].mask
    expected = 2 * (analysis.mask & truth).sum() / (analysis.mask.sum() + truth.sum())
    assert evaluation.cases[0].dice == pytest.approx(expected)
    assert [row.predicted_px for row in evaluation.slices] == [finding.area_px for finding in analysis.slices]
    assert [row.tumor_probability for row in evaluation.slices] == [
        finding.tumor_probability for finding in analysis.slices
    ]


def test_a_network_that_sees_nothing_scores_zero_and_raises_no_alarm(dataset, make_engine):
    evaluation = evaluate(dataset, dataset.cases, make_engine(nothing))
    metrics = summarize(evaluation)
    assert metrics["patient_dice"]["mean"] == 0
    assert metrics["tumor_slice_dice"]["mean"] == 0
    assert metrics["hd95_px"] == {"n": 0, "mean": None, "median": None, "q1": None, "q3": None, "ci95": None}
    assert metrics["presence"]["sensitivity"]["value"] == 0
    assert metrics["presence"]["specificity"]["value"] == 1
    assert [row.dice for row in evaluation.slices[:3]] == [None, None, 0.0]


def test_every_slice_and_patient_has_a_row_that_adds_up(dataset, make_engine):
    evaluation = evaluate(dataset, dataset.cases, make_engine())
    for patient in evaluation.cases:
        rows = [row for row in evaluation.slices if row.case == patient.case]
        assert [row.slice for row in rows] == list(range(patient.slices))
        assert sum(row.true_px for row in rows) == patient.true_px
        assert sum(row.predicted_px or 0 for row in rows) == patient.predicted_px
        assert sum(row.present for row in rows) == patient.tumor_slices
    assert [patient.true_px for patient in evaluation.cases] == [12**2 + 16**2, 10**2, 8**2 + 14**2 + 12**2]


def test_a_broken_patient_is_named_and_does_not_stop_the_others(dataset, make_engine):
    broken = dataset.patients[1].folder
    (broken / f"{broken.name}_2.tif").write_bytes(b"not an image")
    done = []
    missing = LggPatient(dataset.root / "TCGA_XX_9999_20000101")
    cases = [patient.case for patient in (*dataset.cases, missing)]
    evaluation = evaluate(dataset, [*dataset.cases, missing], make_engine(), done.append)
    assert done == cases
    assert [patient.case for patient in evaluation.cases] == [cases[0], cases[2]]
    assert [item.case for item in evaluation.failed] == [cases[1], cases[3]]
    assert all(item.reason and "\n" not in item.reason for item in evaluation.failed)
    assert [item["case"] for item in summarize(evaluation)["failed"]] == [cases[1], cases[3]]


def test_a_mask_of_another_size_is_refused_not_resized(dataset, make_engine):
    import tifffile

    for path in dataset.patients[0].folder.glob("*_mask.tif"):
        tifffile.imwrite(path, np.zeros((32, 32), np.uint8))
    evaluation = evaluate(dataset, dataset.cases, make_engine())
    assert len(evaluation.failed) == 1


def test_an_evaluation_without_a_single_patient_is_an_error(dataset, make_engine):
    for patient in dataset.patients:
        shutil.rmtree(patient.folder)
    with pytest.raises(TumorscopeError, match="not one of 3 cases"):
        evaluate(dataset, dataset.cases, make_engine())


def test_a_bundle_without_masks_is_evaluated_on_presence_alone(dataset, make_engine):
    def presence(images):
        return {"presence": images[:, 1].max(axis=(1, 2)) - 3}

    evaluation = evaluate(dataset, dataset.cases, make_engine(presence, outputs=["presence"]))
    metrics = summarize(evaluation)
    assert metrics["patient_dice"] is None
    assert metrics["empty_slice_false_positive_rate"] is None
    assert metrics["presence"]["accuracy"]["value"] == 1


def test_a_bundle_without_a_presence_output_is_evaluated_by_its_masks(dataset, make_engine):
    def mask(images):
        return {"mask": 4 * (images[:, 1] - 3)}

    metrics = summarize(evaluate(dataset, dataset.cases, make_engine(mask, outputs=["mask"])))
    assert metrics["presence"]["confusion"] == [[12, 0], [0, 6]]


def test_the_figures_are_json(dataset, make_engine):
    for session in (nothing, None):
        engine = make_engine(session) if session else make_engine()
        metrics = summarize(evaluate(dataset, dataset.cases[:1], engine))
        assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
        assert "not counted" in metrics["policy"]


ALL = {
    "inputs": {"sequences": ["t1c"], "substitutes": {"t1c": ["unknown"]}},
    "outputs": ["presence", "type", "mask"],
    "classes": list(CLASSES),
    "maps": ["type_map"],
}


def test_classes_masks_and_maps_are_evaluated_where_the_truth_has_them(tmp_path, make_engine):
    made = make_classed(tmp_path)
    evaluation = evaluate(made, made.cases, make_engine(brightness_tells_class, **ALL))
    assert not evaluation.failed
    assert evaluation.classes == CLASSES
    assert [row.predicted_class for row in evaluation.slices] == [case.tumor_class for case in made.cases]
    for row in evaluation.slices:
        assert sum(row.class_probabilities) == pytest.approx(1)
        assert row.mask_share is not None
        # The square lies on 80 of 4,096 pixels, of which the head's frame leaves some out.
        assert 80 / 4096 < row.mask_share < 0.04
        assert row.saliency_inside_mask is not None
        assert row.saliency_inside_mask > 0.5
    metrics = summarize(evaluation)
    assert (metrics["patients"], metrics["cases"]) == (6, 12)
    assert metrics["classes"]["accuracy"] == {"value": 1, "ci95": [1, 1]}
    assert metrics["tumor_slice_dice"]["mean"] > 0.9
    assert metrics["presence"]["specificity"] == {"value": None, "ci95": None}  # every image shows a tumor


def test_presence_stands_for_no_tumor_in_a_bundle_without_that_class(tmp_path, make_engine):
    made = make_classed(tmp_path, (*CLASSES[:2], "notumor", CLASSES[2]), masks=False)
    evaluation = evaluate(made, made.cases, make_engine(brightness_tells_class, **ALL))
    assert [row.predicted_class for row in evaluation.slices] == [case.tumor_class for case in made.cases]
    for row in evaluation.slices:
        assert sum(row.class_probabilities) == pytest.approx(1)
        assert row.class_probabilities[2] == pytest.approx(1 - row.tumor_probability)
        assert (row.true_px, row.dice, row.saliency_inside_mask) == (None, None, None)
    metrics = summarize(evaluation)
    assert metrics["presence"]["confusion"] == [[3, 0], [0, 9]]
    assert metrics["tumor_slice_dice"] is None


def test_classes_are_evaluated_only_with_a_bundle_that_has_them_all(make_engine):
    card = make_engine(**ALL).bundle.card
    assert evaluated_classes(("glioma", "metastasis"), card) == ()
    assert evaluated_classes((), card) == ()
    assert evaluated_classes(CLASSES, make_engine().bundle.card) == ()


def test_predicting_a_type_that_the_data_set_lacks_is_an_error(tmp_path, make_engine):
    made = make_classed(tmp_path, CLASSES[:2])

    def always_pituitary(images):
        prediction = brightness_tells_class(images)
        return {**prediction, "type": np.tile([0.0, 0.0, 5.0], (len(images), 1))}

    evaluation = evaluate(made, made.cases, make_engine(always_pituitary, **ALL))
    assert evaluation.classes == CLASSES
    metrics = summarize(evaluation)["classes"]
    assert metrics["accuracy"]["value"] == 0
    assert metrics["confusion"] == [[0, 0, 6], [0, 0, 6], [0, 0, 0]]
    assert metrics["of_class"]["pituitary"]["recall"]["value"] is None


@pytest.mark.real
def test_a_threshold_on_real_flair_is_far_from_perfect_but_every_patient_is_evaluated(lgg_folder, make_engine):
    from tumorscope.datasets.lgg import LggDataset

    real = LggDataset.open(lgg_folder)
    cases = real.patients[::44]
    evaluation = evaluate(real, cases, make_engine(preparation={"size": 128}))
    metrics = summarize(evaluation)
    assert not evaluation.failed
    assert metrics["patients"] == 2
    assert 0 <= metrics["patient_dice"]["mean"] < 0.9
    assert sum(row.true_px for row in evaluation.slices) == sum(int(case.mask.sum()) for case in cases)
