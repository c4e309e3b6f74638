import errno
import hashlib
import io
import json
import os
import shutil
import socket
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from making import write_miniature_figshare
from ports import free_ports

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets import figshare_download
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.figshare_download import WORK, download_figshare

BALLAST = 2 << 20


class Figshare(ThreadingHTTPServer):
    """The article's list of files and the files, with every fault that a test asks for."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.md5: dict[str, str] = {}
        self.status: dict[str, list[int]] = {}
        self.break_off_after: dict[str, list[int]] = {}
        self.knows_ranges = True
        self.asked: list[str] = []
        self.list: bytes | None = None

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v2/articles/1512427"

    def listed(self) -> bytes:
        if self.list is not None:
            return self.list
        files = [
            {
                "name": name,
                "size": len(content),
                "download_url": f"http://127.0.0.1:{self.server_address[1]}/files/{name}",
                "computed_md5": self.md5.get(name) or hashlib.md5(content).hexdigest(),
            }
            for name, content in self.files.items()
        ]
        return json.dumps({"title": "brain tumor dataset", "files": files}).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Figshare

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        content = self.server.files.get(name) if name in self.server.files else self.server.listed()
        start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if self.server.knows_ranges else 0
        self.server.asked.append(f"{name} from {start}")
        status = self.server.status.get(name, [])
        code = status.pop(0) if status else 206 if start else 200
        if code not in (200, 206):
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(code)
        self.send_header("Content-Length", str(len(content) - start))
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        stops = self.server.break_off_after.get(name, [])
        self.wfile.write(content[start : stops.pop(0) if stops else None])


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, one in files.items():
            archive.writestr(name, one)
    return content.getvalue()


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> dict[str, bytes]:
    """Two archives, folds and read-me, named as the article's."""
    folder = write_miniature_figshare(tmp_path_factory.mktemp("figshare"), patients=3)
    slices = sorted((file for file in folder.glob("*.mat") if file.stem.isdecimal()), key=lambda file: int(file.stem))
    first, second = slices[:2], slices[2:]
    extra = {"__MACOSX/._1.mat": b"junk", "ballast.bin": b"x" * BALLAST}
    return {
        "brainTumorDataPublic_1-2.zip": zipped({file.name: file.read_bytes() for file in first} | extra),
        "brainTumorDataPublic_3-6.zip": zipped({f"inner/{file.name}": file.read_bytes() for file in second}),
        "cvind.mat": (folder / "cvind.mat").read_bytes(),
        "README.txt": b"This brain tumor dataset",
    }


@pytest.fixture
def figshare(published, monkeypatch):
    monkeypatch.setattr(figshare_download, "_WAIT_S", 0.01)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    server = Figshare(dict(published))
    threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


FIRST = "brainTumorDataPublic_1-2.zip"


def one_line(error) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert "https://figshare.com/articles/dataset/brain_tumor_dataset/1512427" in text  # the way by hand
    return text


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_data_set_arrives_ready_to_open_and_nothing_else_stays(figshare, tmp_path):
    shown = []
    root = download_figshare(tmp_path / "data" / "figshare", lambda *told: shown.append(told), figshare.api)
    assert names(root) == {*(f"{k}.mat" for k in range(1, 7)), "cvind.mat", "README.txt"}
    dataset = FigshareDataset.open(root)
    assert len(dataset.cases) == 6
    assert not dataset.unreadable
    assert len(dataset.fold(0)["test"]) == 1
    whole = sum(map(len, figshare.files.values()))
    done = [arrived for _, arrived, _ in shown]
    assert done == sorted(done)
    assert done[-1] == whole
    assert {total for _, _, total in shown} == {whole}


def test_a_data_set_that_is_there_is_not_downloaded_again(figshare, tmp_path):
    download_figshare(tmp_path, api=figshare.api)
    figshare.asked.clear()
    assert download_figshare(tmp_path, api=figshare.api) == tmp_path
    assert figshare.asked == []


