"""The node as a process on the network that may end at any moment."""

import itertools
import json
import random
import signal
import threading
import time

import pytest
from dicom_making import PATIENT_ID, PATIENT_NAME, uid
from dicom_network.running import (
    TIMEOUT_S,
    RunningNode,
    images_on_disk,
    results_at,
    running_node,
    small_series,
    start_node,
    stop,
    store,
    wait_until,
)
from dicom_peers import needs, running_orthanc
from ports import free_ports
from pydicom import dcmread
from pynetdicom import AE

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.node import NodeSettings, expire, run_node
from tumorscope.dicom_network.node_worker import INCOMPLETE
from tumorscope.dicom_network.store import image_code, study_code
from tumorscope.io.dicom.file_reader import read_with_pixels

KILLS, MOST_KILLS = 10, 40


def to(peer):
    return "--send-to", f"orthanc=127.0.0.1:{peer.dicom_port}/{peer.aet}"


@needs("Orthanc", "storescu")
def test_a_study_is_received_by_c_store_and_its_result_is_archived(orthanc, tmp_path):
    with running_node(tmp_path / "data", *to(orthanc)) as node:
        assert store(small_series(tmp_path / "in"), node.port).code == 0
        node.wait_for(": done")
        assert results_at(orthanc) == {uid("study"): ["4 images"]}
        assert stop(node) == 0
        assert "stopped" in node.said()


@needs("storescu")
def test_the_log_contains_no_patient_no_uid_and_no_title(tmp_path):
    kinds = {"a": {}, "b": {"SeriesDescription": "UNREADABLE"}, "c": {"SeriesDescription": "BUG"}}
    with running_node(tmp_path / "data", "--allow", "SCANNER") as node:
        for study, attributes in kinds.items():
            store(small_series(tmp_path / study, study=study, **attributes), node.port)
        store(small_series(tmp_path / "a", study="a"), node.port, calling="STRANGER")
        node.wait_for("failed", 2)
    said = node.said()
    for secret in (*PATIENT_NAME.split("^"), PATIENT_ID, *map(uid, kinds), "SCANNER", "STRANGER"):
        assert secret.lower() not in said.lower()
    assert "Traceback" not in said
    for study in kinds:
        assert study_code(uid(study)) in said


@needs("storescu")
def test_late_images_cause_a_reanalysis_with_all_images(tmp_path, orthanc):
    files = small_series(tmp_path / "in", count=6)
    with running_node(tmp_path / "data", *to(orthanc)) as node:
        store(files[:4], node.port)
        node.wait_for(": done")
        store(files, node.port)
        node.wait_for("these arrived after its analysis began; it will be re-analyzed")
        node.wait_for(": done", 2)
    assert sorted(results_at(orthanc)[uid("study")]) == ["4 images", "6 images"]


@needs("storescu")
def test_a_study_is_incomplete_until_its_sender_comes_back(tmp_path):
    files = small_series(tmp_path / "in", count=6)
    with running_node(tmp_path / "data", "--patience-seconds", 1) as node:
        send_and_break_off(files[:4], node.port)
        node.wait_for("its sender did not finish and did not come back")
        node.wait_for(" made")
        send_and_break_off(files[4:], node.port)
        node.wait_for(" made", 2)
        assert store(files, node.port).code == 0
        node.wait_for("is now known to be complete; it will be re-analyzed")
        node.wait_for(" made", 3)
        results = node.data / "results" / study_code(uid("study"))
        tasks = [json.loads((results / run / results.name / "task.json").read_text()) for run in "123"]
        assert [task["incomplete"] for task in tasks] == [INCOMPLETE, INCOMPLETE, None]
        assert [task["earlier"] for task in tasks] == [
            [],
            [str(results / "1")],
            [str(results / "1"), str(results / "2")],
        ]


def send_and_break_off(files, port):
    ae = AE("SCANNER")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1")
    association = ae.associate("127.0.0.1", port)
    for path in files:
        assert association.send_c_store(dcmread(path)).Status == 0
    association.abort()


@needs("storescu")
def test_a_study_sent_twice_is_analyzed_once_unless_asked(tmp_path, orthanc):
    files = small_series(tmp_path / "in")
    with running_node(tmp_path / "data", *to(orthanc)) as node:
        store(files, node.port)
        node.wait_for(": done")
        store(files, node.port)
        node.wait_for("4 already present")
        time.sleep(1)
        assert node.said().count("analyzing") == 1
        settings = NodeSettings(data=node.data)
        run_node(settings, threading.Event(), [uid("study")])  # tells the node that runs, and returns
        node.wait_for(": done", 2)
        assert node.said().count("analyzing") == 2
    assert results_at(orthanc)[uid("study")] == ["4 images", "4 images"]


