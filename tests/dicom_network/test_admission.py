"""Idle connections are closed for new ones, busy associations are not."""

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
"""No connection of a test times out, so a sender is served while idle ones are open."""


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
    limiter = admission(clock, closed, connections=3)
    lines = [Line() for _ in range(5)]
    for line in lines:
        limiter.connected(line)
    assert closed == lines[:2]


def test_a_connection_without_a_request_is_closed_after_a_timeout(clock, closed):
    limiter = admission(clock, closed, request_s=10)
    line, sender = Line(), Line()
    limiter.connected(line)
    limiter.connected(sender)
    assert limiter.admit(sender)
    clock.now += 10.5
    limiter.sweep()
    assert closed == [line]


def test_the_longest_idle_association_is_closed_and_a_busy_one_is_not(clock, closed):
    limiter = admission(clock, closed, associations=3, idle_s=5, wait_s=0)
    first, second, third, new = lines = [Line() for _ in range(4)]
    assert all(limiter.admit(line) for line in lines[:3])
    clock.now += 3
    limiter.traffic(second)
    assert not limiter.admit(new), "none is idle for long"
    clock.now += 3
    with limiter.serving(first):
        assert limiter.admit(new)
    assert closed == [third]


def test_an_ended_association_no_longer_counts(clock, closed):
    limiter = admission(clock, closed, associations=1, wait_s=0)
    line = Line()
    assert limiter.admit(line)
    line.alive = False
    clock.now += 2
    assert limiter.admit(Line())
    assert closed == []


def test_a_silent_association_is_closed_unless_it_is_busy(clock, closed):
    limiter = admission(clock, closed, silence_s=60)
    line, served = Line(), Line()
    limiter.admit(line)
    limiter.admit(served)
    with limiter.serving(served):
        clock.now += 61
        limiter.sweep()
        assert closed == [line]
    limiter.sweep()
    assert closed == [line]


def test_closed_connections_do_not_flood_the_log(clock, closed, caplog):
    limiter = admission(clock, closed, connections=1)
    for _ in range(300):
        limiter.connected(Line())
    assert len(closed) == 299
    assert len(caplog.records) == 1


@pytest.fixture
def limiter(tmp_path):
    """A receiver with the node's periodic sweep."""
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
"""The first six bytes of an A-ASSOCIATE-RQ whose other 256 never arrive."""


@pytest.mark.parametrize("sent", [b"", BEGUN], ids=["nothing", "the beginning of a request"])
@pytest.mark.parametrize("count", [12, 60])
def test_a_sender_is_served_however_many_connections_are_idle(limiter, tmp_path, sent, count):
    with ExitStack() as open_:
        for _ in range(count):
            connection = open_.enter_context(socket.create_connection(("127.0.0.1", limiter)))
            connection.sendall(sent)
        assert_served(limiter, tmp_path)


def test_a_sender_is_served_despite_idle_associations(limiter, tmp_path):
    idle = [associate(limiter) for _ in range(8)]
    assert all(association.is_established for association in idle)
    assert_served(limiter, tmp_path)
    wait_until(lambda: any(association.is_aborted for association in idle), "the closed association to notice")


def test_a_sender_is_served_despite_associations_with_partial_messages(limiter, tmp_path):
    """As after unplugging a cable: the library's thread waits for the rest without checking its timers."""
    stuck = [associate(limiter) for _ in range(8)]
    for association in stuck:
        association.dul.socket.socket.sendall(bytes([4, 0, 0, 0, 1, 0]))  # a P-DATA-TF of 256 bytes
    for _ in range(9):
        assert_served(limiter, tmp_path)


def test_a_rejected_title_does_not_count(limiter, tmp_path):
    idle = [associate(limiter) for _ in range(8)]
    assert associate(limiter, "STRANGER").is_rejected
    time.sleep(1)
    assert associate(limiter, "STRANGER").is_rejected
    assert all(association.is_established for association in idle)
