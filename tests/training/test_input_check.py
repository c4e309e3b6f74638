import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.negatives import FAMILIES
from tumorscope.datasets.phantom import make_phantom
from tumorscope.datasets.split import Split
from tumorscope.preprocessing.input_check import InputCheck, default_input_check
from tumorscope.training import input_check as fitting
from tumorscope.training.input_check_images import draw_scores, draw_wrong
from tumorscope.training.input_check_samples import (
    RESTYLED,
    _keep_copies_together,
    measure_images,
    measured,
    read_samples,
)
from tumorscope.training.input_check_sources import (
    Parts,
    SampleImage,
    family_images,
    labeled_cases,
    labeled_images,
    restyled_images,
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
    again = fitting.score_samples(fitting._fit(samples, marked, 0), knees.samples)
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


def test_a_restyled_image_keeps_its_patient_and_shape():
    head = next(heads([0]))
    restyled = list(restyled_images([head] * 12))
    assert {image.patient for image in restyled} == {head.patient}
    assert all(image.pixels.shape == head.pixels.shape for image in restyled)
    assert any(np.abs(image.pixels.astype(float) - restyled[0].pixels).max() > 50 for image in restyled)


def test_slices_without_a_head_are_not_restyled():
    head = next(heads([0]))
    assert not list(restyled_images([head._replace(head_share=0.05), head._replace(pixels=np.ones((9, 9)))]))


def test_copies_and_restyled_images_are_in_the_fold_of_the_first():
    first, second = (next(heads([seed])) for seed in (0, 1))
    figshare = measure_images("figshare", [first._replace(patient="a"), second._replace(patient="b")], mri=True)
    figshare.fold[:] = [3, 1]
    copies = [second._replace(patient="c", pixels=second.pixels * 2), first._replace(patient="d")]
    kaggle4 = measure_images("kaggle4", copies, mri=True)
    restyled = measure_images(f"kaggle4{RESTYLED}", copies[::-1], mri=True)
    _keep_copies_together([figshare, kaggle4, restyled])
    assert kaggle4.fold.tolist() == [1, 3]
    assert restyled.fold.tolist() == [3, 1]


def test_measures_are_kept_for_a_later_fit(tmp_path):
    kept = measured("brisc axial", lambda: heads([0]), mri=True, keep=tmp_path)
    again = measured("brisc axial", lambda: pytest.fail("measured a second time"), mri=True, keep=tmp_path)
    for field in ("features", "small", "views", "names", "patients", "head_share", "fold"):
        np.testing.assert_array_equal(getattr(kept, field), getattr(again, field))
    assert (again.source, again.mri) == ("brisc axial", True)


@pytest.fixture
def brisc(tmp_path):
    """Two axial and two coronal slices without a tumor."""
    from PIL import Image

    folder = tmp_path / "brisc" / "no_tumor"
    folder.mkdir(parents=True)
    for place, head in zip(("1_no_ax", "2_no_ax", "3_no_co", "4_no_co"), heads(range(4)), strict=False):
        gray = np.round(255 * head.pixels / head.pixels.max()).astype(np.uint8)
        Image.fromarray(gray).save(folder / f"brisc2025_train_{place}_t1.png")
    return folder.parent


def test_planes_are_sources_of_their_own(brisc):
    found = labeled_cases("brisc", brisc, lambda *_: True)
    assert {source: len(cases) for source, cases in found.items()} == {"brisc axial": 2, "brisc coronal": 2}
    (image,) = labeled_images("brisc", found["brisc coronal"], most=1)
    assert image.patient.startswith("brisc/no_tumor/")


def test_a_fit_sees_neither_what_a_split_holds_out_nor_copies_of_it(brisc, tmp_path):
    names = [f"brisc/no_tumor/brisc2025_train_{place}_t1.png" for place in ("1_no_ax", "2_no_ax", "3_no_co", "4_no_co")]
    folder = tmp_path / "run"
    folder.mkdir()
    parts = {"train": (names[0], names[1]), "validation": (names[2],), "test": (names[3],)}
    Split("brisc+lgg", parts).save(folder / "split.json")
    (folder / "left_out.csv").write_text(f"case,copy_of\n{names[1]},{names[3]}\n")
    seen = Parts.load([folder / "split.json"])

    def chosen(wanted):
        return {f"brisc/{case.case}" for cases in labeled_cases("brisc", brisc, wanted).values() for case in cases}

    assert chosen(seen.is_fitted) == {names[0]}
    assert chosen(seen.is_held_out) == {names[2], names[3]}
    assert chosen(Parts().is_fitted) == set(names)


def test_what_one_split_trains_on_and_another_tests_on_is_held_out(tmp_path):
    once, later = "lgg/TCGA_CS_4941_19960909", "lgg/TCGA_CS_4941_19970101"  # examinations of one patient
    for name, parts in (
        ("one", {"train": ("lgg/a", once), "validation": (), "test": ()}),
        ("two", {"train": ("lgg/a",), "validation": (), "test": (later,)}),
    ):
        (tmp_path / name).mkdir()
        Split("lgg+brats", parts).save(tmp_path / name / "split.json")
    seen = Parts.load([tmp_path / "one" / "split.json", tmp_path / "two" / "split.json"])
    assert (seen.fitted, seen.held_out) == ({"lgg/a"}, {"lgg/TCGA_CS_4941"})


def test_a_split_must_name_its_data_sets(tmp_path):
    Split("lgg", {"train": ("a",), "validation": (), "test": ()}).save(tmp_path / "split.json")
    with pytest.raises(BadDataset, match="several data sets"):
        Parts.load([tmp_path / "split.json"])


def numbered(source, count, mri=True):
    """So many samples that scores can be given to; one image stands for all."""
    one = measure_images(source, [SampleImage(np.eye(20), "", "")], mri=mri)
    names = np.array([f"{source} {n}" for n in range(count)])
    arrays = {name: np.repeat(getattr(one, name), count, axis=0) for name in ("features", "small", "views", "fold")}
    return dataclasses.replace(one, **arrays, names=names, patients=names, head_share=np.ones(count))


def test_the_lower_limit_alone_can_be_chosen_anew(monkeypatch):
    scores = {"br35h": np.linspace(-4, 6, 1000), f"br35h{RESTYLED}": np.linspace(-9, 6, 1000)}
    monkeypatch.setattr(fitting, "score_samples", lambda _, samples: scores[samples.source])
    before = default_input_check()
    input_check = fitting.with_refusal(before, [numbered(source, 1000) for source in scores])
    assert (input_check.threshold, input_check.members, input_check.accepted) == (
        before.threshold,
        before.members,
        before.accepted,
    )
    assert input_check.refusal == pytest.approx(np.quantile(scores[f"br35h{RESTYLED}"], fitting.MOST_REFUSED), abs=2e-3)
    assert {source: str(rate) for source, rate in input_check.refused_mri.items()} == {
        "br35h": "0 of 1000 (0.0 %)",
        f"br35h{RESTYLED}": "4 of 1000 (0.4 %)",
    }
    assert input_check == fitting.with_refusal(input_check, [numbered(source, 1000) for source in scores])


def test_the_lower_limit_needs_heads():
    with pytest.raises(BadDataset, match="no heads"):
        fitting.with_refusal(default_input_check(), [])


def test_thresholds_cost_no_more_heads_than_they_may():
    def assessed(source, scores, mri=True):
        return fitting.ScoredSamples(
            numbered(source, len(scores), mri), np.array(scores, float), np.array(scores, float)
        )

    count = 1000
    usual, odd = np.linspace(0, 10, count), np.linspace(-4, 6, count)
    evaluated = [
        assessed("brisc axial", usual),
        assessed(f"brisc axial{RESTYLED}", odd),
        assessed("phantom", np.full(count, -9)),
        assessed("noise", [-20.0, -2.0, 1.0], mri=False),
    ]
    blank = default_input_check().model_copy(update={"rejected_mri": {}})
    input_check = fitting.with_metrics(blank, evaluated)
    assert input_check.rejected_mri["brisc axial"].share <= fitting.MOST_DOUBTED
    assert input_check.refused_mri[f"brisc axial{RESTYLED}"].share <= fitting.MOST_REFUSED
    assert input_check.threshold == pytest.approx(np.quantile(usual, fitting.MOST_DOUBTED), abs=1e-3)
    assert input_check.refusal == pytest.approx(np.quantile(odd, fitting.MOST_REFUSED), abs=2e-3)
    assert str(input_check.refused["noise"]) == "1 of 3 (33.3 %)"
    assert str(input_check.accepted["noise"]) == "1 of 3 (33.3 %)"


def test_plots_are_images(fitted):
    input_check, evaluated = fitted
    for content in (draw_scores(input_check, evaluated), draw_wrong(input_check, evaluated)):
        assert content.startswith(b"\x89PNG")


def test_a_gate_needs_real_mri():
    with pytest.raises(BadDataset, match="name at least one data set"):
        fitting.fit_input_check([measure_images("noise", family_images("noise", 8, 0), mri=False)])


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="elsewhere: not a data set the input check knows"):
        read_samples({"elsewhere": tmp_path}, 1, 0, lambda name: None)


def test_the_gate_that_ships_was_evaluated_on_every_family():
    assert set(FAMILIES) <= set(default_input_check().accepted)
    assert json.loads(default_input_check().model_dump_json())["threshold"] == default_input_check().threshold
    assert isinstance(default_input_check(), InputCheck)
