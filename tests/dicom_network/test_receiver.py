"""The status that a sender receives, and the files on disk."""

import errno
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from dicom_making import PATIENT_ID, PATIENT_NAME, uid, write_file
from dicom_network.running import images_on_disk, small_series, store, wait_until
from dicom_peers import needs, program
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from pynetdicom import AE

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.arrivals import Arrivals
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.receiver import PRIVATE_CLASSES, TRANSFER_SYNTAXES, Receiver, import_unrecorded
from tumorscope.dicom_network.store import Store, image_code, study_code

MR, REPORT = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.88.33"


class LocalReceiver:
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
def make_receiver(tmp_path):
    receivers = []

    def make(*allowed):
        receivers.append(LocalReceiver(tmp_path / "data", *allowed))
        return receivers[-1]

    yield make
    for local in receivers:
        local.receiver.close()


def associate(port, kind=MR, syntax=ExplicitVRLittleEndian):
    ae = AE("SCANNER")
    ae.add_requested_context(kind, syntax)
    return ae.associate("127.0.0.1", port, ae_title="TUMORSCOPE")


@needs("storescu")
def test_objects_confirmed_with_success_are_on_disk_unchanged(make_receiver, tmp_path):
    local = make_receiver()
    files = small_series(tmp_path / "in")
    sent = store(files, local.port)
    assert (sent.code, sent.accepted) == (0, tuple(files))
    kept = {str(dataset.SOPInstanceUID): dataset for dataset in map(dcmread, local.store.received())}
    for path in files:
        original = dcmread(path)
        assert kept[original.SOPInstanceUID] == original
    assert local.images() == len(files)


@needs("storescu")
def test_no_name_on_disk_names_the_patient_or_the_study(make_receiver, tmp_path):
    local = make_receiver()
    store(small_series(tmp_path / "in"), local.port)
    names = " ".join(str(path.relative_to(tmp_path)) for path in local.store.data.rglob("*"))
    journal = b"".join(path.read_bytes() for path in local.store.data.glob("journal.sqlite*"))
    for secret in (*PATIENT_NAME.split("^"), PATIENT_ID):
        assert secret.lower() not in names.lower()
        assert secret.encode() not in journal
    assert uid("study") not in names


@needs("storescu")
def test_an_image_sent_twice_is_kept_once(make_receiver, tmp_path, caplog):
    caplog.set_level("INFO")
    local = make_receiver()
    files = small_series(tmp_path / "in")
    for _ in range(2):
        assert store(files, local.port).accepted == tuple(files)
    wait_until(lambda: "0 objects received, 4 already present" in caplog.text, "the second delivery in the log")
    assert local.images() == len(list(local.store.received())) == 4


@needs("storescu")
@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "AccessionNumber"])
def test_images_sent_again_under_a_corrected_patient_replace_the_others(make_receiver, tmp_path, caplog, keyword):
    """As a modality does when the wrong worklist entry was chosen; all UIDs stay."""
    caplog.set_level("INFO")
    local = make_receiver()
    store(small_series(tmp_path / "wrong")[:2], local.port)
    wait_until(lambda: "2 objects received" in caplog.text, "the first delivery in the log")
    local.arrivals.mark_complete()
    run = local.journal.begin(study_code(uid("study")))
    assert len(run.files) == 2
    store(small_series(tmp_path / "right", **{keyword: "CORRECTED"}), local.port)
    expected = "2 objects received, 2 already present, 2 with another patient than before"
    wait_until(lambda: expected in caplog.text, "the second delivery in the log")
    kept = [dcmread(path) for path in local.store.received()]
    assert [str(dataset[keyword].value) for dataset in kept] == ["CORRECTED"] * 4
    assert local.journal.study(study_code(uid("study"))).state == "receiving"
    assert "CORRECTED" not in caplog.text