def test_a_broken_connection_is_taken_up_where_it_broke(figshare, tmp_path):
    figshare.break_off_after[FIRST] = [1 << 20, 3 << 19]
    download_figshare(tmp_path, api=figshare.api)
    assert [one for one in figshare.asked if one.startswith(FIRST)] == [
        f"{FIRST} from 0",
        f"{FIRST} from {1 << 20}",
        f"{FIRST} from {3 << 19}",
    ]
    assert len(FigshareDataset.open(tmp_path).cases) == 6


def test_an_interrupted_download_goes_on_with_the_next_command(figshare, tmp_path):
    def interrupt(name: str, done: int, whole: int) -> None:
        if name == FIRST and done >= 1 << 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_figshare(tmp_path / "out", interrupt, figshare.api)
    assert names(tmp_path / "out") == {WORK}  # no slice before its archive was checked
    figshare.asked.clear()
    download_figshare(tmp_path / "out", api=figshare.api)
    assert f"{FIRST} from {1 << 20}" in figshare.asked
    assert f"{FIRST} from 0" not in figshare.asked


def test_a_file_that_is_done_is_not_fetched_again_when_a_later_one_fails(figshare, tmp_path):
    figshare.status["cvind.mat"] = [404]
    with pytest.raises(TumorscopeError, match="404") as error:
        download_figshare(tmp_path, api=figshare.api)
    one_line(error)
    assert (tmp_path / "6.mat").exists()
    figshare.asked.clear()
    download_figshare(tmp_path, api=figshare.api)
    assert not any(one.startswith("brain") for one in figshare.asked)
    assert FigshareDataset.open(tmp_path).fold(1)["test"]


def test_without_ranges_it_starts_over(figshare, tmp_path):
    figshare.knows_ranges = False
    figshare.break_off_after[FIRST] = [1 << 20]
    download_figshare(tmp_path, api=figshare.api)
    assert [one for one in figshare.asked if one.startswith(FIRST)] == [f"{FIRST} from 0"] * 2
    assert len(FigshareDataset.open(tmp_path).cases) == 6


def test_a_refused_range_starts_over(figshare, tmp_path):
    figshare.break_off_after[FIRST] = [1 << 20]
    figshare.status[FIRST] = [200, 416]
    download_figshare(tmp_path, api=figshare.api)
    assert figshare.asked.count(f"{FIRST} from 0") == 2


def test_a_server_that_recovers_is_asked_again(figshare, tmp_path):
    figshare.status[FIRST] = [503, 429]
    assert download_figshare(tmp_path, api=figshare.api) == tmp_path


def test_a_connection_that_always_breaks_at_the_same_byte_is_given_up(figshare, tmp_path):
    figshare.break_off_after[FIRST] = [1 << 20] * 9
    with pytest.raises(TumorscopeError, match="broke off; run the command again") as error:
        download_figshare(tmp_path, api=figshare.api)
    one_line(error)
    assert sum(one.startswith(FIRST) for one in figshare.asked) == 4


