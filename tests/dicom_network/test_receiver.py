"""What a sender is told, and what is then on disk."""

import errno
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from dicom_making import PATIENT_ID, PATIENT_NAME, uid, write_file
from dicom_network.running import images_on_disk, small_series, store, wait_until
from dicom_peers import needs
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from pynetdicom import AE

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.arrivals import Arrivals
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.receiver import TRANSFER_SYNTAXES, Receiver, import_unrecorded
from tumorscope.dicom_network.store import Store, image_code, study_code

MR, REPORT = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.88.33"


class Door:
    """A receiver in this process; ``allowed`` are calling titles."""

    def __init__(self, data, *allowed):
        self.store = Store(data)
        self.journal = Journal(data / "journal.sqlite")
        self.arrivals = Arrivals(self.journal, 0, 1000)
        self.receiver = Receiver(self.store, self.journal, self.arrivals, "TUMORSCOPE", allowed)
        self.port = self.receiver.listen("127.0.0.1", 0)

    def images(self, study="study"):
        found = self.journal.study(study_code(uid(study)))
        return found.images if found else 0


@pytest.fixture
def open_door(tmp_path):
    doors = []

    def make(*allowed):
        doors.append(Door(tmp_path / "data", *allowed))
        return doors[-1]

    yield make
    for door in doors:
        door.receiver.close()


def associate(port, kind=MR, syntax=ExplicitVRLittleEndian):
    ae = AE("SCANNER")
    ae.add_requested_context(kind, syntax)
    return ae.associate("127.0.0.1", port, ae_title="TUMORSCOPE")


@needs("storescu")
def test_objects_confirmed_with_success_are_on_disk_unchanged(open_door, tmp_path):
    door = open_door()
    files = small_series(tmp_path / "in")
    sent = store(files, door.port)
    assert (sent.code, sent.accepted) == (0, tuple(files))
    kept = {str(dataset.SOPInstanceUID): dataset for dataset in map(dcmread, door.store.received())}
    for path in files:
        original = dcmread(path)
        assert kept[original.SOPInstanceUID] == original
    assert door.images() == len(files)


@needs("storescu")
def test_no_name_on_disk_names_the_patient_or_the_study(open_door, tmp_path):
    door = open_door()
    store(small_series(tmp_path / "in"), door.port)
    names = " ".join(str(path.relative_to(tmp_path)) for path in door.store.data.rglob("*"))
    journal = b"".join(path.read_bytes() for path in door.store.data.glob("journal.sqlite*"))
    for secret in (*PATIENT_NAME.split("^"), PATIENT_ID):
        assert secret.lower() not in names.lower()
        assert secret.encode() not in journal
    assert uid("study") not in names


@needs("storescu")
def test_an_image_sent_twice_is_kept_once(open_door, tmp_path, caplog):
    caplog.set_level("INFO")
    door = open_door()
    files = small_series(tmp_path / "in")
    for _ in range(2):
        assert store(files, door.port).accepted == tuple(files)
    wait_until(lambda: "0 objects received, 4 already present" in caplog.text, "the second delivery in the log")
    assert door.images() == len(list(door.store.received())) == 4


@needs("echoscu")
def test_the_node_responds_to_c_echo(open_door):
    door = open_door()
    subprocess.run(["echoscu", "-aec", "TUMORSCOPE", "127.0.0.1", str(door.port)], check=True, timeout=60)


@needs("storescu")
def test_only_listed_calling_titles_are_accepted(open_door, tmp_path, caplog):
    door = open_door("SCANNER", "ARCHIVE")
    files = small_series(tmp_path / "in")
    refused = store(files, door.port, calling="SOMEONE")
    assert refused.code != 0
    assert "Calling AE Title Not Recognized" in refused.output
    assert door.images() == 0
    assert "an association from 127.0.0.1 was rejected" in caplog.text
    assert "SOMEONE" not in caplog.text
    assert store(files, door.port, calling="ARCHIVE").code == 0
    assert door.images() == 4