@needs("storescu")
def test_a_correction_alone_reopens_an_analyzed_study(make_receiver, tmp_path, caplog):
    caplog.set_level("INFO")
    local = make_receiver()
    store(small_series(tmp_path / "wrong"), local.port)
    wait_until(lambda: "4 objects received" in caplog.text, "the first delivery in the log")
    local.arrivals.mark_complete()
    local.journal.finish(local.journal.begin(study_code(uid("study"))), [], [])
    store(small_series(tmp_path / "right", PatientID="CORRECTED"), local.port)
    wait_until(lambda: "it will be re-analyzed" in caplog.text, "that the study is open again")
    assert local.journal.study(study_code(uid("study"))).state == "receiving"


@needs("echoscu")
def test_the_node_responds_to_c_echo(make_receiver):
    local = make_receiver()
    subprocess.run(
        [str(program("echoscu")), "-aec", "TUMORSCOPE", "127.0.0.1", str(local.port)], check=True, timeout=60
    )


@needs("storescu")
def test_only_listed_calling_titles_are_accepted(make_receiver, tmp_path, caplog):
    local = make_receiver("SCANNER", "ARCHIVE")
    files = small_series(tmp_path / "in")
    refused = store(files, local.port, calling="SOMEONE")
    assert refused.code != 0
    assert "Calling AE Title Not Recognized" in refused.output
    assert local.images() == 0
    assert "an association from 127.0.0.1 was rejected" in caplog.text
    assert "SOMEONE" not in caplog.text
    assert store(files, local.port, calling="ARCHIVE").code == 0
    assert local.images() == 4


def test_four_associations_at_once_each_bring_their_study(make_receiver, tmp_path):
    local = make_receiver()
    studies = {name: small_series(tmp_path / name, study=name) for name in "abcd"}
    associations = {name: associate(local.port) for name in studies}
    assert all(association.is_established for association in associations.values())
    for files in zip(*studies.values(), strict=True):
        for association, path in zip(associations.values(), files, strict=True):
            assert association.send_c_store(dcmread(path)).Status == 0
    assert local.arrivals.mark_complete() == [], "they are all still open"
    for association in associations.values():
        association.release()
    wait_until(lambda: len(local.arrivals.mark_complete()) + len(local.journal.in_state("ready")) >= 4, "four studies")
    assert [local.images(name) for name in studies] == [4, 4, 4, 4]


@pytest.mark.parametrize("how", ["while writing", "before writing", "in the journal"])
@needs("storescu")
def test_a_full_disk_is_out_of_resources_and_nothing_is_partly_stored(
    make_receiver, tmp_path, monkeypatch, caplog, how
):
    import sqlite3

    local = make_receiver()
    files = small_series(tmp_path / "in")

    def full(*_arguments, **_options):
        if how == "in the journal":
            raise sqlite3.OperationalError("database or disk is full")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if how == "while writing":
            patch.setattr(os, "fsync", full)
        elif how == "before writing":
            patch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
        else:
            patch.setattr(local.journal, "receive", full)
        sent = store(files, local.port)
        association = associate(local.port)
        assert association.send_c_store(dcmread(files[0])).Status == 0xA700
        association.release()
    assert sent.code != 0
    assert sent.accepted == ()
    assert "Refused: OutOfResources" in sent.output
    assert caplog.text.count("the disk is nearly full") == 1
    assert local.images() == 0
    assert not list(local.store.incoming.rglob("*.part"))
    assert store(files, local.port).accepted == tuple(files)
    assert local.images() == 4