@needs("storescu")
def test_a_study_that_crashes_the_analysis_fails_after_three_attempts(tmp_path):
    with running_node(tmp_path / "data") as node:
        store(small_series(tmp_path / "a", study="a", SeriesDescription="POISON"), node.port)
        store(small_series(tmp_path / "b", study="b"), node.port)
        node.wait_for("failed, not retried")
        node.wait_for("1 object made")
    assert node.said().count("ended by signal 11; will be retried") == 2


@needs("Orthanc", "storescu")
def test_results_wait_for_an_archive_that_is_down(tmp_path):
    [port] = free_ports(1)
    with running_node(tmp_path / "data", "--send-to", f"orthanc=127.0.0.1:{port}/ORTHANC") as node:
        store(small_series(tmp_path / "in"), node.port)
        node.wait_for("orthanc does not respond; 1 object to send, retrying until sent")
        with running_orthanc(tmp_path / "orthanc", DicomPort=port) as peer:
            node.wait_for(": done")
            assert results_at(peer) == {uid("study"): ["4 images"]}


def test_four_associations_send_studies_while_another_is_analyzed(tmp_path):
    studies = {name: small_series(tmp_path / name, study=name) for name in "abcd"}
    with running_node(tmp_path / "data", seconds=600) as node:  # which the node's stop ends
        store(small_series(tmp_path / "first", study="first"), node.port)
        node.wait_for("analyzing")
        ae = AE("SCANNER")
        ae.add_requested_context("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1")
        open_ = {name: ae.associate("127.0.0.1", node.port) for name in studies}
        assert all(association.is_established for association in open_.values())
        for files in zip(*studies.values(), strict=True):
            for association, path in zip(open_.values(), files, strict=True):
                assert association.send_c_store(dcmread(path)).Status == 0
        assert "analyzed in" not in node.said()
        for association in open_.values():
            association.release()
        node.wait_for("4 objects received", 5)
    assert len(images_on_disk(node.data)) == 20


def test_an_analysis_interrupted_by_the_node_s_stop_is_not_a_crash(tmp_path):
    with running_node(tmp_path / "data", seconds=600) as node:
        store(small_series(tmp_path / "in"), node.port)
        node.wait_for("analyzing")
        node.process.send_signal(signal.SIGINT)
        assert node.process.wait(TIMEOUT_S) == 0
    with running_node(tmp_path / "data", seconds=0) as node:
        node.wait_for("1 object made")
    assert "will be retried" not in node.said()


def test_a_folder_has_one_node(tmp_path):
    with running_node(tmp_path / "data"), pytest.raises(TumorscopeError, match="another node uses this folder"):
        run_node(NodeSettings(data=tmp_path / "data", port=0), threading.Event())


def test_an_unknown_study_cannot_be_reanalyzed(tmp_path):
    with pytest.raises(TumorscopeError, match="this study was never received"):
        run_node(NodeSettings(data=tmp_path / "data", port=0), threading.Event(), ["1.2.3"])


def test_an_expired_study_is_removed_and_new_when_it_is_sent_again(tmp_path):
    from tumorscope.dicom_network.journal import Journal
    from tumorscope.dicom_network.store import Store

    files = small_series(tmp_path / "in")
    with running_node(tmp_path / "data") as node:
        assert store(files, node.port).code == 0
        node.wait_for("1 object made")
    expire(Store(node.data), Journal(node.data / "journal.sqlite"), time.time() - 3600)
    assert len(images_on_disk(node.data)) == 4
    expire(Store(node.data), Journal(node.data / "journal.sqlite"), time.time() + 60)
    assert images_on_disk(node.data) == set()
    assert list((node.data / "results").iterdir()) == []
    with running_node(tmp_path / "data") as node:
        store(files, node.port)
        node.wait_for("1 object made", 2)


@pytest.mark.real
@needs("storescu")
def test_a_real_series_with_megabytes_after_its_pixels_is_stored_unchanged(tmp_path, volumes_folder):
    files = sorted(next(volumes_folder.rglob("pd_axial")).iterdir())
    with running_node(tmp_path / "data") as node:
        assert store(files, node.port).accepted == tuple(files)
        node.wait_for("analyzing 20 images")
        node.wait_for("1 object made")


