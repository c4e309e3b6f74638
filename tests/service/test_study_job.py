"""From a claim to results, despite interruptions."""

import json
import shutil
import threading
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from service.stores import wait_until
from sqlalchemy.exc import OperationalError

from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.service import study_job
from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import new_id
from tumorscope.service.study_job import load_engines, process
from tumorscope.studies import case


@pytest.fixture
def run(settings, catalog, folders, engines):
    def run(study, **changes):
        given = {"settings": settings, "catalog": catalog, "folders": folders, "engines": engines, **changes}
        return process(study, **given)

    return run


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def document(folders, study, revision=1):
    return json.loads((folders.run(study, revision) / "analysis.json").read_text())


def test_a_study_is_analyzed_with_results_and_viewer_images(upload, run, catalog, folders):
    study = upload()
    assert run(study) == "done"
    found = catalog.get(study)
    assert (found.state, found.revision, found.failure) == ("done", 1, None)
    assert {
        key: found.summary[key] for key in ("input_rejected", "tumor_present", "tumor_type", "lesions", "slices")
    } == {
        "input_rejected": None,
        "tumor_present": True,
        "tumor_type": None,
        "lesions": len(document(folders, study)["lesions"]),
        "slices": 9,
    }
    assert sorted(found.summary["sequences"]) == ["flair", "t1", "t1c"]
    assert set(files(folders.run(study, 1))) >= {
        *("analysis.json", "report.html", "report.pdf", "panel.png", "mask.nii.gz"),
        *(f"view/{name}.nii.gz" for name in ("flair", "t1", "t1c", "mask")),
    }
    assert document(folders, study)["case"] == "Müller^Anna"


def test_flips_are_a_setting_of_the_service(upload, run, folders, settings):
    study = upload()
    assert run(study, settings=settings.model_copy(update={"flips": True})) == "done"
    assert document(folders, study)["engine"]["flips"] is True


def test_what_the_user_states_about_the_files_is_followed(run, catalog, folders, phantom_files):
    study = new_id()
    copied = Path(shutil.copytree(phantom_files, folders.incoming() / "case"))
    left_out = next(path.name for path in copied.iterdir() if path.name.startswith("t1.") or "_t1." in path.name)
    folders.import_upload(copied, study, ReadingChoices(sequences={left_out: "unknown"}))
    catalog.create(study, "case", "auto")
    assert run(study) == "done"
    assert sorted(catalog.get(study).summary["sequences"]) == ["flair", "t1c"]


def test_duplicate_and_late_messages_change_nothing(upload, run, engines, folders, catalog):
    study = upload()
    assert [run(study), run(study), run(new_id())] == ["done", "nothing to do", "nothing to do"]
    assert engines.scans == 1
    catalog.delete(study)
    assert run(study) == "nothing to do"


def test_progress_has_stages_and_slices(upload, run, catalog, monkeypatch):
    study, seen = upload(), []
    tell = catalog.progress
    monkeypatch.setattr(catalog, "progress", lambda claim, *said: seen.append(said) or tell(claim, *said))
    run(study)
    assert list(dict.fromkeys(stage for stage, *_ in seen)) == ["reading", "analyzing", "writing"]
    assert ("analyzing", 0, 9) in seen
    assert ("analyzing", 9, 9) in seen


def test_a_corrected_segmentation_is_measured_and_nothing_else_changes(upload, run, catalog, folders):
    study = upload()
    run(study)
    before = files(folders.run(study, 1))
    image = nib.load(folders.run(study, 1) / "view" / "mask.nii.gz")
    drawn = np.zeros(image.shape, np.uint8)
    drawn[30:40, 50:60, 4] = 1
    aside = folders.incoming() / "drawn.nii.gz"
    nib.save(nib.Nifti1Image(drawn, image.affine), aside)
    assert catalog.request_edit(study, 1, lambda number: folders.store_mask(aside, study, number)) == 2
    assert run(study) == "done"
    after = document(folders, study, 2)
    assert after["corrected"]
    assert after["voxels"] == 100
    assert after["tumor_probability"] == document(folders, study)["tumor_probability"]
    assert catalog.get(study).summary["lesions"] == 1
    assert catalog.get(study).revision == 2
    shown = nib.load(folders.run(study, 2) / "view" / "mask.nii.gz")
    np.testing.assert_array_equal(np.asarray(shown.dataobj), drawn)
    assert files(folders.run(study, 1)) == before
    assert (folders.run(study, 2) / "view" / "t1.nii.gz").samefile(folders.run(study, 1) / "view" / "t1.nii.gz")


def test_a_segmentation_of_another_scan_fails_and_the_previous_revision_stays(upload, run, catalog, folders):
    study = upload()
    run(study)
    aside = folders.incoming() / "drawn.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), np.uint8), np.eye(4)), aside)
    catalog.request_edit(study, 1, lambda number: folders.store_mask(aside, study, number))
    assert run(study) == "failed"
    assert catalog.get(study).failure.startswith("the segmentation has 5×5×5 voxels")
    assert catalog.get(study).revision == 1
    assert folders.run(study, 1).is_dir()


def test_an_unreadable_study_is_reported_in_one_line_without_a_path(run, catalog, folders, caplog):
    study, case = new_id(), folders.incoming() / "case"
    case.mkdir()
    (case / "notes.txt").write_text("hello")
    (case / "more.txt").write_text("hello")
    folders.import_upload(case, study)
    catalog.create(study, "holiday", "auto")
    assert run(study) == "failed"
    failure = catalog.get(study).failure
    assert failure.startswith("holiday: none of its 2 files is a scan")
    assert str(folders.data) not in failure
    assert "holiday" not in caplog.text


