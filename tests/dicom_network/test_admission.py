"""Idle connections give way; associations at work do not."""

import socket
import threading
import time
from contextlib import ExitStack

import pytest
from dicom_network.running import small_series, wait_until
from pydicom import dcmread
from pynetdicom import AE

from tumorscope.dicom_network.admission import Admission, Limits
from tumorscope.dicom_network.arrivals import Arrivals
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.receiver import Receiver
from tumorscope.dicom_network.store import Store

MR = "1.2.840.10008.5.1.4.1.1.4"
PATIENT = Limits(request_s=600, idle_s=0.5, wait_s=100, silence_s=600)
"""No connection of a test ends by itself: a sender is served beside idle ones, not after them."""


class Line:
    """A connection whose thread runs until it is closed."""

    def __init__(self):
        self.alive = True

    def is_alive(self):
        return self.alive


@pytest.fixture
def clock():
    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def closed():
    return []


def admission(clock, closed, **limits):
    def close(line):
        line.alive = False
        closed.append(line)

    return Admission(Limits(**limits), close, clock)


def test_the_oldest_of_many_connections_without_a_request_is_closed(clock, closed):
    door = admission(clock, closed, connections=3)
    lines = [Line() for _ in range(5)]
    for line in lines:
        door.connected(line)
    assert closed == lines[:2]


def test_a_connection_without_a_request_is_closed_after_a_timeout(clock, closed):
    door = admission(clock, closed, request_s=10)
    line, sender = Line(), Line()
    door.connected(line)
    door.connected(sender)
    assert door.admit(sender)
    clock.now += 10.5
    door.sweep()
    assert closed == [line]


def test_the_longest_idle_association_is_closed_and_a_busy_one_is_not(clock, closed):
    door = admission(clock, closed, associations=3, idle_s=5, wait_s=0)
    first, second, third, new = lines = [Line() for _ in range(4)]
    assert all(door.admit(line) for line in lines[:3])
    clock.now += 3
    door.traffic(second)
    assert not door.admit(new), "none is idle for long"
    clock.now += 3
    with door.serving(first):
        assert door.admit(new)
    assert closed == [third]


def test_an_ended_association_no_longer_counts(clock, closed):
    door = admission(clock, closed, associations=1, wait_s=0)
    line = Line()
    assert door.admit(line)
    line.alive = False
    clock.now += 2
    assert door.admit(Line())
    assert closed == []


def test_a_silent_association_is_closed_unless_it_is_busy(clock, closed):
    door = admission(clock, closed, silence_s=60)
    line, served = Line(), Line()
    door.admit(line)
    door.admit(served)
    with door.serving(served):
        clock.now += 61
        door.sweep()
        assert closed == [line]
    door.sweep()
    assert closed == [line]


def test_closed_connections_do_not_flood_the_log(clock, closed, caplog):
    door = admission(clock, closed, connections=1)
    for _ in range(300):
        door.connected(Line())
    assert len(closed) == 299
    assert len(caplog.records) == 1


@pytest.fixture
def door(tmp_path):
    """A receiver that is swept as the node does it."""
    store = Store(tmp_path / "data")
    journal = Journal(store.data / "journal.sqlite")
    receiver = Receiver(store, journal, Arrivals(journal, 0, 1000), "TUMORSCOPE", ("SCANNER",), PATIENT)
    port = receiver.listen("127.0.0.1", 0)
    ended = threading.Event()

    def sweep():
        while not ended.wait(0.1):
            receiver.sweep()

    thread = threading.Thread(target=sweep)
    thread.start()
    yield port
    ended.set()
    thread.join()
    receiver.close()


def associate(port, title="SCANNER"):
    ae = AE(title)
    ae.add_requested_context(MR)
    ae.acse_timeout = 100
    return ae.associate("127.0.0.1", port)


def assert_served(port, tmp_path):
    [path] = small_series(tmp_path / "in", count=1)
    association = associate(port)
    assert association.is_established
    assert association.send_c_store(dcmread(path)).Status == 0
    association.release()


BEGUN = bytes([1, 0, 0, 0, 1, 0])
"""The first six bytes of an A-ASSOCIATE-RQ whose other 256 do not come."""


@pytest.mark.parametrize("sent", [b"", BEGUN], ids=["nothing", "the beginning of a request"])
@pytest.mark.parametrize("count", [12, 60])
def test_a_sender_is_served_however_many_connections_are_idle(door, tmp_path, sent, count):
    with ExitStack() as open_:
        for _ in range(count):
            connection = open_.enter_context(socket.create_connection(("127.0.0.1", door)))
            connection.sendall(sent)
        assert_served(door, tmp_path)


def test_a_sender_is_served_despite_idle_associations(door, tmp_path):
    idle = [associate(door) for _ in range(8)]
    assert all(association.is_established for association in idle)
    assert_served(door, tmp_path)
    wait_until(lambda: any(association.is_aborted for association in idle), "the one that gave its place to know")


def test_a_sender_is_served_despite_associations_with_partial_messages(door, tmp_path):
    """As when a cable is pulled: the library's thread waits for the rest, whatever its timers say."""
    stuck = [associate(door) for _ in range(8)]
    for association in stuck:
        association.dul.socket.socket.sendall(bytes([4, 0, 0, 0, 1, 0]))  # a P-DATA-TF of 256 bytes
    for _ in range(9):
        assert_served(door, tmp_path)


def test_a_rejected_title_does_not_count(door, tmp_path):
    idle = [associate(door) for _ in range(8)]
    assert associate(door, "STRANGER").is_rejected
    time.sleep(1)
    assert associate(door, "STRANGER").is_rejected
    assert all(association.is_established for association in idle)
