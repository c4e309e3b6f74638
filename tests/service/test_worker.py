"""Real workers with real networks, killed and stopped during analyses."""

import signal

import pytest
from service.processes import held, running_workers, settled, start_worker
from service.stores import TIMEOUT_S, empty_database

from tumorscope.service.catalog import Catalog
from tumorscope.service.queue import enqueue, make_queue
from tumorscope.service.settings import service_settings
from tumorscope.service.study_folders import Folders


@pytest.fixture
def settings(tmp_path):
    """A lease so short that it expires during a test, and the runtime that starts fastest."""
    return service_settings(data=tmp_path / "data", lease_s=4, engine="onnxruntime")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "workers.log"


def results(folders, study):
    return sorted(path.name for path in folders.run(study, 1).parent.iterdir())


def test_the_study_of_a_killed_worker_is_repeated_exactly_once(settings, upload, catalog, folders, queue, log):
    """One is killed while it analyzes, the next when it has written; the third receives no message."""
    study = upload()
    enqueue(queue, study)
    for count, stage in enumerate(("analyzing", "committing"), start=1):
        worker = start_worker(settings, log, hold=stage)
        held(log, count)
        worker.kill()
        worker.wait()
        assert catalog.get(study).state == "analyzing"
        assert results(folders, study) == []
        queue.huey.storage.flush_all()
    with running_workers(settings, log):
        (done,) = settled(catalog, study)
    assert (done.state, done.revision, done.summary["lesions"]) == ("done", 1, 1)
    assert [each.state for each in catalog.revisions(study)] == ["done"]
    assert results(folders, study) == ["1"]
    assert {path.name for path in folders.run(study, 1).iterdir()} >= {"analysis.json", "report.pdf", "view"}
    said = log.read_text()
    assert said.count(f"{study}: revision 1 started") == 3
    assert said.count(f"{study}: done") == 1
    assert "Anna" not in said


def test_a_stopped_worker_releases_its_study(settings, upload, catalog, folders, queue, log):
    study = upload()
    enqueue(queue, study)
    worker = start_worker(settings, log, hold="analyzing")
    held(log)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(TIMEOUT_S) == 0
    assert catalog.get(study).state == "queued"
    assert queue.pending() >= 1, "the next worker need not wait for a sweep"
    assert list((folders.data / "working").iterdir()) == []
    assert "released" in log.read_text()


def test_two_workers_and_duplicate_messages_make_every_result_once(
    tmp_path, phantom_files, postgresql, redis, log, request
):
    """With PostgreSQL and Redis; every message is sent three times, and then Redis loses all messages."""
    from redis import Redis

    Redis.from_url(redis).flushall()
    settings = service_settings(
        data=tmp_path / "data", database=empty_database(postgresql), queue=redis, engine="onnxruntime", lease_s=8
    )
    catalog, folders, queue = Catalog.of(settings), Folders(settings.data), make_queue(settings)
    request.addfinalizer(catalog.close)
    enter = upload_into(phantom_files, folders, catalog)
    told = [enter() for _ in range(4)]
    with running_workers(settings, log, 2):
        for study in told * 3:
            enqueue(queue, study)
        assert {study.state for study in settled(catalog, *told)} == {"done"}
        forgotten = enter()
        enqueue(queue, forgotten)
        Redis.from_url(redis).flushall()
        settled(catalog, forgotten)
    said = log.read_text()
    for study in (*told, forgotten):
        assert said.count(f"{study}: revision 1 started") == 1
        assert said.count(f"{study}: done") == 1
        assert results(folders, study) == ["1"]


def upload_into(phantom_files, folders, catalog):
    import shutil
    from pathlib import Path

    from tumorscope.service.catalog_records import new_id

    def enter():
        study = new_id()
        folders.import_upload(Path(shutil.copytree(phantom_files, folders.incoming() / "case")), study)
        catalog.create(study, "case", "auto")
        return study

    return enter


def test_a_hung_analysis_ends_with_its_worker(settings, upload, catalog, queue, log):
    study = upload()
    enqueue(queue, study)
    worker = start_worker(settings.model_copy(update={"longest_analysis_s": 0.01, "lease_s": 0.4}), log)
    assert worker.wait(TIMEOUT_S) == 70
    failed = catalog.get(study)
    assert (failed.state, failed.failure) == ("failed", "the analysis took longer than 0.01 s")


def test_a_worker_that_cannot_start_reports_one_line(tmp_path, log):
    (tmp_path / "file").touch()
    worker = start_worker(service_settings(data=tmp_path / "file"), log)
    assert worker.wait(TIMEOUT_S) == 2
    assert log.read_text().count("\n") == 1
    assert "the worker cannot start" in log.read_text()