def test_a_bug_is_reported_by_its_location_and_not_by_its_message(upload, run, catalog, monkeypatch, caplog):
    def bug(*_args, **_kwargs):
        raise ValueError("this message names Müller^Anna")

    monkeypatch.setattr("tumorscope.studies.case.analyze_study", bug)
    study = upload()
    assert run(study) == "failed"
    assert (
        "a fault of the program, not of the case (ValueError in test_study_job.py, line " in catalog.get(study).failure
    )
    assert "Anna" not in catalog.get(study).failure + caplog.text


def test_logs_contain_only_the_study_s_id(upload, run, caplog):
    study = upload()
    run(study)
    assert f"{study}: revision 1 started" in caplog.text
    assert "Anna" not in caplog.text


@pytest.mark.parametrize(
    ("module", "step"),
    [(case, "open_scan"), (case, "analyze_study"), (case, "write_results"), (study_job, "write_views")],
)
def test_a_stopped_worker_releases_the_study_and_leaves_nothing(
    upload, run, catalog, folders, monkeypatch, module, step
):
    """It notices the stop at its next step, at any point of the analysis."""
    stop, real = threading.Event(), getattr(module, step)

    def stopped(*args, **kwargs):
        stop.set()
        return real(*args, **kwargs)

    monkeypatch.setattr(module, step, stopped)
    study = upload()
    assert run(study, stop=stop) == "released"
    assert catalog.get(study).state == "queued"
    assert not folders.run(study, 1).exists()
    assert list((folders.data / "working").iterdir()) == []
    monkeypatch.undo()
    assert run(study) == "done"


def test_a_study_deleted_during_the_analysis_leaves_nothing(upload, run, catalog, folders, monkeypatch):
    real, study = case.write_results, upload()

    def meanwhile(*args, **kwargs):
        written = real(*args, **kwargs)
        catalog.delete(study)
        folders.remove(study)
        return written

    monkeypatch.setattr(case, "write_results", meanwhile)
    assert run(study) == "lost"
    assert [path for path in folders.data.rglob("*") if path.is_file() and "sqlite" not in path.name] == []


def test_committed_results_are_recorded_and_not_repeated(upload, run, catalog, folders, engines, monkeypatch):
    """A worker ended between committing them and recording it."""
    study = upload()

    def gone(*_args):
        raise OperationalError("UPDATE", {}, Exception("the database went away"))

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "finish", gone)
        assert run(study, worker="first") == "lost"
    before = files(folders.run(study, 1))
    assert catalog.get(study).state == "analyzing"
    catalog.expire_leases("first")
    assert run(study) == "done"
    assert files(folders.run(study, 1)) == before
    assert engines.scans == 1
    assert catalog.get(study).summary["slices"] == 9


def test_of_two_workers_on_one_study_one_result_counts(upload, run, catalog, folders, monkeypatch):
    """The first one's lease expired, and it continues after the second has finished."""
    study, real, results = upload(), study_job.write_views, []

    def slow(*args, **kwargs):
        monkeypatch.setattr(study_job, "write_views", real)
        catalog.expire_leases("first")
        results.append(run(study, worker="second"))
        results.append(files(folders.run(study, 1)))
        return real(*args, **kwargs)

    monkeypatch.setattr(study_job, "write_views", slow)
    assert run(study, worker="first") == "lost"
    assert results[0] == "done"
    assert files(folders.run(study, 1)) == results[1]
    assert (catalog.get(study).state, catalog.get(study).revision) == ("done", 1)


def test_a_long_step_keeps_its_lease(upload, run, settings, folders, catalog, monkeypatch):
    short = settings.model_copy(update={"lease_s": 6.0})  # a busy machine stands still for seconds
    own, study, real = Catalog(settings.database_url, lease_s=6), upload(), case.write_results
    tried = []

    def slow(*args, **kwargs):
        for _ in range(16):
            tried.append(own.claim(study, "thief"))
            threading.Event().wait(0.5)
        return real(*args, **kwargs)

    monkeypatch.setattr(case, "write_results", slow)
    assert run(study, settings=short, catalog=own) == "done"
    assert tried == [None] * 16
    own.close()


def test_only_offered_bundles_can_be_requested(settings, phantom_files, run, catalog, folders, engines):
    study = new_id()
    folders.import_upload(Path(shutil.copytree(phantom_files, folders.incoming() / "case")), study)
    catalog.create(study, "case", str(engines.engine.bundle.folder))
    assert run(study, engines=load_engines(settings)) == "failed"
    assert "no bundle" in catalog.get(study).failure
    named = settings.model_copy(update={"bundle": str(engines.engine.bundle.folder)})
    catalog.retry(study)
    run(study, engines=load_engines(named))
    assert "no bundle" not in (catalog.get(study).failure or ""), "the one that the service was started with"


def test_a_study_of_one_file_is_read_as_a_file(run, catalog, folders, phantom_files):
    study, upload = new_id(), folders.incoming()
    path = Path(shutil.copy(phantom_files / "flair.nii.gz", upload / "flair.nii.gz"))
    folders.import_upload(path, study)
    catalog.create(study, "flair.nii.gz", "auto")
    assert run(study) == "done"
    wait_until(lambda: catalog.get(study).summary["slices"] == 9, "nine slices")
    assert not list(folders.data.glob("working/*"))
