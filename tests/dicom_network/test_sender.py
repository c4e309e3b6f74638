"""Results reach their destinations despite failures."""

import json
import threading
from base64 import b64encode
from contextlib import contextmanager

import pytest
from dicom_making import uid
from dicom_network.running import TIMEOUT_S, small_series, wait_until
from dicom_network.web import Response, web_service
from dicom_peers import needs
from ports import free_ports
from pydicom import dcmread
from pynetdicom import AE, evt

from tumorscope.dicom_network.destinations import Peer, WebArchive
from tumorscope.dicom_network.dicomweb import Credentials
from tumorscope.dicom_network.journal import MAX_REFUSALS, Journal
from tumorscope.dicom_network.sender import MAX_WAIT_S, SenderThread
from tumorscope.studies.claims import Backoff

MR = "1.2.840.10008.5.1.4.1.1.4"


class Sending:
    """A journal with studies analyzed, whose results are small series, and senders."""

    def __init__(self, data):
        self.data = data
        data.mkdir()
        self.journal = Journal(data / "journal.sqlite")
        self.stop = threading.Event()
        self.senders = []

    def results(self, study, *destinations, count=3):
        paths = small_series(self.data / study, study=study, count=count)
        files = [path.relative_to(self.data).as_posix() for path in paths]
        self.journal.receive(study, uid(study), "1", files[0], True)
        self.journal.mark_ready(study)
        assert self.journal.finish(self.journal.begin(study), files, destinations)

    def sender(self, destination, first_wait_s=0.05):
        self.senders.append(SenderThread(destination, self.data, self.journal, "TUMORSCOPE", self.stop, first_wait_s))
        self.senders[-1].start()

    def state(self, study):
        return self.journal.study(study).state

    def end(self):
        """Stop the senders. While the archive is there: one that ends during an association is waited for for long."""
        self.stop.set()
        for sender in self.senders:
            sender.join(TIMEOUT_S)
            assert not sender.is_alive()

    def wait_for(self, study, state):
        wait_until(lambda: self.state(study) == state, f"{study} to be {state}")


@pytest.fixture
def sending(tmp_path, caplog):
    caplog.set_level("INFO")
    scene = Sending(tmp_path / "data")
    yield scene
    scene.end()


@contextmanager
def archive(statuses=lambda _count: 0, kinds=(MR,), port=0, of_instance=lambda _instance: 0):
    """A peer that responds to the n-th object with ``statuses(n)`` or ``of_instance``; yields the stored UIDs and the port."""
    taken, count = [], [0]

    def store(event):
        status = statuses(count[0]) or of_instance(str(event.request.AffectedSOPInstanceUID))
        count[0] += 1
        if status == 0:
            taken.append(str(event.request.AffectedSOPInstanceUID))
        return status

    ae = AE("ARCHIVE")
    for kind in kinds:
        ae.add_supported_context(kind)
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield taken, server.server_address[1]
    finally:
        ae.shutdown()


def test_every_result_is_sent_once_and_the_study_is_done(sending):
    sending.results("a", "x")
    sending.results("b", "x")
    with archive() as (taken, port):
        sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"))
        sending.wait_for("a", "done")
        sending.wait_for("b", "done")
    assert len(taken) == len(set(taken)) == 6


def test_a_destination_that_is_down_is_retried_and_logged_once(sending, caplog):
    [port] = free_ports(1)
    sending.results("a", "x")
    sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"))
    wait_until(lambda: "x does not respond; 3 objects to send, retrying until sent" in caplog.text, "a warning")
    wait_until(lambda: sending.senders[0]._tries > 3, "several tries")
    with archive(port=port) as (taken, _):
        sending.wait_for("a", "done")
        assert len(taken) == 3
    assert caplog.text.count("does not respond") == 1


def test_a_destination_that_is_down_does_not_delay_another(sending):
    sending.results("a", "down", "up")
    with archive() as (taken, port):
        sending.sender(Peer("down", "127.0.0.1", free_ports(1)[0], "ARCHIVE"))
        sending.sender(Peer("up", "127.0.0.1", port, "ARCHIVE"))
        wait_until(lambda: len(taken) == 3, "the one that is up to have everything")
    assert sending.state("a") == "sending"