def test_four_associations_at_once_each_bring_their_study(open_door, tmp_path):
    door = open_door()
    studies = {name: small_series(tmp_path / name, study=name) for name in "abcd"}
    associations = {name: associate(door.port) for name in studies}
    assert all(association.is_established for association in associations.values())
    for files in zip(*studies.values(), strict=True):
        for association, path in zip(associations.values(), files, strict=True):
            assert association.send_c_store(dcmread(path)).Status == 0
    assert door.arrivals.mark_complete() == [], "they are all still open"
    for association in associations.values():
        association.release()
    wait_until(lambda: len(door.arrivals.mark_complete()) + len(door.journal.in_state("ready")) >= 4, "four studies")
    assert [door.images(name) for name in studies] == [4, 4, 4, 4]


@pytest.mark.parametrize("how", ["while writing", "before", "in the journal"])
@needs("storescu")
def test_a_full_disk_is_out_of_resources_and_nothing_is_partly_stored(open_door, tmp_path, monkeypatch, caplog, how):
    import sqlite3

    door = open_door()
    files = small_series(tmp_path / "in")

    def full(*_arguments, **_options):
        if how == "in the journal":
            raise sqlite3.OperationalError("database or disk is full")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if how == "while writing":
            patch.setattr(os, "fsync", full)
        elif how == "before":
            patch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
        else:
            patch.setattr(door.journal, "receive", full)
        sent = store(files, door.port)
        association = associate(door.port)
        assert association.send_c_store(dcmread(files[0])).Status == 0xA700
        association.release()
    assert sent.code != 0
    assert sent.accepted == ()
    assert "Refused: OutOfResources" in sent.output
    assert caplog.text.count("the disk is nearly full") == 1
    assert door.images() == 0
    assert not list(door.store.incoming.rglob("*.part"))
    assert store(files, door.port).accepted == tuple(files)
    assert door.images() == 4


def test_a_study_with_an_image_refused_by_a_full_disk_is_interrupted(open_door, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    door = open_door()
    files = [dcmread(path) for path in small_series(tmp_path / "in")]
    association = associate(door.port)
    for number, dataset in enumerate(files):
        with monkeypatch.context() as patch:
            if number == 2:
                patch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
            assert association.send_c_store(dataset).Status == (0xA700 if number == 2 else 0)
    association.release()
    wait_until(lambda: "3 objects received, 1 image could not be stored" in caplog.text, "the end of the association")
    assert door.arrivals.mark_complete() == []
    assert door.journal.study(study_code(uid("study"))).interrupted

    association = associate(door.port)
    assert association.send_c_store(files[2]).Status == 0
    association.release()
    wait_until(lambda: door.arrivals.mark_complete() == [study_code(uid("study"))], "the study to be complete")
    assert not door.journal.study(study_code(uid("study"))).interrupted


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"StudyInstanceUID": None}, 0xC000),
        ({"StudyInstanceUID": ""}, 0xC000),
        ({"SOPInstanceUID": "1.2.3"}, 0xA900),
        ({"SOPClassUID": REPORT}, 0xA900),
    ],
)
def test_an_object_with_inconsistent_identifiers_is_refused(open_door, tmp_path, changes, status):
    door = open_door()
    [path] = small_series(tmp_path / "in", count=1)
    dataset = dcmread(path)
    association = associate(door.port)
    called = (dataset.SOPClassUID, dataset.SOPInstanceUID)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value) if value is not None else delattr(dataset, keyword)
    assert send_as(association, dataset, *called) == status
    association.release()
    assert images_on_disk(door.store.data) == set()


