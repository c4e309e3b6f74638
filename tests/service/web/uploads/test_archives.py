import io
import stat
import tracemalloc
import zipfile

import pytest
from service.web.uploads.zips import many_members, overlapping, renamed, with_mode, zipped

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.archives import unpack_archives


@pytest.fixture
def unpack(make_tree):
    """Unpacks an archive under given limits; returns the content by path."""

    def take(content, name="scan.zip", **limits):
        tree = make_tree(**limits)
        tree.new_path(name).write_bytes(content)
        try:
            unpack_archives(tree)
        finally:
            outside = [path for path in tree.root.parent.rglob("*") if not path.is_relative_to(tree.root)]
            assert outside == []
        return {str(path.relative_to(tree.unpacked)): path.read_bytes() for path in tree.sent_as}

    return take


def refused(unpack, content, status, words, **limits):
    with pytest.raises(ApiError, match=words) as refusal:
        unpack(content, **limits)
    assert refusal.value.status == status
    assert "\n" not in str(refusal.value)


def test_an_archive_becomes_a_folder_of_its_name(unpack):
    files = {"patient/flair.nii": b"one", "patient/t1.nii": b"two", "patient/__MACOSX/._t1.nii": b"x"}
    assert unpack(zipped(files)) == {"scan/patient/flair.nii": b"one", "scan/patient/t1.nii": b"two"}


def test_windows_paths_are_read(unpack):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.mkdir("series")
        archive.writestr("./", b"")
        archive.writestr("series\\1.png", b"one")
    assert unpack(content.getvalue()) == {"scan/series/1.png": b"one"}


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/etc/evil",
        "C:/evil",
        "C:\\evil",
        "a\\..\\..\\evil",
        "\\\\host\\evil",
        "../",
        "/../x",
    ],
)
def test_a_member_outside_the_folder_is_rejected(unpack, name):
    refused(unpack, zipped({"ok.png": b"x", name: b"evil"}), 400, "leaves its folder|absolute")


def test_a_name_with_a_null_character_is_rejected(unpack):
    archive = renamed(zipped({"ok.pngX/../../evil": b"x"}), b"ok.pngX/../", b"ok.png\0/../")
    refused(unpack, archive, 400, "null character")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_rejected(unpack, kind):
    refused(unpack, with_mode("flair.nii", b"/etc/passwd", kind | 0o777), 400, "symbolic link|device")


def test_an_encrypted_archive_is_rejected(unpack):
    plain = zipped({"flair.nii": b"x"})
    at = plain.index(b"PK\1\2") + 8
    refused(unpack, plain[:at] + b"\1\0" + plain[at + 2 :], 400, "encrypted")


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"no archive at all" * 100, b"PK\5\6" + b"\0" * 18])
def test_a_file_that_is_not_an_archive_is_rejected_or_empty(unpack, content):
    if content.startswith(b"PK\5\6"):
        assert unpack(content) == {}
    else:
        refused(unpack, content, 400, "not a ZIP archive")


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.99])
def test_a_truncated_archive_is_rejected(unpack, cut):
    whole = zipped({f"{number}.png": bytes(range(256)) * 40 for number in range(20)}, zipfile.ZIP_STORED)
    refused(unpack, whole[: int(len(whole) * cut)], 400, "damaged|incomplete")


def test_a_damaged_member_is_detected(unpack):
    whole = bytearray(zipped({"flair.nii": bytes(range(256)) * 40}, zipfile.ZIP_STORED))
    whole[2000] ^= 0xFF
    refused(unpack, bytes(whole), 400, "damaged")


@pytest.mark.parametrize(
    "names", [("a.png", "a.png"), ("A.png", "a.PNG"), ("d/a.png", "d\\a.png"), ("d//a.png", "d/a.png")]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_with_the_same_name_are_rejected(unpack, names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    refused(unpack, content.getvalue(), 400, "two members have the same name")


def test_a_zip_bomb_is_rejected_by_its_ratio_before_unpacking(unpack, tmp_path):
    bomb = zipped({"zeros.nii": bytes(80 << 20)})
    assert len(bomb) < 100_000
    refused(unpack, bomb, 413, "grows more than 100 times")
    assert not list(tmp_path.rglob("zeros*"))


def test_mostly_empty_volumes_are_accepted(unpack):
    assert len(unpack(zipped({"mask.nii": bytes(8 << 20)}))["scan/mask.nii"]) == 8 << 20


def test_the_sum_of_all_archives_is_limited(make_tree):
    tree = make_tree(unpacked_bytes=1000)
    for name in ("a.zip", "b.zip"):
        tree.new_path(name).write_bytes(zipped({"x.png": bytes(600)}))
    with pytest.raises(ApiError, match="larger than 1000 bytes unpacked") as refusal:
        unpack_archives(tree)
    assert refusal.value.status == 413


def test_overlapping_members_are_rejected(unpack):
    bomb = overlapping(1000, bytes(1 << 20))
    assert len(bomb) < 100_000
    refused(unpack, bomb, 413, "grows more than")


def test_a_few_overlapping_members_are_rejected(unpack):
    with zipfile.ZipFile(io.BytesIO(overlapping(3, b"some bytes"))) as archive:
        assert len(archive.infolist()) == 3  # zipfile itself would unpack them
    refused(unpack, overlapping(3, b"some bytes"), 400, "members overlap")


def test_archives_in_archives_stay_packed(unpack):
    inner = zipped({"flair.nii": b"x"})
    assert unpack(zipped({"inner.zip": inner})) == {"scan/inner.zip": inner}


@pytest.mark.parametrize("stated", [100_000, 1])
def test_a_hundred_thousand_members_are_rejected_without_listing_them(unpack, stated):
    archive = many_members(100_000, stated & 0xFFFF)
    tracemalloc.start()
    refused(unpack, archive, 413, "more than 20,000 files")
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20  # a list of them takes fifty MiB


def test_a_directory_with_very_long_names_is_not_read(unpack):
    archive = zipped({f"{number:05d}" + "n" * 60_000: b"" for number in range(20)}, zipfile.ZIP_STORED)
    refused(unpack, archive, 413, "files", files=100)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_methods_that_need_much_memory_are_rejected(unpack, method):
    refused(unpack, zipped({"flair.nii": b"x" * 1000}, method), 400, "Deflate")


def test_data_before_an_archive_is_ignored(unpack):
    assert unpack(b"#!/bin/sh\n" + zipped({"flair.nii": b"x"})) == {"scan/flair.nii": b"x"}
