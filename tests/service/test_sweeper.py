"""Lost messages are sent again and old studies removed, with SQLite and with Redis."""

import os
import shutil
import time
from datetime import timedelta

import pytest

from tumorscope.service.identity import join_identity
from tumorscope.service.queue import enqueue, make_queue
from tumorscope.service.settings import service_settings
from tumorscope.service.study_folders import STALE_S
from tumorscope.service.sweeper import Sweeper


@pytest.fixture(autouse=True)
def _joined(catalog, folders):
    join_identity(catalog, folders)


@pytest.fixture
def queue(settings, queue_address):
    return make_queue(settings.model_copy(update={"queue": queue_address}))


@pytest.fixture
def sweeper(settings, catalog, folders, queue):
    return Sweeper(settings, catalog, folders, queue, overdue_s=0)


def test_a_lost_message_is_sent_again(upload, queue, sweeper):
    first, second = upload(), upload()
    for study in (first, second):
        enqueue(queue, study)
    queue.huey.storage.flush_all()
    assert sweeper.requeue() == [first, second], "the longest waiting first"
    assert queue.pending() == 2


def test_a_long_queue_does_not_grow_by_waiting(upload, queue, sweeper):
    for _ in range(5):
        enqueue(queue, upload())
    for _ in range(10):
        assert sweeper.requeue() == []
    assert queue.pending() == 5


def test_a_new_study_is_not_overdue(upload, settings, catalog, folders, queue):
    upload()
    assert Sweeper(settings, catalog, folders, queue).requeue() == []


def test_a_study_with_an_expired_lease_is_sent_again(upload, catalog, queue, sweeper):
    study = upload()
    catalog.claim(study, "w")
    assert sweeper.requeue() == []
    catalog.expire_leases("w")
    assert sweeper.requeue() == [study]


def test_studies_expire_with_all_their_files(upload, catalog, folders, settings, queue, monkeypatch):
    old, new = upload(), upload()
    catalog.fail(catalog.claim(old, "w"), "no")
    short = settings.model_copy(update={"keep_days": 1.0})
    sweeper = Sweeper(short, catalog, folders, queue)
    assert sweeper.expire() == []
    tomorrow = catalog.now() + timedelta(days=1, seconds=1)
    monkeypatch.setattr(catalog, "now", lambda: tomorrow)
    assert sweeper.expire() == [old], "what waits to be analyzed does not expire"
    assert catalog.get(old) is None
    assert not folders.input(old).parent.exists()
    assert folders.input(new).exists()
    kept = Sweeper(settings.model_copy(update={"keep_days": None}), catalog, folders, queue)
    catalog.fail(catalog.claim(new, "w"), "no")
    assert kept.expire() == []


def test_unfinished_uploads_are_removed_after_a_day(folders, sweeper, upload):
    study, left = upload(), folders.incoming()
    past = time.time() - STALE_S - 60
    os.utime(left, (past, past))
    sweeper.sweep()
    assert not left.exists()
    assert folders.input(study).exists()


def test_a_failure_is_logged_once_and_the_sweeper_continues(upload, settings, catalog, folders, caplog):
    queue = make_queue(service_settings(data=settings.data, queue="redis://127.0.0.1:1/0"))
    upload()
    sweeper = Sweeper(settings, catalog, folders, queue, overdue_s=0)
    for _ in range(3):
        sweeper.sweep()
    assert caplog.text.count("the queue does not respond") == 1
    sweeper._queue = make_queue(settings)
    sweeper.sweep()
    assert "can be used again" in caplog.text


def test_a_full_disk_does_not_end_the_sweeper(folders, sweeper, monkeypatch, caplog):
    shutil.rmtree(folders.data / "incoming")
    sweeper.sweep()
    assert "the disk cannot be used" in caplog.text
