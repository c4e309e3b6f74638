"""Messages to the workers; through SQLite and through Redis."""

import pytest
from service.stores import wait_until

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog_records import new_id
from tumorscope.service.queue import enqueue, make_queue
from tumorscope.service.settings import service_settings


@pytest.fixture
def settings(tmp_path, queue_address):
    return service_settings(data=tmp_path, queue=queue_address)


def test_messages_reach_a_consumer_in_another_process_in_the_order_sent(settings):
    seen, ids = [], [new_id() for _ in range(20)]
    sender, receiver = make_queue(settings), make_queue(settings, seen.append)
    assert all(enqueue(sender, each) for each in ids)
    assert sender.pending() == receiver.pending() == 20
    consumer = receiver.consumer()
    consumer.start()
    try:
        wait_until(lambda: len(seen) == 20, "all messages")
        enqueue(sender, ids[0])
        wait_until(lambda: len(seen) == 21, "one that comes later")
    finally:
        consumer.stop(graceful=True)
    assert seen == [*ids, ids[0]]
    assert sender.pending() == 0


def test_the_queue_contains_ids_and_never_code(settings):
    study, seen = new_id(), []
    queue = make_queue(settings, seen.append)
    enqueue(queue, study)
    assert [bytes(item) for item in queue.huey.storage.enqueued_items()] == [study.encode()]
    queue.huey.storage.flush_queue()
    for evil in (b"cos\nsystem\n(S'touch /tmp/x'\ntR.", b"../../../etc/pass", "ключ".encode()):
        queue.huey.storage.enqueue(evil)
    enqueue(queue, study)
    consumer = queue.consumer()
    consumer.start()
    try:
        wait_until(lambda: seen, "the message after the bad ones")
    finally:
        consumer.stop(graceful=True)
    assert seen == [study]


def test_an_unreachable_queue_blocks_nothing(caplog, tmp_path):
    queue = make_queue(service_settings(data=tmp_path, queue="redis://:secret@127.0.0.1:1/0"))
    study = new_id()
    assert not enqueue(queue, study)
    with pytest.raises(TumorscopeError, match="the queue does not respond"):
        queue.pending()
    assert f"{study}: the queue is unreachable" in caplog.text
    assert "secret" not in caplog.text


def test_an_unusable_queue_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TumorscopeError, match="cannot be used as the queue"):
        make_queue(service_settings(data=tmp_path / "file"))
