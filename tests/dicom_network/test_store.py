"""The node's files are complete, and their names reveal nothing."""

import errno
import os

import pytest

from tumorscope.dicom_network.store import Store, image_code, only_node, study_code


def test_codes_reveal_nothing_of_the_uid_and_are_file_names():
    for code, uid in ((study_code("1.2.3"), "1.2.3"), (image_code("1.2.3"), "1.2.3"), (study_code("../../x"), "..")):
        assert uid not in code
        assert code.replace("-", "").isalnum()
    assert study_code("1.2.3") != study_code("1.2.4")


def test_an_object_is_stored_once_and_the_first_stays(tmp_path):
    store = Store(tmp_path / "data")
    first = store.keep("study-a", "image-a", b"first")
    assert store.keep("study-a", "image-a", b"second") == first
    assert first.read_bytes() == b"first"
    assert list(store.received()) == [first]
    assert store.keep("study-a", "image-a", b"corrected", replace=True) == first
    assert first.read_bytes() == b"corrected"
    assert list(store.received()) == [first]


def test_an_analysis_keeps_the_file_that_is_replaced_meanwhile(tmp_path):
    store = Store(tmp_path / "data")
    folder, _ = store.stage("study-a", [store.keep("study-a", "image-a", b"first")])
    store.keep("study-a", "image-a", b"corrected", replace=True)
    assert [path.read_bytes() for path in folder.iterdir()] == [b"first"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch, moment):
    store = Store(tmp_path / "data")

    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full) if moment == "fsync" else patch.setattr("pathlib.Path.replace", full)
        with pytest.raises(OSError, match="No space"):
            store.keep("study-a", "image-a", b"content")
    assert [path for path in store.incoming.rglob("*") if path.is_file()] == []


def test_a_power_cut_takes_no_object_back_and_leaves_no_partial_one(tmp_path, monkeypatch):
    store = Store(tmp_path / "data")
    kept = store.keep("study-a", "image-a", b"content")
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda _self, target: target)  # renamed, but not yet on disk
        lost = store.keep("study-a", "image-b", b"content")
    half = kept.with_name(".image-c.dcm.17.7.01234567.part")
    half.write_bytes(b"con")
    assert list(store.received()) == [kept, lost]
    assert lost.read_bytes() == b"content"
    assert not half.exists()


def test_an_analysis_uses_exactly_the_images_at_its_start(tmp_path):
    store = Store(tmp_path / "data")
    early = store.keep("study-a", "image-a", b"early")
    folder, _ = store.stage("study-a", [early])
    store.keep("study-a", "image-b", b"late")
    assert [path.read_bytes() for path in folder.iterdir()] == [b"early"]


def test_results_appear_all_at_once(tmp_path):
    store = Store(tmp_path / "data")
    _, out = store.stage("study-a", [])
    (out / "sr.dcm").write_bytes(b"report")
    assert not store.results_of("study-a", 1).exists()
    assert (store.commit("study-a", 1) / "sr.dcm").read_bytes() == b"report"
    assert not out.exists()


def test_only_the_owner_can_read_the_folder(tmp_path):
    assert Store(tmp_path / "data").data.stat().st_mode & 0o077 == 0


def test_one_node_uses_a_folder_at_a_time(tmp_path):
    with only_node(tmp_path) as first:
        assert first
        with only_node(tmp_path) as second:
            assert not second
    with only_node(tmp_path) as third:
        assert third
