"""One case is read, analyzed and written by the same function for every program."""

import dataclasses
import json
from functools import partial

import nibabel
import numpy as np
import pytest
from making import bright_flair, write_bundle

from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti
from tumorscope.inference.bundles import Inputs, load_bundle
from tumorscope.inference.engine import Engine
from tumorscope.inference.engine_pool import ChosenEngine
from tumorscope.measurement import location
from tumorscope.measurement.brain_regions import REGIONS
from tumorscope.preprocessing.template import location_installed
from tumorscope.preprocessing.template_registration import TemplateRegistration
from tumorscope.studies.case import AnalysisOptions, Case, Findings, process_case


def on_t1c(images):
    """Stands for a network: all that is bright on T1c is tumor."""
    mask = (images[:, 0] - 1.5) * 20
    return {"presence": ((mask > 0).mean(axis=(1, 2)) - 0.01) * 1000, "mask": mask}


class TwoEngines:
    """The engines of a study with FLAIR and T1c."""

    bundles = ()

    def __init__(self, first, second):
        self.engines = (ChosenEngine(first, "the first"), ChosenEngine(second, "the second"))

    def for_scan(self, _scan):
        return self.engines


class OneEngine:
    """The engines of a single bundle."""

    bundles = ()

    def __init__(self, engine):
        self.engine = engine

    def for_scan(self, _scan):
        return (ChosenEngine(self.engine, "the only one"),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three sequences of three slices with their true mask."""
    folder = tmp_path_factory.mktemp("phantom") / "head"
    write_nifti(make_phantom([plausible_lesion(0)], seed=0, shape=(3, 96, 96)), folder)
    return folder


@pytest.fixture
def engines(tmp_path):
    bundle = load_bundle(str(write_bundle(tmp_path / "bundle", b"a model")))
    return OneEngine(Engine(bundle, "fake", "float", partial(bright_flair, threshold=1.5)))


@pytest.fixture
def two_engines(engines, tmp_path):
    bundle = write_bundle(tmp_path / "t1c", b"another", name="on-t1c", inputs=Inputs(sequences=("t1c",)))
    return TwoEngines(engines.engine, Engine(load_bundle(str(bundle)), "fake", "float", on_t1c))


def document(result):
    return json.loads((result.folder / "analysis.json").read_text())


def test_progress_has_three_stages_and_every_slice(folder, engines, tmp_path):
    seen = []
    result = process_case(
        Case(folder), engines, tmp_path / "out", name=lambda name: f"{name}-1", on_progress=seen.append
    )
    assert list(dict.fromkeys(each.stage for each in seen)) == ["reading", "analyzing", "writing"]
    assert [(each.done, each.total, each.name) for each in seen if each.stage == "analyzing"][-1] == (3, 3, "head-1")
    assert result.folder == tmp_path / "out" / "head-1"
    assert result.analysis.bundle_reason == "the only one"
    assert document(result)["timing_ms"]["reading"] > 0


@pytest.mark.parametrize("stage", ["reading", "analyzing", "writing"])
def test_an_exception_of_the_callback_ends_it_before_anything_is_written(folder, engines, tmp_path, stage):
    def stop(progress):
        if progress.stage == stage:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        process_case(Case(folder), engines, tmp_path / "out", on_progress=stop)
    assert not (tmp_path / "out").exists()


def test_a_mask_beside_the_scan_is_the_truth_only_if_wanted(folder, engines, tmp_path):
    assert process_case(Case(folder), engines, tmp_path / "with").dice is not None
    options = AnalysisOptions(find_truth=False)
    assert process_case(Case(folder), engines, tmp_path / "without", options).dice is None


def test_a_correction_replaces_the_mask_and_missing_images_are_stated(folder, engines, tmp_path):
    mask = np.zeros((3, 96, 96), bool)
    mask[1, 40:50, 40:50] = True
    case = dataclasses.replace(Case(folder), segmentation=mask, incomplete="the sender did not finish")
    content = document(process_case(case, engines, tmp_path / "out", AnalysisOptions(input_check=False)))
    assert content["corrected"]
    assert content["voxels"] == 100
    assert content["incomplete"] == "the sender did not finish"


def test_two_engines_make_one_analysis_with_two_labels_and_count_every_slice_twice(folder, two_engines, tmp_path):
    seen = []
    result = process_case(Case(folder), two_engines, tmp_path / "out", on_progress=seen.append)
    assert [(each.done, each.total) for each in seen if each.stage == "analyzing"][-1] == (6, 6)
    content = document(result)
    whole, enhancing = content["labels"]
    assert (whole["name"], enhancing["name"]) == ("whole tumor", "enhancing tumor")
    assert (whole["bundle"]["reason"], enhancing["bundle"]["reason"]) == ("the first", "the second")
    assert whole["voxels"] == content["voxels"]
    assert whole["mask_rle"] == content["mask_rle"]
    findings = Findings.of(result.analysis)
    assert findings.bundle == "fake+on-t1c"
    assert len(findings.bundle_sha256.split("+")) == 2


def test_a_rejected_scan_is_not_shown_to_the_second_engine(two_engines, tmp_path):
    random, paths = np.random.default_rng(0), {}
    for sequence in ("t1", "flair", "t1c"):
        paths[sequence] = tmp_path / f"{sequence}.nii.gz"
        noise = random.normal(size=(96, 96, 3)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(noise, np.diag([1, 1, 6, 1])), paths[sequence])
    result = process_case(Case(None, paths), two_engines, tmp_path / "out")
    assert not result.analysis.assessed
    assert result.analysis.parts == ()


def test_a_correction_is_of_the_whole_tumor_and_cuts_the_enhancing_one(folder, two_engines, tmp_path):
    options = AnalysisOptions(input_check=False)
    before = process_case(Case(folder), two_engines, tmp_path / "before", options).analysis
    enhancing = before.parts[0].mask
    assert enhancing.any()
    kept = before.mask.copy()
    kept[:, :, int(np.median(np.argwhere(enhancing)[:, 2])) + 1 :] = False
    case = dataclasses.replace(Case(folder), segmentation=kept)
    result = process_case(case, two_engines, tmp_path / "after", options)
    whole, part = result.analysis.labels
    np.testing.assert_array_equal(whole.mask, kept)
    np.testing.assert_array_equal(part.mask, enhancing & kept)
    assert 0 < part.mask.sum() < enhancing.sum()
    assert sum(finding.area_px for finding in part.slices) == part.mask.sum()
    assert [note.code for note in result.analysis.warnings][:2] == ["corrected_segmentation"] * 2


def test_a_scan_whose_place_cannot_be_found_is_written_without_it(folder, engines, tmp_path):
    result = process_case(Case(folder), engines, tmp_path / "out", AnalysisOptions(location=True))
    written = json.loads((result.folder / "analysis.json").read_text())
    assert [warning["code"] for warning in written["warnings"]].count("location_not_assessed") == 1
    assert {lesion["location"] for lesion in written["lesions"]} == {None}
    assert not (result.folder / "brain.nii.gz").exists()


@pytest.mark.skipif(not location_installed(), reason="the extra `location` is not installed")
def test_regions_and_the_brains_mask_are_written_where_the_atlas_fits(folder, engines, tmp_path, monkeypatch):
    placed = TemplateRegistration(np.eye(4), skull=True, gain=1.0)
    monkeypatch.setattr(location, "register_template", lambda *volume: placed)
    result = process_case(Case(folder), engines, tmp_path / "out", AnalysisOptions(location=True))
    written = json.loads((result.folder / "analysis.json").read_text())
    assert written["lesions"]
    assert all(lesion["location"]["region"] in REGIONS for lesion in written["lesions"])
    brain, mask = (nibabel.load(result.folder / name) for name in ("brain.nii.gz", "mask.nii.gz"))
    assert brain.shape == mask.shape
    assert np.array_equal(brain.affine, mask.affine)
    assert 0.05 < np.asanyarray(brain.dataobj).mean() < 0.9
    assert "Where in the brain" in (result.folder / "report.html").read_text()