@pytest.mark.parametrize("status", [0xA700, 0xA702, 0x0110, 0x0213])
def test_results_are_sent_to_a_full_archive_more_often_than_to_one_that_refuses_them(sending, caplog, status):
    sending.results("a", "x")
    with archive(lambda count: status if count < 3 * (MAX_REFUSALS + 1) else 0) as (taken, port):
        sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"), first_wait_s=0.01)
        sending.wait_for("a", "done")
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 3
    assert caplog.text.count(f"x stores nothing at the moment (status {status:04X}); retrying until it does") == 1
    assert "given up" not in caplog.text


def test_results_are_sent_to_a_full_web_archive_until_it_stores_them(sending):
    sending.results("a", "x", count=1)
    [path] = (sending.data / "a").iterdir()
    item = {
        "00081155": {"vr": "UI", "Value": [str(dcmread(path).SOPInstanceUID)]},
        "00081197": {"vr": "US", "Value": [0xA700]},
    }
    full = Response(202, json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode())
    asked = []

    def serve(request):
        asked.append(request)
        return full if len(asked) <= MAX_REFUSALS + 2 else Response(200)

    with web_service(serve) as url:
        sending.sender(WebArchive("x", url, Credentials()), first_wait_s=0.01)
        sending.wait_for("a", "done")


def test_one_temporarily_refused_object_does_not_delay_the_others(sending):
    sending.results("a", "x", count=1)
    sending.results("b", "x", count=2)
    large = uid("a", 1, 1)
    with archive(of_instance=lambda instance: 0xA700 if instance == large else 0) as (taken, port):
        sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"), first_wait_s=0.01)
        sending.wait_for("b", "done")
        sending.end()
    assert len(taken) == 2
    assert sending.state("a") == "sending"


def test_the_pauses_grow_to_minutes_and_no_further():
    backoff = Backoff(1.0, MAX_WAIT_S)
    pauses = [backoff.pause_s(failures) for failures in range(1, 100)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == MAX_WAIT_S


def test_a_warning_is_a_success(sending):
    sending.results("a", "x", count=1)
    with archive(lambda _count: 0xB000) as (_, port):
        sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"))
        sending.wait_for("a", "done")


def test_a_permanently_refused_result_is_given_up_and_the_others_continue(sending, caplog):

    sending.results("a", "x", count=1)
    sending.results("b", "x", count=1)
    with archive(lambda count: 0xC000) as (_, port):
        sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"))
        sending.wait_for("a", "failed")
        sending.wait_for("b", "failed")
    assert caplog.text.count("status C000; given up") == 2
    assert sending.journal.waiting_for() == {}
    assert MAX_REFUSALS == 5


def test_an_unsupported_sop_class_is_reported(sending, caplog):
    sending.results("a", "x", count=1)
    with archive(kinds=("1.2.840.10008.1.1",)) as (_, port):
        sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"))
        sending.wait_for("a", "failed")
    assert "it does not support this SOP class" in caplog.text


def test_a_missing_result_does_not_stop_the_others(sending):
    sending.results("a", "x")
    sending.results("b", "x")
    next((sending.data / "a").iterdir()).unlink()
    with archive() as (taken, port):
        sending.sender(Peer("x", "127.0.0.1", port, "ARCHIVE"))
        sending.wait_for("b", "done")
        sending.wait_for("a", "failed")
    assert len(taken) == 5


@needs("Orthanc")
def test_a_web_archive_gets_results_by_stow(sending, orthanc):
    sending.results("a", "x")
    sending.sender(WebArchive("x", orthanc.dicom_web, Credentials()))
    sending.wait_for("a", "done")
    assert len(orthanc.stored()) == 3


def test_a_web_archive_with_a_wrong_password_is_retried_until_it_is_corrected(sending, tmp_path, caplog):
    (tmp_path / "password").write_text("wrong\n")
    right = f"Basic {b64encode(b'u:right').decode()}"
    sending.results("a", "x")
    with web_service(lambda request: Response(200 if request.authorization == right else 401)) as url:
        sending.sender(WebArchive("x", url, Credentials("u", tmp_path / "password")))
        wait_until(lambda: "access denied (401)" in caplog.text, "a warning")
        (tmp_path / "password").write_text("right\n")
        sending.wait_for("a", "done")
    assert "wrong" not in caplog.text
