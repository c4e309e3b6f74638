"""What ships, on real patients that training never saw."""

import hashlib

import numpy as np
import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.analysis import analyze
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import load_engine
from tumorscope.io import find_mask, open_scan

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def engine():
    return load_engine(load_bundle("lgg"), "onnxruntime")


def lgg_patients(engine) -> dict[str, list[str]]:
    """Of each part of the bundle's split, the patients of the LGG data set."""
    from tumorscope.datasets.split import Split

    split = Split.load(engine.bundle.folder / "split.json")
    return {
        part: [name.removeprefix("lgg/") for name in names if name.startswith("lgg/")]
        for part, names in split.parts.items()
    }


@pytest.fixture(scope="module")
def evaluated(lgg_folder, engine):
    """The metrics of the test patients of LGG, and each one's segmentation."""
    from tumorscope.datasets.labeled import cases_of
    from tumorscope.datasets.lgg import LggDataset
    from tumorscope.evaluation import evaluate, summarize

    dataset, masks = LggDataset.open(lgg_folder), {}
    cases = cases_of(dataset, lgg_patients(engine)["test"])
    return summarize(evaluate(dataset, cases, engine, on_mask=masks.__setitem__)), masks


def test_test_patients_evaluate_as_the_card_claims(evaluated, engine):
    metrics, masks = evaluated
    claimed = engine.bundle.card.metrics["test"][engine.precision]["lgg"]
    assert metrics["patients"] == claimed["patients"] == len(masks) == len(lgg_patients(engine)["test"])
    assert metrics["patient_dice"]["mean"] == pytest.approx(claimed["patient_dice"]["mean"], abs=0.003)
    assert metrics["presence"]["auroc"]["value"] == pytest.approx(claimed["presence"]["auroc"]["value"], abs=0.003)


def test_no_patient_of_the_data_set_is_in_two_parts_and_none_is_missing(lgg_folder, engine):
    from tumorscope.datasets.lgg import LggDataset

    split_names = sorted(name for part in lgg_patients(engine).values() for name in part)
    assert split_names == [patient.case for patient in LggDataset.open(lgg_folder).patients]


def test_a_patient_is_segmented_slice_by_slice_where_the_radiologist_drew(lgg_folder, evaluated, engine):
    dice = []
    for case in lgg_patients(engine)["test"][:4]:
        truth, mask = find_mask(open_scan(lgg_folder / case)), evaluated[1][case]
        dice.append(2 * (truth & mask).sum() / (truth.sum() + mask.sum()))
    assert np.median(dice) > 0.75


def test_one_real_slice_alone_still_shows_its_tumor(lgg_folder, engine):
    folder = lgg_folder / lgg_patients(engine)["test"][1]
    whole = open_scan(folder)
    truth = find_mask(whole)
    fullest = int(truth.sum(axis=(1, 2)).argmax())
    alone = analyze(open_scan(folder / whole.slice_names[fullest]), engine)
    assert alone.tumor_present
    assert 2 * (alone.mask[0] & truth[fullest]).sum() / (alone.mask[0].sum() + truth[fullest].sum()) > 0.6


def test_a_real_volume_gets_a_mask_on_its_own_grid(volumes_folder, engine, tmp_path):
    import nibabel as nib

    from tumorscope.reporting.results import write_results

    folder = next(volumes_folder.rglob("flair.nii.gz")).parent
    scan = open_scan(None, sequences={name: folder / f"{name}.nii.gz" for name in ("t1", "flair", "t1c")})
    analysis = analyze(scan, engine)
    written = write_results(analysis, tmp_path)
    mask, flair = nib.load(written["mask"]), nib.load(folder / "flair.nii.gz")
    assert mask.shape == flair.shape == (240, 240, 155)
    np.testing.assert_allclose(mask.affine, flair.affine)
    marked = np.asarray(mask.dataobj) > 0
    # Metastases with edema, not glioma: what is marked must at least be bright on FLAIR.
    values = np.asarray(flair.dataobj)
    assert analysis.tumor_present
    assert np.median(values[marked]) > 1.2 * np.median(values[values > 0])
    assert analysis.volume_mm3 == pytest.approx(marked.sum())


