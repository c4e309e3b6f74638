"""What is on disk after a power cut at each moment of writing a file."""

import os
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from tumorscope.dicom_network import durable_files
from tumorscope.dicom_network.durable_files import finish_renames, syncs_names, write_durably

EXT4, OVERLAY = "28 1 {device} / / rw,noatime shared:1 - ext4 /dev/vda rw", "30 1 {device} / / rw - overlay overlay rw"


def power_cut_before_the_rename_is_on_disk(monkeypatch, path, content):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda _self, target: target)
        write_durably(path, content, names_follow=True)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("names_follow", [True, False])
def test_a_file_waits_once_for_the_disk_where_that_puts_names_there_too(tmp_path, monkeypatch, names_follow):
    path = tmp_path / "folder" / "a.dcm"
    path.parent.mkdir()
    synced = []
    fsync = os.fsync

    def noted(descriptor):
        assert not path.exists()  # a file with its own name is on disk
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_durably(path, b"content", names_follow)
    assert synced[0].name.startswith(".a.dcm.")
    assert synced[1:] == ([] if names_follow else [path.parent, tmp_path])
    assert files(path.parent) == {"a.dcm": b"content"}


@pytest.mark.parametrize(
    "on_disk", [b"", b"cont", b"content and more", bytes(7), b"Content"], ids=["empty", "short", "long", "zeros", "bit"]
)
def test_a_file_cut_while_it_was_written_is_deleted(tmp_path, on_disk):
    (tmp_path / f".a.dcm.17.7.{zlib.crc32(b'content'):08x}.part").write_bytes(on_disk)
    finish_renames(tmp_path)
    assert files(tmp_path) == {}


def test_a_file_whose_rename_was_lost_gets_its_name(tmp_path, monkeypatch):
    power_cut_before_the_rename_is_on_disk(monkeypatch, tmp_path / "a.dcm", b"content")
    assert "a.dcm" not in files(tmp_path)
    finish_renames(tmp_path)
    assert files(tmp_path) == {"a.dcm": b"content"}


def test_of_files_whose_renames_were_lost_the_last_replaces_the_others(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    write_durably(path, b"first", names_follow=True)
    for content in (b"second", b"third"):
        power_cut_before_the_rename_is_on_disk(monkeypatch, path, content)
    finish_renames(tmp_path)
    assert files(tmp_path) == {"a.dcm": b"third"}


def test_a_rename_that_is_cut_again_is_finished_at_the_next_start(tmp_path, monkeypatch):
    power_cut_before_the_rename_is_on_disk(monkeypatch, tmp_path / "a.dcm", b"content")
    with monkeypatch.context() as patch, suppress(OSError):
        patch.setattr(Path, "replace", lambda _self, _target: (_ for _ in ()).throw(OSError))
        finish_renames(tmp_path)
    finish_renames(tmp_path)
    assert files(tmp_path) == {"a.dcm": b"content"}


def test_hidden_files_of_another_form_are_deleted(tmp_path):
    """Those of the versions before, for one."""
    (tmp_path / ".image-b.0123.part").write_bytes(b"con")
    (tmp_path / "a.dcm").write_bytes(b"content")
    finish_renames(tmp_path)
    assert files(tmp_path) == {"a.dcm": b"content"}


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [([EXT4], True), ([OVERLAY], False), ([OVERLAY.format(device="999:1"), EXT4], True), ([EXT4.format(device="999:1")], False)],
)  # fmt: skip
def test_names_follow_only_on_file_systems_known_for_it(tmp_path, monkeypatch, mounts, expected):
    device = tmp_path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    table = tmp_path / "mountinfo"
    table.write_text("\n".join(mount.format(device=number) for mount in mounts))
    monkeypatch.setattr(durable_files, "_MOUNTS", table)
    assert syncs_names(tmp_path) is expected


def test_names_do_not_follow_on_systems_that_list_no_mounts(tmp_path, monkeypatch):
    monkeypatch.setattr(durable_files, "_MOUNTS", tmp_path / "none")
    assert not syncs_names(tmp_path)