@pytest.mark.real
@needs("Orthanc", "storescu")
def test_each_result_is_archived_once_however_often_the_node_is_killed(tmp_path, volumes_folder, orthanc):
    """Ten kills and more, until each stage was hit twice, 12 studies of a real series, and a sender that retries."""
    studies = real_studies(next(volumes_folder.rglob("pd_axial")), tmp_path / "in", count=12)
    [port] = free_ports(1)
    options = (*to(orthanc), "--patience-seconds", 20)
    sender = Sender(list(studies.values()), port)
    chance = random.Random(20)
    stages = ["starting", "receiving", "analyzing", "sealing", "sending"]
    hit: dict[str, int] = {}
    node = start_node(tmp_path / "data", port, *options, seconds=0.3)
    try:
        sender.start()
        for kills, stage in enumerate(itertools.islice(itertools.cycle(stages), MOST_KILLS)):
            if kills >= KILLS and min(hit.values()) > 1:
                break
            if stage in ("starting", "receiving", "sending"):
                sender.allow_one_more()
            hit[stage] = hit.get(stage, 0) + wait_for_stage(stage, node, chance)
            node.kill()
            for path in sender.accepted():
                assert kept(node, path).exists(), "responded with Success, and lost"
            node = start_node(tmp_path / "data", port, *options, seconds=0.3)
        sender.allow_one_more(len(studies))
        sender.join(TIMEOUT_S)
        assert not sender.is_alive()
        expected = {study: ["20 images"] for study in studies}
        wait_until(lambda: results_at(orthanc) == expected, "every result", TIMEOUT_S, lambda: node.said()[-5000:])
        time.sleep(1.5)
        assert results_at(orthanc) == expected
        assert stop(node) == 0
    finally:
        stop(node)
        sender.give_up()
    assert images_on_disk(node.data) == {str(read_with_pixels(path).SOPInstanceUID) for path in sender.accepted()}
    assert min(hit.values()) > 1, hit
    assert sender.cut_off > 0
    said = node.said()
    assert "Traceback" not in said
    print(json.dumps({"hit": hit, "sender cut off": sender.cut_off, "analyses begun": said.count(": analyzing")}))


class Sender(threading.Thread):
    """A scanner that sends studies and repeats each until all its images are stored."""

    def __init__(self, studies, port):
        super().__init__(daemon=True)
        self._studies = studies
        self._port = port
        self._accepted = []
        self._given_up = threading.Event()
        self._allowed = threading.Semaphore(0)
        self.cut_off = 0

    def run(self):
        for files in self._studies:
            self._allowed.acquire()
            while not self._given_up.is_set():
                sent = store(files, self._port)
                self._accepted += sent.accepted
                if sent.code == 0 and len(sent.accepted) == len(files):
                    break
                self.cut_off += bool(sent.accepted)
                time.sleep(0.1)

    def accepted(self):
        return set(self._accepted)

    def allow_one_more(self, count=1):
        """Allow the next study to be sent."""
        self._allowed.release(count)

    def give_up(self):
        self._given_up.set()
        self.allow_one_more(len(self._studies))


def wait_for_stage(stage: str, node: RunningNode, chance: random.Random) -> bool:
    """Wait for a random point within a stage; False if the stage does not occur because all work is done."""
    text = {"analyzing": ": analyzing", "sealing": ": analyzing", "sending": " made"}.get(stage)
    lines, images = node.said().count(text or "listens"), count_images(node)
    more = chance.randint(1, 15)
    end = time.monotonic() + 40
    if stage == "starting":
        time.sleep(chance.uniform(0, 1.5))
        return True
    while time.monotonic() < end:
        if stage == "receiving" and count_images(node) >= images + more:
            return True
        if text and node.said().count(text) > lines:
            time.sleep({"analyzing": chance.uniform(0, 0.4), "sealing": chance.uniform(0.4, 0.9)}.get(stage, 0.02))
            return True
        time.sleep(0.002)
    return False


def count_images(node: RunningNode) -> int:
    return sum(1 for _ in (node.data / "incoming").glob("*/*.dcm"))


def kept(node: RunningNode, path):
    dataset = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SOPInstanceUID"])
    code, image = study_code(dataset.StudyInstanceUID), image_code(dataset.SOPInstanceUID)
    return node.data / "incoming" / code / f"{image}.dcm"


def real_studies(series, folder, count):
    """Copies of a series as several studies, by StudyInstanceUID."""
    images = [read_with_pixels(path) for path in sorted(series.iterdir())]
    studies = {}
    for number in range(count):
        (folder / str(number)).mkdir(parents=True)
        files = []
        for index, dataset in enumerate(images):
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid("real", number), uid("real", number, "series")
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("real", number, index)
            files.append(folder / str(number) / f"{index}.dcm")
            dataset.save_as(files[-1])
        studies[uid("real", number)] = files
    return studies
