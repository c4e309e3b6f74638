"""From a claim to results, whatever happens in between."""

import json
import shutil
import threading
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from service.stores import wait_until
from sqlalchemy.exc import OperationalError

from tumorscope.service.catalog import Catalog
from tumorscope.service.records import new_id
from tumorscope.service.work import load_engines, process


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


def test_a_study_is_analyzed_and_its_results_and_images_are_there(upload, run, catalog, folders):
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


def test_a_message_that_comes_twice_or_late_changes_nothing(upload, run, engines, folders, catalog):
    study = upload()
    assert [run(study), run(study), run(new_id())] == ["done", "nothing to do", "nothing to do"]
    assert engines.scans == 1
    catalog.delete(study)
    assert run(study) == "nothing to do"


def test_progress_is_told_by_stage_and_slice(upload, run, catalog, monkeypatch):
    study, seen = upload(), []
    tell = catalog.progress
    monkeypatch.setattr(catalog, "progress", lambda claim, *said: seen.append(said) or tell(claim, *said))
    run(study)
    assert list(dict.fromkeys(stage for stage, *_ in seen)) == ["reading", "analyzing", "writing"]
    assert ("analyzing", 0, 9) in seen
    assert ("analyzing", 9, 9) in seen


def test_a_corrected_outline_is_measured_and_nothing_else_changes(upload, run, catalog, folders):
    study = upload()
    run(study)
    before = files(folders.run(study, 1))
    image = nib.load(folders.run(study, 1) / "view" / "mask.nii.gz")
    drawn = np.zeros(image.shape, np.uint8)
    drawn[30:40, 50:60, 4] = 1
    aside = folders.incoming() / "drawn.nii.gz"
    nib.save(nib.Nifti1Image(drawn, image.affine), aside)
    assert catalog.request_edit(study, 1, lambda number: folders.place_mask(aside, study, number)) == 2
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


def test_an_outline_of_another_scan_fails_and_the_revision_before_stays(upload, run, catalog, folders):
    study = upload()
    run(study)
    aside = folders.incoming() / "drawn.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), np.uint8), np.eye(4)), aside)
    catalog.request_edit(study, 1, lambda number: folders.place_mask(aside, study, number))
    assert run(study) == "failed"
    assert catalog.get(study).failure.startswith("the segmentation has 5×5×5 voxels")
    assert catalog.get(study).revision == 1
    assert folders.run(study, 1).is_dir()


def test_what_cannot_be_read_is_said_in_one_line_by_the_studys_name_and_without_a_path(run, catalog, folders, caplog):
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


def test_a_bug_is_told_by_its_place_and_not_by_its_message(upload, run, catalog, monkeypatch, caplog):
    def bug(*_args, **_kwargs):
        raise ValueError("this message names Müller^Anna")

    monkeypatch.setattr("tumorscope.service.work.analyze", bug)
    study = upload()
    assert run(study) == "failed"
    assert "the analysis broke: ValueError in test_work.py, line " in catalog.get(study).failure
    assert "Anna" not in catalog.get(study).failure + caplog.text


def test_logs_tell_the_study_by_its_id_only(upload, run, caplog):
    study = upload()
    run(study)
    assert f"{study}: revision 1 begins" in caplog.text
    assert "Anna" not in caplog.text


@pytest.mark.parametrize("where", ["open_scan", "analyze", "write_results", "write_views"])
def test_a_worker_that_is_stopped_gives_the_study_back_and_leaves_nothing(
    upload, run, catalog, folders, monkeypatch, where
):
    """Whatever it is doing at the moment, it notices at its next step."""
    import tumorscope.service.work as work

    stop, real = threading.Event(), getattr(work, where)

    def stopped(*args, **kwargs):
        stop.set()
        return real(*args, **kwargs)

    monkeypatch.setattr(work, where, stopped)
    study = upload()
    assert run(study, stop=stop) == "given back"
    assert catalog.get(study).state == "queued"
    assert not folders.run(study, 1).exists()
    assert list((folders.data / "working").iterdir()) == []
    monkeypatch.undo()
    assert run(study) == "done"