def test_a_study_with_an_image_refused_by_a_full_disk_is_interrupted(make_receiver, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    local = make_receiver()
    files = [dcmread(path) for path in small_series(tmp_path / "in")]
    association = associate(local.port)
    for number, dataset in enumerate(files):
        with monkeypatch.context() as patch:
            if number == 2:
                patch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
            assert association.send_c_store(dataset).Status == (0xA700 if number == 2 else 0)
    association.release()
    wait_until(lambda: "3 objects received, 1 image could not be stored" in caplog.text, "the end of the association")
    assert local.arrivals.mark_complete() == []
    assert local.journal.study(study_code(uid("study"))).interrupted

    association = associate(local.port)
    assert association.send_c_store(files[2]).Status == 0
    association.release()
    wait_until(lambda: local.arrivals.mark_complete() == [study_code(uid("study"))], "the study to be complete")
    assert not local.journal.study(study_code(uid("study"))).interrupted


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"StudyInstanceUID": None}, 0xC000),
        ({"StudyInstanceUID": ""}, 0xC000),
        ({"SOPInstanceUID": "1.2.3"}, 0xA900),
        ({"SOPClassUID": REPORT}, 0xA900),
    ],
)
def test_an_object_with_inconsistent_identifiers_is_refused(make_receiver, tmp_path, changes, status):
    local = make_receiver()
    [path] = small_series(tmp_path / "in", count=1)
    dataset = dcmread(path)
    association = associate(local.port)
    called = (dataset.SOPClassUID, dataset.SOPInstanceUID)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value) if value is not None else delattr(dataset, keyword)
    assert send_as(association, dataset, *called) == status
    association.release()
    assert images_on_disk(local.store.data) == set()