def test_a_real_t2_series_is_read_and_its_missing_flair_is_named(volumes_folder, engine):
    folder = next(volumes_folder.rglob("t2_axial"))
    scan = open_scan(folder)
    assert scan.shape == (55, 512, 384)
    assert scan.spacing_mm[0] == pytest.approx(2.5, abs=0.01)
    with pytest.raises(TumorscopeError, match="flair"):
        analyze(scan, engine)
    taken_for_flair = analyze(open_scan(folder, channels=["flair"]), engine)
    assert taken_for_flair.mask.shape == scan.shape


@pytest.fixture(scope="module")
def typing_engine():
    return load_engine(load_bundle("t1c"), "onnxruntime")


def test_types_and_outlines_of_patients_the_t1c_bundle_never_saw(figshare_folder, typing_engine):
    from tumorscope.datasets.figshare import FigshareDataset
    from tumorscope.datasets.split import Split

    split = Split.load(typing_engine.bundle.folder / "split.json")
    unseen = [
        case for case in FigshareDataset.open(figshare_folder).cases if f"figshare/{case.patient}" in split["test"]
    ]
    assert len(unseen) >= 5
    right, dice = [], []
    for case in unseen:
        analysis, truth = analyze(case.scan(), typing_engine), case.truth()
        assert analysis.tumor_type is not None
        right.append(analysis.tumor_type.likeliest == truth.tumor_class)
        assert truth.mask is not None
        dice.append(2 * (analysis.mask & truth.mask).sum() / (analysis.mask.sum() + truth.mask.sum()))
    assert np.mean(right) >= 0.8
    assert np.median(dice) > 0.75


def test_four_class_images_are_told_apart_about_as_often_as_the_card_claims(kaggle4_folder, typing_engine):
    from tumorscope.datasets.registry import open_dataset
    from tumorscope.datasets.split import Split
    from tumorscope.evaluation import evaluate, summarize

    split = Split.load(typing_engine.bundle.folder / "split.json")
    held_out = {name.removeprefix("kaggle4/") for name in split["test"] if name.startswith("kaggle4/")}
    dataset = open_dataset("kaggle4", kaggle4_folder)
    cases = [case for case in dataset.cases if case.patient in held_out][::12]
    metrics = summarize(evaluate(dataset, cases, typing_engine))
    claimed = typing_engine.bundle.card.metrics["test"]["float"]["kaggle4"]["classes"]["accuracy"]["value"]
    assert metrics["slices"] > 100
    assert metrics["classes"]["accuracy"]["value"] == pytest.approx(claimed, abs=0.06)


def test_the_t1c_bundle_never_saw_a_file_that_it_is_assessed_on_under_another_name(kaggle4_folder, typing_engine):
    """Near copies are :mod:`tests.training.test_copies`' business; 216 test images are byte for byte training ones."""
    from tumorscope.datasets.split import Split
    from tumorscope.training.copies import LEFT_OUT_FILE, read_left_out

    split = Split.load(typing_engine.bundle.folder / "split.json")
    parts = [set(split[part]) for part in ("train", "validation", "test")]
    assert not (parts[0] | parts[1]) & parts[2]
    assert not parts[0] & parts[1]
    left_out = read_left_out(typing_engine.bundle.folder / LEFT_OUT_FILE)
    digests = {
        part: {
            hashlib.sha256((kaggle4_folder / name.removeprefix("kaggle4/")).read_bytes()).digest()
            for name in split[part]
            if name.startswith("kaggle4/") and name not in left_out
        }
        for part in ("train", "test")
    }
    assert len(digests["train"]) > 400
    assert not digests["train"] & digests["test"]
