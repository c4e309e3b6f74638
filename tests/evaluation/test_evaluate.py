import json
import shutil

import numpy as np
import pytest

from tumorscope.analysis import analyze
from tumorscope.errors import TumorscopeError
from tumorscope.evaluation import evaluate_lgg, summarize


def names(dataset) -> list[str]:
    return [patient.case for patient in dataset.patients]


def nothing(pictures: np.ndarray) -> dict[str, np.ndarray]:
    low = np.full((len(pictures), *pictures.shape[2:]), -9.0)
    return {"mask": low, "presence": low.max(axis=(1, 2))}


def test_a_network_that_sees_what_is_there_scores_nearly_full(dataset, make_engine):
    figures = summarize(evaluate_lgg(dataset, names(dataset), make_engine()))
    assert figures["patients"] == 3
    assert figures["slices"] == 18
    assert figures["patient_dice"]["n"] == 3
    assert figures["patient_dice"]["mean"] > 0.9
    low, high = figures["patient_dice"]["ci95"]
    assert low <= figures["patient_dice"]["mean"] <= high
    assert figures["tumor_slice_dice"]["n"] == 6
    assert figures["hd95_px"]["median"] <= 1
    assert figures["empty_slice_false_positive_rate"]["value"] == 0
    assert figures["presence"]["auroc"] == {"value": 1, "ci95": [1, 1]}
    assert figures["presence"]["confusion"] == [[12, 0], [0, 6]]


def test_what_is_evaluated_is_what_users_get(dataset, make_engine):
    engine = make_engine()
    evaluation = evaluate_lgg(dataset, names(dataset)[:1], engine)
    analysis = analyze(dataset.patients[0].scan(), engine)
    truth = dataset.patients[0].mask
    expected = 2 * (analysis.mask & truth).sum() / (analysis.mask.sum() + truth.sum())
    assert evaluation.patients[0].dice == pytest.approx(expected)
    assert [row.predicted_px for row in evaluation.slices] == [finding.area_px for finding in analysis.slices]
    assert [row.tumor_probability for row in evaluation.slices] == [
        finding.tumor_probability for finding in analysis.slices
    ]


def test_a_network_that_sees_nothing_scores_zero_and_raises_no_alarm(dataset, make_engine):
    evaluation = evaluate_lgg(dataset, names(dataset), make_engine(nothing))
    figures = summarize(evaluation)
    assert figures["patient_dice"]["mean"] == 0
    assert figures["tumor_slice_dice"]["mean"] == 0
    assert figures["hd95_px"] == {"n": 0, "mean": None, "median": None, "q1": None, "q3": None, "ci95": None}
    assert figures["presence"]["sensitivity"]["value"] == 0
    assert figures["presence"]["specificity"]["value"] == 1
    assert [row.dice for row in evaluation.slices[:3]] == [None, None, 0.0]


def test_every_slice_and_patient_has_a_row_that_adds_up(dataset, make_engine):
    evaluation = evaluate_lgg(dataset, names(dataset), make_engine())
    for patient in evaluation.patients:
        rows = [row for row in evaluation.slices if row.case == patient.case]
        assert [row.slice for row in rows] == list(range(patient.slices))
        assert sum(row.true_px for row in rows) == patient.true_px
        assert sum(row.predicted_px or 0 for row in rows) == patient.predicted_px
        assert sum(row.present for row in rows) == patient.tumor_slices
    assert [patient.true_px for patient in evaluation.patients] == [12**2 + 16**2, 10**2, 8**2 + 14**2 + 12**2]


def test_a_broken_patient_is_named_and_does_not_stop_the_others(dataset, make_engine):
    broken = dataset.patients[1].folder
    (broken / f"{broken.name}_2.tif").write_bytes(b"not a picture")
    done = []
    cases = [*names(dataset), "TCGA_XX_9999_20000101"]
    evaluation = evaluate_lgg(dataset, cases, make_engine(), done.append)
    assert done == cases
    assert [patient.case for patient in evaluation.patients] == [cases[0], cases[2]]
    assert [item.case for item in evaluation.failed] == [cases[1], cases[3]]
    assert all(item.reason and "\n" not in item.reason for item in evaluation.failed)
    assert [item["case"] for item in summarize(evaluation)["failed"]] == [cases[1], cases[3]]


def test_a_mask_of_another_size_is_refused_not_resized(dataset, make_engine):
    import tifffile

    for path in dataset.patients[0].folder.glob("*_mask.tif"):
        tifffile.imwrite(path, np.zeros((32, 32), np.uint8))
    evaluation = evaluate_lgg(dataset, names(dataset), make_engine())
    assert len(evaluation.failed) == 1


def test_an_evaluation_without_a_single_patient_is_an_error(dataset, make_engine):
    for patient in dataset.patients:
        shutil.rmtree(patient.folder)
    with pytest.raises(TumorscopeError, match="not one of 3 patients"):
        evaluate_lgg(dataset, names(dataset), make_engine())


def test_a_bundle_without_masks_is_judged_on_presence_alone(dataset, make_engine):
    def presence(pictures):
        return {"presence": pictures[:, 1].max(axis=(1, 2)) - 3}

    evaluation = evaluate_lgg(dataset, names(dataset), make_engine(presence, outputs=["presence"]))
    figures = summarize(evaluation)
    assert figures["patient_dice"] is None
    assert figures["empty_slice_false_positive_rate"] is None
    assert figures["presence"]["accuracy"]["value"] == 1


def test_a_bundle_without_a_presence_output_is_judged_by_its_masks(dataset, make_engine):
    def mask(pictures):
        return {"mask": 4 * (pictures[:, 1] - 3)}

    figures = summarize(evaluate_lgg(dataset, names(dataset), make_engine(mask, outputs=["mask"])))
    assert figures["presence"]["confusion"] == [[12, 0], [0, 6]]


def test_the_figures_are_json(dataset, make_engine):
    for session in (nothing, None):
        engine = make_engine(session) if session else make_engine()
        figures = summarize(evaluate_lgg(dataset, names(dataset)[:1], engine))
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures
        assert "not counted" in figures["policy"]


@pytest.mark.real
def test_a_threshold_on_real_flair_is_far_from_perfect_but_every_patient_is_judged(lgg_folder, make_engine):
    from tumorscope.datasets.lgg import LggDataset

    real = LggDataset.open(lgg_folder)
    cases = names(real)[::44]
    evaluation = evaluate_lgg(real, cases, make_engine(preparation={"size": 128}))
    figures = summarize(evaluation)
    assert not evaluation.failed
    assert figures["patients"] == 2
    assert 0 <= figures["patient_dice"]["mean"] < 0.9
    assert sum(row.true_px for row in evaluation.slices) == sum(int(real[case].mask.sum()) for case in cases)