def send_as(association, dataset, kind, instance):
    """The status of a C-STORE whose command and data set name different objects."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.dsutils import encode

    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = kind, instance
    request.DataSet = BytesIO(encode(dataset, False, True))
    [context] = association.accepted_contexts
    association._reactor_checkpoint.clear()
    try:
        association.dimse.send_msg(request, context.context_id)
        _, response = association.dimse.get_msg(block=True)
    finally:
        association._reactor_checkpoint.set()
    return response.Status


def test_a_damaged_data_set_is_refused_and_the_node_continues(make_receiver, tmp_path, caplog):
    local = make_receiver()
    [path] = small_series(tmp_path / "in", count=1)
    dataset = dcmread(path)
    association = associate(local.port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pynetdicom.dsutils.encode", lambda *_: b"\x08\x00\x18\x00UI\xff\x7f")
        assert send_as(association, dataset, dataset.SOPClassUID, dataset.SOPInstanceUID) & 0xF000 in (0xC000, 0xA000)
    association.release()
    assert images_on_disk(local.store.data) == set()
    assert store([path], local.port).code == 0


def test_reports_and_results_are_stored_but_start_no_analysis(make_receiver, tmp_path):
    local = make_receiver()
    path = write_file(
        tmp_path / "sr.dcm",
        {"SOPClassUID": REPORT, "SOPInstanceUID": "1.2.3", "StudyInstanceUID": uid("study"), "Modality": "SR"},
    )
    association = associate(local.port, REPORT)
    assert association.send_c_store(dcmread(path)).Status == 0
    association.release()
    assert len(list(local.store.received())) == 1
    assert local.journal.in_state("receiving") == []


@needs("dcmsend")
@pytest.mark.parametrize("kind", PRIVATE_CLASSES)
def test_a_scanner_s_own_object_does_not_end_the_transfer(make_receiver, tmp_path, kind):
    """Many senders send nothing more after an object for which no presentation context was accepted."""
    local = make_receiver()
    own = {"SOPClassUID": kind, "SOPInstanceUID": uid("own"), "StudyInstanceUID": uid("study"), "Modality": "MR"}
    path = write_file(tmp_path / "own.dcm", own)
    command = [str(program("dcmsend")), "-v", "-aec", "TUMORSCOPE", "127.0.0.1", str(local.port)]
    sent = subprocess.run([*command, path, *small_series(tmp_path)], capture_output=True, text=True, timeout=60)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert len(list(local.store.received())) == 5
    assert local.images() == 4


def test_an_aborted_association_keeps_the_study_open(make_receiver, tmp_path, caplog):
    caplog.set_level("INFO")
    local = make_receiver()
    association = associate(local.port)
    assert association.send_c_store(dcmread(small_series(tmp_path / "in")[0])).Status == 0
    association.abort()
    wait_until(lambda: "was aborted" in caplog.text, "the end of the association")
    assert local.arrivals.mark_complete() == []


def test_a_port_in_use_is_named(make_receiver, tmp_path):
    local = make_receiver()
    other = Receiver(local.store, local.journal, local.arrivals, "OTHER", ())
    with pytest.raises(TumorscopeError, match=f"cannot listen on 127.0.0.1:{local.port} .*; choose another --port"):
        other.listen("127.0.0.1", local.port)


@pytest.mark.parametrize(("aet", "allowed"), [("A TITLE THAT IS TOO LONG", ()), ("", ()), ("A", ("back\\slash",))])
def test_an_invalid_title_is_one_line(make_receiver, aet, allowed):
    local = make_receiver()
    with pytest.raises(TumorscopeError, match="titles have 1 to 16 plain characters"):
        Receiver(local.store, local.journal, local.arrivals, aet, allowed)


def test_objects_missing_in_the_journal_are_recorded(tmp_path):
    """After a kill between the rename and the journal entry, or with a lost journal."""
    files = small_series(tmp_path / "in")
    store_ = Store(tmp_path / "data")
    journal = Journal(tmp_path / "data" / "journal.sqlite")
    for path in files:
        store_.keep(study_code(uid("study")), image_code(dcmread(path).SOPInstanceUID), path.read_bytes())
    (store_.incoming / study_code(uid("study")) / "note.txt").write_text("not one of them")
    assert import_unrecorded(store_, journal) == 4
    assert journal.study(study_code(uid("study"))).images == 4
    assert import_unrecorded(store_, journal) == 0


@pytest.mark.parametrize("entered", [True, False])
def test_an_object_whose_rename_was_lost_is_recorded_once(tmp_path, monkeypatch, entered):
    """After a power cut, which the entry in the journal survived or not."""
    path = small_series(tmp_path / "in")[0]
    code, image = study_code(uid("study")), str(dcmread(path).SOPInstanceUID)
    store_ = Store(tmp_path / "data")
    journal = Journal(tmp_path / "data" / "journal.sqlite")
    kept = store_.keep(code, image_code(image), path.read_bytes())
    if entered:
        journal.receive(code, uid("study"), image, kept.relative_to(store_.data).as_posix(), is_input=True)
    kept.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda _self, target: target)
        store_.keep(code, image_code(image), path.read_bytes())
    assert import_unrecorded(store_, journal) == (0 if entered else 1)
    assert dcmread(kept) == dcmread(path)
    assert journal.study(code).images == 1


@needs("storescu")
def test_a_correction_is_in_the_journal_before_its_file_is_replaced(make_receiver, tmp_path, monkeypatch):
    """Cut between the two, the study is analyzed again, and the sender, which has no response, sends the image again."""
    local = make_receiver()
    code = study_code(uid("study"))
    store(small_series(tmp_path / "wrong")[:1], local.port)
    wait_until(lambda: not local.arrivals.senders(), "the end of the association")
    local.arrivals.mark_complete()
    local.journal.begin(code)
    states = []
    keep = local.store.keep

    def noted(*arguments, **options):
        states.append((local.journal.study(code).state, options))
        return keep(*arguments, **options)

    monkeypatch.setattr(local.store, "keep", noted)
    store(small_series(tmp_path / "right", PatientID="CORRECTED")[:1], local.port)
    assert states == [("receiving", {"replace": True})]


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_every_compression_that_can_be_decoded_is_accepted(make_receiver, syntax):
    ae = AE("SCANNER")
    ae.add_requested_context(MR, syntax)
    association = ae.associate("127.0.0.1", make_receiver().port)
    assert [context.transfer_syntax for context in association.accepted_contexts] == [[syntax]]
    association.release()


def test_a_compressed_image_is_stored_unchanged(make_receiver, tmp_path):
    local = make_receiver()
    [path] = small_series(tmp_path / "in", count=1)
    dataset = dcmread(path)
    pixels = dataset.pixel_array
    dataset.compress(RLELossless)
    association = associate(local.port, syntax=RLELossless)
    assert association.send_c_store(dataset).Status == 0
    association.release()
    [kept] = map(dcmread, local.store.received())
    assert kept.file_meta.TransferSyntaxUID == RLELossless
    assert (kept.pixel_array == pixels).all()