def send_as(association, dataset, kind, instance):
    """The status of a C-STORE whose command names another object than its data set."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.dsutils import encode

    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = kind, instance
    request.DataSet = BytesIO(encode(dataset, False, True))
    [context] = association.accepted_contexts
    association._reactor_checkpoint.expire()
    try:
        association.dimse.send_msg(request, context.context_id)
        _, response = association.dimse.get_msg(block=True)
    finally:
        association._reactor_checkpoint.set()
    return response.Status


def test_a_damaged_data_set_is_refused_and_the_node_continues(open_door, tmp_path, caplog):
    door = open_door()
    [path] = small_series(tmp_path / "in", count=1)
    dataset = dcmread(path)
    association = associate(door.port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pynetdicom.dsutils.encode", lambda *_: b"\x08\x00\x18\x00UI\xff\x7f")
        assert send_as(association, dataset, dataset.SOPClassUID, dataset.SOPInstanceUID) & 0xF000 in (0xC000, 0xA000)
    association.release()
    assert images_on_disk(door.store.data) == set()
    assert store([path], door.port).code == 0


def test_reports_and_results_are_stored_but_start_no_analysis(open_door, tmp_path):
    door = open_door()
    path = write_file(
        tmp_path / "sr.dcm",
        {"SOPClassUID": REPORT, "SOPInstanceUID": "1.2.3", "StudyInstanceUID": uid("study"), "Modality": "SR"},
    )
    association = associate(door.port, REPORT)
    assert association.send_c_store(dcmread(path)).Status == 0
    association.release()
    assert len(list(door.store.received())) == 1
    assert door.journal.in_state("receiving") == []


def test_an_aborted_association_keeps_the_study_open(open_door, tmp_path, caplog):
    caplog.set_level("INFO")
    door = open_door()
    association = associate(door.port)
    assert association.send_c_store(dcmread(small_series(tmp_path / "in")[0])).Status == 0
    association.abort()
    wait_until(lambda: "was aborted" in caplog.text, "the end of the association")
    assert door.arrivals.mark_complete() == []


def test_a_port_in_use_is_named(open_door, tmp_path):
    door = open_door()
    other = Receiver(door.store, door.journal, door.arrivals, "OTHER", ())
    with pytest.raises(TumorscopeError, match=f"cannot listen on 127.0.0.1:{door.port} .*; choose another --port"):
        other.listen("127.0.0.1", door.port)


@pytest.mark.parametrize(("aet", "allowed"), [("A TITLE THAT IS TOO LONG", ()), ("", ()), ("A", ("back\\slash",))])
def test_an_invalid_title_is_one_line(open_door, aet, allowed):
    door = open_door()
    with pytest.raises(TumorscopeError, match="titles have 1 to 16 plain characters"):
        Receiver(door.store, door.journal, door.arrivals, aet, allowed)


def test_objects_missing_in_the_journal_are_recorded(tmp_path):
    """Killed between the renaming and the journal; or the journal was lost."""
    files = small_series(tmp_path / "in")
    store_ = Store(tmp_path / "data")
    journal = Journal(tmp_path / "data" / "journal.sqlite")
    for path in files:
        store_.keep(study_code(uid("study")), image_code(dcmread(path).SOPInstanceUID), path.read_bytes())
    (store_.incoming / study_code(uid("study")) / "note.txt").write_text("not one of them")
    assert import_unrecorded(store_, journal) == 4
    assert journal.study(study_code(uid("study"))).images == 4
    assert import_unrecorded(store_, journal) == 0


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_every_compression_that_can_be_decoded_is_accepted(open_door, syntax):
    ae = AE("SCANNER")
    ae.add_requested_context(MR, syntax)
    association = ae.associate("127.0.0.1", open_door().port)
    assert [context.transfer_syntax for context in association.accepted_contexts] == [[syntax]]
    association.release()


def test_a_compressed_image_is_stored_unchanged(open_door, tmp_path):
    door = open_door()
    [path] = small_series(tmp_path / "in", count=1)
    dataset = dcmread(path)
    pixels = dataset.pixel_array
    dataset.compress(RLELossless)
    association = associate(door.port, syntax=RLELossless)
    assert association.send_c_store(dataset).Status == 0
    association.release()
    [kept] = map(dcmread, door.store.received())
    assert kept.file_meta.TransferSyntaxUID == RLELossless
    assert (kept.pixel_array == pixels).all()
