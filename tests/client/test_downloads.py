"""A result is downloaded completely or not at all."""

import errno
import os
import resource
import signal

import pytest
from client.scripted import STUDY, service, study

from tumorscope.client import Client, Refused, Unavailable
from tumorscope.core.errors import TumorscopeError

CONTENT = {"analysis.json": b"{}" * 1000, "mask.nii.gz": os.urandom(100_000), "report.pdf": b"%PDF" * 1000}
HREFS = {name: f"/api/studies/{STUDY}/{name.replace('.json', '')}?revision=1" for name in CONTENT}


def listed(hrefs=HREFS):
    return study("done", 9, files=[{"name": name, "bytes": len(CONTENT[name]), "href": hrefs[name]} for name in hrefs])


def give(asked):
    name = next((name for name in CONTENT if asked.path == HREFS[name]), None)
    if name is None:
        asked.response(listed())
        return
    asked.send_response(200)
    asked.send_header("Content-Length", str(len(CONTENT[name])))
    asked.send_header("Content-Type", "application/gzip")
    asked.end_headers()
    asked.wfile.write(CONTENT[name])


def breaks_in(broken):
    def response(asked):
        if asked.path != HREFS[broken]:
            give(asked)
            return
        asked.send_response(200)
        asked.send_header("Content-Length", str(len(CONTENT[broken])))
        asked.end_headers()
        asked.wfile.write(CONTENT[broken][:-1])
        asked.cut()

    return response


def test_one_result_and_all_of_them(tmp_path):
    told = []
    with service(give) as address, Client(address) as client:
        assert client.download(STUDY, "report.pdf", tmp_path / "one") == tmp_path / "one" / "report.pdf"
        paths = client.download_all(
            STUDY, tmp_path / "all" / "case", on_progress=lambda done, total: told.append((done, total))
        )
    assert (tmp_path / "one" / "report.pdf").read_bytes() == CONTENT["report.pdf"]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["report.pdf"]
    assert {path.name: path.read_bytes() for path in paths} == CONTENT
    assert paths[-1].name == "analysis.json"  # where it stands, the others are complete
    whole = sum(map(len, CONTENT.values()))
    assert told[-1] == (whole, whole)


def test_a_broken_connection_leaves_nothing(tmp_path):
    with (
        service(breaks_in("mask.nii.gz")) as address,
        Client(address) as client,
        pytest.raises(Unavailable, match="connection was interrupted"),
    ):
        client.download_all(STUDY, tmp_path / "new" / "case")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_connection_leaves_existing_files(tmp_path):
    (tmp_path / "mask.nii.gz").write_bytes(b"before")
    with service(breaks_in("mask.nii.gz")) as address, Client(address) as client, pytest.raises(Unavailable):
        client.download(STUDY, "mask.nii.gz", tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"mask.nii.gz": b"before"}


@pytest.mark.parametrize("when", ["while writing", "at the end"])
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path, monkeypatch, when):
    if when == "at the end":  # as on network file systems and under quotas

        def fsync(_file):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", fsync)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with service(give) as address, Client(address) as client, pytest.raises(TumorscopeError) as caught:
            client.download_all(STUDY, tmp_path / "case")
    finally:
        if when == "while writing":
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
    reason = "no space left; free some" if when == "at the end" else "cannot be written (File too large)"
    assert str(tmp_path / "case") in str(caught.value)
    assert reason in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (
        service(give) as address,
        Client(address) as client,
        pytest.raises(TumorscopeError, match="a file is in the way of this folder"),
    ):
        client.download(STUDY, "report.pdf", tmp_path / "file" / "case")


@pytest.mark.parametrize("name", ["../report.pdf", "/etc/passwd", ".hidden", "a/b", ""])
def test_a_service_cannot_choose_a_file_s_path(tmp_path, name):
    evil = study("done", files=[{"name": name, "bytes": 1, "href": HREFS["report.pdf"]}])
    with (
        service(lambda asked: asked.response(evil)) as address,
        Client(address) as client,
        pytest.raises(Refused, match="is not from a Tumorscope service"),
    ):
        client.download_all(STUDY, tmp_path / "case")
    assert list(tmp_path.iterdir()) == []


def test_a_service_cannot_send_the_token_elsewhere(tmp_path):
    seen = []
    with service(lambda asked: seen.append(asked.path)) as other:
        hrefs = [f"{other}/steal", f"/api/studies/{STUDY}/../../x"]
        for href in hrefs:
            evil = listed({"report.pdf": href})
            with (
                service(lambda asked, evil=evil: asked.response(evil)) as address,
                Client(address, token="secret") as client,
                pytest.raises(Refused, match="files of another service"),
            ):
                client.download(STUDY, "report.pdf", tmp_path)
    assert seen == []


def test_a_service_with_a_path_prefix_is_supported(tmp_path):
    asked_for = []

    def response(asked):
        asked_for.append(asked.path)
        asked.path = asked.path.removeprefix("/mri")
        give(asked)

    with service(response) as address, Client(f"{address}/mri/") as client:
        client.download(STUDY, "report.pdf", tmp_path)
    assert asked_for == [f"/mri/api/studies/{STUDY}", f"/mri{HREFS['report.pdf']}"]


def test_a_missing_result_is_reported_with_the_available_ones(tmp_path):
    with (
        service(give) as address,
        Client(address) as client,
        pytest.raises(Refused, match=r"there is no seg\.dcm; available: analysis\.json, mask\.nii\.gz, report\.pdf"),
    ):
        client.download(STUDY, "seg.dcm", tmp_path)
    with (
        service(lambda asked: asked.response(study())) as address,
        Client(address) as client,
        pytest.raises(Refused, match="no results; it is queued"),
    ):
        client.download_all(STUDY, tmp_path)