def test_a_file_whose_checksum_differs_is_not_unzipped_and_not_kept(figshare, tmp_path):
    figshare.md5[FIRST] = "0" * 32
    with pytest.raises(TumorscopeError, match="checksum differs") as error:
        download_figshare(tmp_path / "out", api=figshare.api)
    assert FIRST in one_line(error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "no longer has"),
        (403, "browsers only"),
        (202, "browsers only"),
        (400, "responded 400"),
        (503, "responded 503"),
    ],
)
def test_a_refusal_names_the_next_step(figshare, tmp_path, status, words):
    figshare.status["1512427"] = [status] * 9
    with pytest.raises(TumorscopeError, match=words) as error:
        download_figshare(tmp_path / "out", api=figshare.api)
    one_line(error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"<html>maintenance</html>",
        b"{}",
        b'{"files": [{"name": "../x.zip", "size": 1, "download_url": "http://h/", "computed_md5": "%s"}]}'
        % (b"0" * 32),
        b'{"files": [{"name": "x.zip", "size": 1, "download_url": "file:///x", "computed_md5": "%s"}]}' % (b"0" * 32),
        b'{"files": [{"name": "x.zip", "size": 1, "download_url": "http://h/", "computed_md5": "../../x"}]}',
    ],
)
def test_a_list_that_is_none_or_sets_traps_is_refused(figshare, tmp_path, content):
    figshare.list = content
    with pytest.raises(TumorscopeError, match="not as expected") as error:
        download_figshare(tmp_path / "out", api=figshare.api)
    one_line(error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name", ["../escaped.mat", "/escaped.mat", "..\\escaped.mat", "C:\\escaped.mat", "a/../../escaped.mat"]
)
def test_an_archive_that_reaches_outside_its_folder_is_refused_whole(figshare, tmp_path, name):
    figshare.files = {FIRST: zipped({"1.mat": b"x", name: b"x"})}
    with pytest.raises(TumorscopeError, match="path outside its folder"):
        download_figshare(tmp_path / "out", api=figshare.api)
    assert not list(tmp_path.rglob("*.mat"))


def test_a_link_in_an_archive_is_refused(figshare, tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("1.mat")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    figshare.files = {FIRST: content.getvalue()}
    with pytest.raises(TumorscopeError, match="path outside its folder"):
        download_figshare(tmp_path / "out", api=figshare.api)
    assert not list(tmp_path.rglob("*.mat"))


def test_an_archive_that_is_none_is_refused(figshare, tmp_path):
    figshare.files[FIRST] = b"<html>maintenance</html>"
    with pytest.raises(TumorscopeError, match="not a valid ZIP") as error:
        download_figshare(tmp_path / "out", api=figshare.api)
    one_line(error)
    assert not (tmp_path / "out").exists()


def test_an_article_without_slices_is_refused(figshare, tmp_path):
    figshare.files = {"README.txt": b"moved"}
    with pytest.raises(BadDataset, match="no N.mat"):
        download_figshare(tmp_path, api=figshare.api)


def test_more_bytes_than_announced_are_refused(figshare, tmp_path):
    listed = json.loads(figshare.listed())
    listed["files"][0]["size"] -= 5
    figshare.list = json.dumps(listed).encode()
    with pytest.raises(TumorscopeError, match="more arrived") as error:
        download_figshare(tmp_path / "out", api=figshare.api)
    one_line(error)


def test_no_network_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(figshare_download, "_WAIT_S", 0.01)
    (port,) = free_ports(1)
    with pytest.raises(TumorscopeError, match="cannot be reached") as error:
        download_figshare(tmp_path / "out", api=f"http://127.0.0.1:{port}/")
    assert "refused" in one_line(error)
    assert not (tmp_path / "out").exists()


def test_a_silent_figshare_times_out(monkeypatch, tmp_path):
    monkeypatch.setattr(figshare_download, "_WAIT_S", 0.01)
    monkeypatch.setattr(figshare_download, "_TIMEOUT_S", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(TumorscopeError, match="no response in time"):
            download_figshare(tmp_path, api=f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_a_full_disk_is_reported_before_the_download(figshare, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(TumorscopeError, match="free some space"):
        download_figshare(tmp_path / "out", api=figshare.api)
    assert figshare.asked == ["1512427 from 0"]


def test_a_disk_that_fills_up_is_one_line_and_what_arrived_is_kept(figshare, tmp_path, monkeypatch):
    def full(*arguments) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(TumorscopeError, match="the disk is full"):
        download_figshare(tmp_path, api=figshare.api)
    monkeypatch.undo()
    figshare.asked.clear()
    download_figshare(tmp_path, api=figshare.api)
    assert not any(one.startswith(FIRST) for one in figshare.asked)


def test_a_file_in_the_way_is_named(figshare, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(TumorscopeError, match="out"):
        download_figshare(tmp_path / "out", api=figshare.api)
