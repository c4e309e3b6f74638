"""Uploads of files, folders and archives are streamed and never duplicated."""

import os
import re
import resource
import tracemalloc
from pathlib import Path
from urllib.parse import unquote

import pytest
from client.scripted import service, study

from tumorscope.client import Client, Refused, Unavailable
from tumorscope.client import client as client_module
from tumorscope.client.uploads import named_below, outgoing
from tumorscope.core.errors import TumorscopeError


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(client_module, "_PAUSE_S", 0.01)


@pytest.fixture
def tree(tmp_path):
    for name in ("case/t1/1.dcm", "case/t2/1.dcm", "case/.hidden/x", "case/.DS_Store", "scan.nii.gz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "case" / "link").symlink_to(tmp_path / "scan.nii.gz")
    return tmp_path


def sent(body):
    """Content by name, parsed without the project's code."""
    boundary = body.split(b"\r\n", 1)[0]
    parts = {}
    for part in body.split(boundary)[1:-1]:
        head, content = part[2:-2].split(b"\r\n\r\n", 1)
        found = re.search(rb'name="([^"]*)"(?:; filename="([^"]*)")?', head)
        parts[unquote((found[2] or found[1]).decode())] = content
    return parts


def names(files):
    return [file.name for file in files]


def test_a_folder_is_sent_with_paths_and_without_hidden_files_and_links(tree):
    assert names(outgoing([tree / "case", tree / "scan.nii.gz"])) == ["case/t1/1.dcm", "case/t2/1.dcm", "scan.nii.gz"]


def test_the_current_folder_is_sent_under_its_name(tree, monkeypatch):
    monkeypatch.chdir(tree / "case" / "t1")
    assert names(outgoing([Path()])) == ["t1/1.dcm"]


def test_two_files_with_the_same_name_get_different_names(tree):
    (tree / "other").mkdir()
    (tree / "other" / "scan.nii.gz").write_bytes(b"another")
    assert names(outgoing([tree / "scan.nii.gz", tree / "other" / "scan.nii.gz"])) == [
        "scan.nii.gz",
        "2/scan.nii.gz",
    ]


def test_some_files_of_a_folder_keep_their_paths(tree):
    assert names(named_below(tree, [tree / "case" / "t1" / "1.dcm"])) == [f"{tree.name}/case/t1/1.dcm"]


@pytest.mark.parametrize(("path", "words"), [("nowhere", "no such file or folder"), ("empty", "nothing to send")])
def test_an_unsendable_path_is_reported(tree, path, words):
    (tree / "empty").mkdir()
    with pytest.raises(TumorscopeError, match=words):
        outgoing([tree / path])


def test_bytes_and_names_arrive_unchanged(tree):
    awkward = tree / 'a "b" ä.png'
    awkward.write_bytes(bytes(range(256)) * 1000)
    not_text = tree / os.fsdecode(b"\xff.png")
    not_text.write_bytes(b"x")
    got = []

    def take(asked):
        got.append((asked.path, sent(asked.body())))
        asked.response({"studies": [study()], "left_out": [{"name": "x", "reason": "y"}]}, 201)

    with service(take) as address, Client(address) as client:
        response = client.submit([tree / "case", awkward, not_text], "lgg")
    ((path, parts),) = got
    assert path == "/api/studies"
    assert parts == {
        "bundle": b"lgg",
        "case/t1/1.dcm": b"case/t1/1.dcm",
        "case/t2/1.dcm": b"case/t2/1.dcm",
        'a "b" ä.png': bytes(range(256)) * 1000,
        "\ufffd.png": b"x",
    }
    assert [each.id for each in response.studies] == [study()["id"]]
    assert [(each.name, each.reason) for each in response.left_out] == [("x", "y")]


def test_without_a_bundle_the_service_uses_its_own_choice(tree):
    got = []

    def take(asked):
        got.append(sent(asked.body()))
        asked.response({"studies": [study()]}, 201)

    with service(take) as address, Client(address) as client:
        client.submit(tree / "case")
    assert "bundle" not in got[0]


def test_a_large_file_is_streamed_with_progress(tmp_path):
    size = 64 * 2**20
    with (tmp_path / "large.nii").open("wb") as file:
        file.truncate(size)
    told, got = [], []

    def take(asked):
        left = int(asked.headers["Content-Length"])
        got.append(left)
        while left:
            left -= len(asked.rfile.read(min(left, 2**16)))
        asked.response({"studies": [study()]}, 201)

    with service(take) as address, Client(address) as client:
        tracemalloc.start()
        client.submit(tmp_path / "large.nii", on_progress=lambda done, total: told.append((done, total)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert got[0] > size
    assert peak < 8 * 2**20
    assert told[0] == (0, size)
    assert told[-1] == (size, size)
    assert sorted(told) == told
    assert len(told) < 300


def test_many_files_are_open_one_at_a_time(tmp_path, monkeypatch):
    for number in range(300):
        (tmp_path / f"{number}.dcm").write_bytes(b"x")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir()))

    def take(asked):
        asked.response({"studies": [study()], "left_out": [{"name": str(len(sent(asked.body()))), "reason": ""}]}, 201)

    with service(take) as address, Client(address) as client:
        monkeypatch.setattr(client, "about", lambda: client_module.About(version="1"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 40, limits[1]))
        try:
            assert client.submit(tmp_path).left_out[0].name == "300"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_an_interrupted_upload_is_repeated_with_its_key(tmp_path):
    (tmp_path / "scan.nii").write_bytes(bytes(3 * 2**20))
    keys, complete, told = [], [], []

    def take(asked):
        keys.append(asked.headers["Idempotency-Key"])
        if len(keys) == 1:
            asked.rfile.read(2**20)
            asked.cut()
            return
        if asked.headers["Content-Length"] == "0":
            asked.response({"detail": "no files"}, 400)
            return
        complete.append(len(sent(asked.body())["scan.nii"]))
        asked.response({"studies": [study()]}, 201)

    with service(take) as address, Client(address) as client:
        response = client.submit(tmp_path / "scan.nii", on_progress=lambda done, total: told.append(done))
    assert len(response.studies) == 1
    assert complete == [3 * 2**20]
    assert keys == keys[:1] * 3  # once it was asked whether the first had been taken after all
    assert re.fullmatch(r"[A-Za-z0-9_-]{16,64}", keys[0])
    assert told.count(0) == 2  # the bar begins again


def test_two_uploads_have_two_keys(tree):
    keys = []

    def take(asked):
        asked.body()
        keys.append(asked.headers["Idempotency-Key"])
        asked.response({"studies": [study()]}, 201)

    with service(take) as address, Client(address) as client:
        for _ in range(2):
            client.submit(tree / "scan.nii.gz")
    assert len(set(keys)) == 2


def test_after_a_lost_response_the_key_is_sent_without_the_files(tree):
    """While the upload is in progress, the service responds with 409."""
    lengths, responses = [], iter([None, 409, 409, 200])

    def take(asked):
        lengths.append(int(asked.headers["Content-Length"]))
        asked.body()
        status = next(responses)
        if status is None:
            asked.cut()
        else:
            asked.response({"studies": [study()]} if status == 200 else {"detail": "still being taken"}, status)

    with service(take) as address, Client(address) as client:
        assert len(client.submit(tree / "scan.nii.gz").studies) == 1
    assert lengths[0] > 0
    assert lengths[1:] == [0, 0, 0]


def test_repeated_failures_end_the_upload(tree):
    tries = []

    def take(asked):
        body = asked.body()
        if body:
            tries.append(body)
            asked.cut()
        else:
            asked.response({"detail": "no files"}, 400)

    with (
        service(take) as address,
        Client(address) as client,
        pytest.raises(Unavailable, match="connection was interrupted"),
    ):
        client.submit(tree / "scan.nii.gz")
    assert len(tries) == 3


def test_a_rejection_is_reported_in_the_service_s_words_and_not_retried(tree):
    tries = []

    def take(asked):
        tries.append(asked.body())
        asked.response({"detail": "scan.nii.gz: damaged"}, 400)

    with service(take) as address, Client(address) as client, pytest.raises(Refused, match=r"scan\.nii\.gz: damaged$"):
        client.submit(tree / "scan.nii.gz")
    assert len(tries) == 1


@pytest.mark.parametrize("how", ["wrong token", "too many files", "too many bytes"])
def test_limits_are_checked_before_the_upload(tree, how, monkeypatch):
    from client import scripted

    sent_bytes = []
    about = {**scripted.ABOUT, **({"upload_files": 1} if how == "too many files" else {"upload_bytes": 5})}
    monkeypatch.setattr(scripted, "ABOUT", about)
    if how == "wrong token":
        real = scripted.Asked.response
        monkeypatch.setattr(scripted.Asked, "response", lambda self, *_: real(self, {"detail": "no"}, 401))
    words = {"wrong token": "access denied", "too many files": r"2 files are more", "too many bytes": "MiB are more"}
    with (
        service(lambda asked: sent_bytes.append(asked.body())) as address,
        Client(address, token="x") as client,
        pytest.raises(TumorscopeError, match=words[how]),
    ):
        client.submit(tree / "case")
    assert sent_bytes == []


def test_a_file_that_shrinks_during_the_upload_is_an_error(tmp_path):
    path = tmp_path / "growing.nii"
    path.write_bytes(bytes(2**20))
    files = outgoing([path])
    path.write_bytes(b"short")
    taken = []

    def take(asked):
        body = asked.body()
        if len(body) == int(asked.headers["Content-Length"]):
            taken.append(body)

    with (
        service(take) as address,
        Client(address) as client,
        pytest.raises(TumorscopeError, match="became shorter during the upload"),
    ):
        client.submit_files(files)
    assert taken == []


def test_a_file_removed_before_its_upload_is_an_error(tmp_path):
    path = tmp_path / "gone.nii"
    path.write_bytes(b"x")
    files = outgoing([path])
    path.unlink()
    with (
        service(lambda asked: asked.body()) as address,
        Client(address) as client,
        pytest.raises(TumorscopeError, match=r"gone\.nii: cannot be read \(no such file"),
    ):
        client.submit_files(files)
