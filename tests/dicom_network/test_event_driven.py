"""Threads that block are woken for everything that comes, and no sender waits for acknowledgments."""

import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from dicom_network.running import small_series, wait_until
from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.sop_class import Verification

from tumorscope.dicom_network import event_driven
from tumorscope.dicom_network.arrivals import Arrivals
from tumorscope.dicom_network.event_driven import _Connection, _WakeUp
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.receiver import Receiver
from tumorscope.dicom_network.store import Store

MR = "1.2.840.10008.5.1.4.1.1.4"
LONG_S, SOON_S = 600, 30
OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture
def listen(tmp_path):
    receivers = []

    def start():
        store = Store(tmp_path / "data")
        journal = Journal(store.data / "journal.sqlite")
        receivers.append(Receiver(store, journal, Arrivals(journal, 0, 1000), "TUMORSCOPE", ()))
        return SimpleNamespace(port=receivers[-1].listen("127.0.0.1", 0), receiver=receivers[-1], store=store)

    yield start
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def blocking(listen, monkeypatch):
    """A receiver whose threads wait ten minutes unless they are notified."""
    monkeypatch.setattr(event_driven, "_WAIT_S", LONG_S)
    return listen()


def associate(port, max_pdu=16382):
    ae = AE("SCANNER")
    ae.add_requested_context(MR)
    ae.add_requested_context(Verification)
    association = ae.associate("127.0.0.1", port, max_pdu=max_pdu)
    assert association.is_established
    return association


def of_node(local):
    """The node's own associations."""
    return local.receiver._ae.active_associations


def test_threads_are_woken_for_messages_and_releases(blocking, tmp_path):
    started = time.monotonic()
    association = associate(blocking.port)
    assert association.send_c_echo().Status == 0
    for path in small_series(tmp_path / "in"):
        assert association.send_c_store(dcmread(path)).Status == 0
    association.release()
    assert association.is_released
    wait_until(lambda: not of_node(blocking), "the end of the association", SOON_S)
    assert time.monotonic() - started < SOON_S


@pytest.mark.parametrize("end", ["aborted by the sender", "cut", "aborted by the node"])
def test_threads_are_woken_for_every_end_of_an_association(blocking, end):
    association = associate(blocking.port)
    assert association.send_c_echo().Status == 0
    if end == "aborted by the sender":
        association.abort()
    elif end == "cut":
        association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
    else:
        blocking.receiver.close()
        wait_until(lambda: association.is_aborted, "the sender to notice", SOON_S)
    wait_until(lambda: not of_node(blocking), "the end of the association", SOON_S)


def test_an_idle_association_hardly_polls(listen, monkeypatch):
    polls = []
    ready = _Connection.ready.fget
    monkeypatch.setattr(_Connection, "ready", property(lambda self: polls.append(1) or ready(self)))
    association = associate(listen().port)
    assert association.send_c_echo().Status == 0
    time.sleep(0.2)
    polls.clear()
    time.sleep(1)
    assert len(polls) < 50  # ten, and not a thousand
    association.release()


def test_what_an_acknowledgment_holds_back_comes_while_a_pdu_is_read(monkeypatch):
    """As from a sender with Nagle's algorithm, whose second piece waits for the acknowledgment of the first."""
    ours, theirs = socket.socketpair()
    ours.settimeout(SOON_S)
    theirs.sendall(b"first")
    monkeypatch.setattr(event_driven, "_acknowledge", lambda _connection: theirs.sendall(b" second"))
    association = SimpleNamespace(dul=SimpleNamespace(event_queue=SimpleNamespace(put=lambda _event: None)))
    connection = _Connection(association, ours, _WakeUp())
    assert connection.recv(12) == b"first second"
    theirs.close()
    monkeypatch.setattr(event_driven, "_acknowledge", lambda _connection: None)
    assert connection.recv(6) == b""
    ours.close()


def test_what_an_acknowledgment_holds_back_comes_between_pdus(monkeypatch):
    monkeypatch.setattr(event_driven, "_WAIT_S", 0)
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(event_driven, "_acknowledge", lambda _connection: theirs.sendall(b"data"))
    machine = SimpleNamespace(current_state="Sta6")
    dul = SimpleNamespace(event_queue=SimpleNamespace(put=lambda _event: None), state_machine=machine)
    assert _Connection(SimpleNamespace(dul=dul), ours, _WakeUp()).ready
    ours.close()
    theirs.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux only")
def test_an_acknowledgment_is_not_delayed():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        event_driven._acknowledge(connection)
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1


def test_a_sender_that_takes_small_pdus_receives_its_response_in_pieces(listen, tmp_path):
    [path] = small_series(tmp_path / "in", count=1)
    association = associate(listen().port, max_pdu=64)
    lengths = []
    association.bind(evt.EVT_PDU_RECV, lambda event: lengths.append(event.pdu.pdu_length))
    assert association.send_c_store(dcmread(path)).Status == 0
    association.release()
    assert len(lengths) > 2
    assert max(lengths) <= 64


def test_other_responses_are_encoded_by_pynetdicom(listen, monkeypatch):
    sent = []
    send_msg = DIMSEServiceProvider.send_msg
    monkeypatch.setattr(
        DIMSEServiceProvider, "send_msg", lambda self, *message: sent.append(message) or send_msg(self, *message)
    )
    association = associate(listen().port)
    assert association.send_c_echo().Status == 0
    association.release()
    assert len(sent) == 2  # the request and its response


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="Linux only")
def test_no_file_stays_open_after_an_association(listen, monkeypatch):
    """Its threads may be collected as garbage long after it."""
    kept = []
    init = _WakeUp.__init__
    monkeypatch.setattr(_WakeUp, "__init__", lambda self: kept.append(self) or init(self))
    local = listen()
    before = len(list(OPEN_FILES.iterdir()))
    for _ in range(20):
        associate(local.port).release()
    assert len(kept) == 20
    wait_until(lambda: len(list(OPEN_FILES.iterdir())) <= before, "the files to be closed", SOON_S)


def test_a_node_without_free_file_descriptors_receives_as_pynetdicom_does(listen, tmp_path, monkeypatch):
    def none_free():
        raise OSError("too many open files")

    local = listen()
    monkeypatch.setattr(event_driven, "_WakeUp", none_free)
    [path] = small_series(tmp_path / "in", count=1)
    association = associate(local.port)
    assert association.send_c_store(dcmread(path)).Status == 0
    association.release()
    assert len(list(local.store.received())) == 1