def test_a_study_deleted_in_the_middle_leaves_nothing(upload, run, catalog, folders, monkeypatch):
    import tumorscope.service.work as work

    real, study = work.write_results, upload()

    def meanwhile(*args, **kwargs):
        written = real(*args, **kwargs)
        catalog.delete(study)
        folders.remove(study)
        return written

    monkeypatch.setattr(work, "write_results", meanwhile)
    assert run(study) == "lost"
    assert [path for path in folders.data.rglob("*") if path.is_file() and "sqlite" not in path.name] == []


def test_results_that_lie_there_already_are_taken_not_made_again(upload, run, catalog, folders, engines, monkeypatch):
    """A worker was ended between putting them in place and saying so."""
    study = upload()

    def gone(*_args):
        raise OperationalError("UPDATE", {}, Exception("the database went away"))

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "finish", gone)
        assert run(study, worker="first") == "lost"
    before = files(folders.run(study, 1))
    assert catalog.get(study).state == "analyzing"
    catalog.release("first")
    assert run(study) == "done"
    assert files(folders.run(study, 1)) == before
    assert engines.scans == 1
    assert catalog.get(study).summary["slices"] == 9


def test_of_two_workers_on_one_study_one_result_counts(upload, run, catalog, folders, monkeypatch):
    """The first was thought dead and goes on after the second has finished."""
    import tumorscope.service.work as work

    study, real, results = upload(), work.write_views, []

    def slow(*args, **kwargs):
        monkeypatch.setattr(work, "write_views", real)
        catalog.release("first")
        results.append(run(study, worker="second"))
        results.append(files(folders.run(study, 1)))
        return real(*args, **kwargs)

    monkeypatch.setattr(work, "write_views", slow)
    assert run(study, worker="first") == "lost"
    assert results[0] == "done"
    assert files(folders.run(study, 1)) == results[1]
    assert (catalog.get(study).state, catalog.get(study).revision) == ("done", 1)


def test_a_long_step_keeps_its_claim(upload, run, settings, folders, catalog, monkeypatch):
    import tumorscope.service.work as work

    short = settings.model_copy(update={"lease_s": 6.0})  # a busy machine stands still for seconds
    own, study, real = Catalog(settings.database_url, lease_s=6), upload(), work.write_results
    tried = []

    def slow(*args, **kwargs):
        for _ in range(16):
            tried.append(own.claim(study, "thief"))
            threading.Event().wait(0.5)
        return real(*args, **kwargs)

    monkeypatch.setattr(work, "write_results", slow)
    assert run(study, settings=short, catalog=own) == "done"
    assert tried == [None] * 16
    own.close()


def test_only_bundles_that_are_offered_can_be_asked_for(settings, phantom_files, run, catalog, folders, engines):
    study = new_id()
    folders.import_upload(Path(shutil.copytree(phantom_files, folders.incoming() / "case")), study)
    catalog.create(study, "case", str(engines.engine.bundle.folder))
    assert run(study, engines=load_engines(settings)) == "failed"
    assert "no bundle" in catalog.get(study).failure
    named = settings.model_copy(update={"bundle": str(engines.engine.bundle.folder)})
    catalog.retry(study)
    run(study, engines=load_engines(named))
    assert "no bundle" not in (catalog.get(study).failure or ""), "the one that the service was started with"


def test_a_study_that_came_as_one_file_is_read_as_that_file(run, catalog, folders, phantom_files):
    study, upload = new_id(), folders.incoming()
    path = Path(shutil.copy(phantom_files / "flair.nii.gz", upload / "flair.nii.gz"))
    folders.import_upload(path, study)
    catalog.create(study, "flair.nii.gz", "auto")
    assert run(study) == "done"
    wait_until(lambda: catalog.get(study).summary["slices"] == 9, "nine slices")
    assert not list(folders.data.glob("working/*"))
