import io
import json
import os
import socket
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import tifffile
from PIL import Image
from ports import free_ports

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets.br35h import Br35hDataset
from tumorscope.datasets.brisc import BriscDataset
from tumorscope.datasets.kaggle4 import Kaggle4Dataset
from tumorscope.datasets.lgg import LggDataset
from tumorscope.datasets.registry import download_dataset

pytest.importorskip("kagglehub")
CASE = "TCGA_AA_0001_20000101"


MEGABYTE = 1 << 20


def archive(folders=("kaggle_3m", "lgg-mri-segmentation/kaggle_3m"), ballast: int = 0) -> bytes:
    """As Kaggle's: everything is in it twice."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        zipped.writestr("ballast", b"x" * ballast)
        for folder in folders:
            for name, shape in ((f"{CASE}_1.tif", (16, 16, 3)), (f"{CASE}_1_mask.tif", (16, 16))):
                image = io.BytesIO()
                tifffile.imwrite(image, np.full(shape, 255, np.uint8))
                zipped.writestr(f"{folder}/{CASE}/{name}", image.getvalue())
    return content.getvalue()


class Kaggle(ThreadingHTTPServer):
    """The two calls of Kaggle's API that kagglehub makes, and the store that it is sent to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = archive()
        self.handle = "mateuszbuda/lgg-mri-segmentation"
        self.status = 200
        self.body: bytes | None = None
        self.asked: list[str] = []
        self.authorization: str | None = None
        self.break_off_after: int | None = None


class _Handler(BaseHTTPRequestHandler):
    server: Kaggle

    def log_message(self, *arguments) -> None:
        pass

    def _response(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self._response(404)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = self.path.rsplit("/", 1)[-1]
        self.server.asked.append(call)
        self.server.authorization = self.headers.get("Authorization")
        assert f"{request['ownerSlug']}/{request['datasetSlug']}" == self.server.handle
        if self.server.status != 200 or self.server.body is not None:
            self._response(self.server.status, self.server.body or b"{}", Content_Type="application/json")
        elif call == "GetDataset":
            self._response(200, b'{"currentVersionNumber": 2}', Content_Type="application/json")
        else:
            self._response(302, Location="/store/archive.zip")

    def do_GET(self) -> None:
        whole = self.server.content
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.asked.append(f"GET from {start}")
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(whole) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        stop, self.server.break_off_after = self.server.break_off_after, None
        self.wfile.write(whole[start:stop])


@pytest.fixture(autouse=True)
def nobodys_machine(monkeypatch, tmp_path):
    """No credentials, no proxy, no cache of the user."""
    for name in list(os.environ):
        if name.upper().startswith("KAGGLE") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home / ".kaggle"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))


def point_to(monkeypatch, address: str) -> None:
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, address)


@pytest.fixture
def kaggle(monkeypatch):
    server = Kaggle()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    point_to(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}")
    yield server
    server.shutdown()
    server.server_close()


def one_line(error) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert "mateuszbuda/lgg-mri-segmentation" in text  # the way by hand
    return text


def test_the_data_set_arrives_ready_to_open(kaggle, tmp_path):
    root = download_dataset("lgg", tmp_path / "data" / "lgg")
    assert root == tmp_path / "data" / "lgg" / "kaggle_3m"
    patient = LggDataset.open(root)[CASE]
    assert patient.scan().shape == (1, 16, 16)
    assert patient.mask.all()
    assert [path.name for path in root.parent.iterdir()] == ["kaggle_3m"]
    assert kaggle.authorization is None
    assert os.environ["KAGGLEHUB_CACHE"] == str(tmp_path / "cache")


def test_without_a_destination_it_lies_in_kagglehubs_cache(kaggle, tmp_path):
    root = download_dataset("lgg")
    assert root.is_relative_to(tmp_path / "cache")
    assert LggDataset.open(root).patients[0].case == CASE


def test_a_data_set_that_is_there_is_not_downloaded_again(kaggle, tmp_path):
    first = download_dataset("lgg", tmp_path / "lgg")
    kaggle.asked.clear()
    assert download_dataset("lgg", tmp_path / "lgg") == first
    assert kaggle.asked == []


def test_an_interrupted_download_goes_on_where_it_stopped(kaggle, tmp_path):
    kaggle.content = archive(ballast=2 * MEGABYTE)
    kaggle.break_off_after = 3 * MEGABYTE // 2
    with pytest.raises(TumorscopeError, match="broke off") as error:
        download_dataset("lgg", tmp_path / "lgg")
    one_line(error)
    assert not (tmp_path / "lgg" / "kaggle_3m").exists()
    download_dataset("lgg", tmp_path / "lgg")
    assert kaggle.asked[-1] == f"GET from {MEGABYTE}"  # it stores whole megabytes
    assert (tmp_path / "lgg" / "kaggle_3m" / CASE).is_dir()


def test_credentials_from_the_environment_are_sent(kaggle, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "abc")
    download_dataset("lgg", tmp_path / "lgg")
    assert kaggle.authorization == "Bearer abc"


@pytest.mark.parametrize("status", [401, 403])
def test_where_kaggle_wants_credentials_all_three_ways_are_named(kaggle, tmp_path, status):
    kaggle.status = status
    with pytest.raises(TumorscopeError) as error:
        download_dataset("lgg", tmp_path / "lgg")
    text = one_line(error)
    for words in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "kaggle.json", "license", str(status)):
        assert words in text


def test_a_refusal_in_the_body_alone_is_recognized(kaggle, tmp_path):
    kaggle.body = b'{"code": 403, "message": "Permission denied"}'
    with pytest.raises(TumorscopeError, match="wants credentials"):
        download_dataset("lgg", tmp_path / "lgg")


@pytest.mark.parametrize(
    ("status", "words"), [(404, "no longer has"), (429, "too many requests"), (503, "responded 503")]
)
def test_other_refusals_name_the_next_step(kaggle, tmp_path, status, words):
    kaggle.status = status
    with pytest.raises(TumorscopeError, match=words) as error:
        download_dataset("lgg", tmp_path / "lgg")
    one_line(error)


def test_a_spoilt_credentials_file_is_named(kaggle, tmp_path):
    (tmp_path / "home" / ".kaggle").mkdir()
    (tmp_path / "home" / ".kaggle" / "kaggle.json").write_text("{")
    with pytest.raises(TumorscopeError, match=r"kaggle\.json"):
        download_dataset("lgg", tmp_path / "lgg")


def test_an_archive_that_is_none_is_refused(kaggle, tmp_path):
    kaggle.content = b"<html>maintenance</html>"
    with pytest.raises(TumorscopeError) as error:
        download_dataset("lgg", tmp_path / "lgg")
    one_line(error)
    assert not (tmp_path / "lgg" / "kaggle_3m").exists()


def test_an_archive_of_something_else_is_refused(kaggle, tmp_path):
    kaggle.content = archive(folders=("other/deep/down",))
    with pytest.raises(BadDataset, match="TCGA"):
        download_dataset("lgg", tmp_path / "lgg")


def test_no_network_is_one_line_and_quick(monkeypatch, tmp_path):
    (port,) = free_ports(1)
    point_to(monkeypatch, f"http://127.0.0.1:{port}")
    start = time.perf_counter()
    with pytest.raises(TumorscopeError, match="cannot be reached") as error:
        download_dataset("lgg", tmp_path / "lgg")
    assert "refused" in one_line(error)
    assert not (tmp_path / "lgg").exists()
    assert time.perf_counter() - start < 20


def test_a_silent_kaggle_times_out(monkeypatch, tmp_path):
    monkeypatch.setattr("tumorscope.datasets.download._READ_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        point_to(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(TumorscopeError, match="no response in time"):
            download_dataset("lgg", tmp_path / "lgg")


def test_a_file_in_the_way_is_named(kaggle, tmp_path):
    (tmp_path / "lgg").write_text("")
    with pytest.raises(TumorscopeError, match="lgg"):
        download_dataset("lgg", tmp_path / "lgg")


def classes_archive(sides=("Training", "Testing")) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        for side in sides:
            for kind in ("glioma", "notumor"):
                zipped.writestr(f"{side}/{kind}/a.jpg", b"\xff\xd8\xff")
    return content.getvalue()


@pytest.fixture
def kaggle4(kaggle):
    kaggle.content = classes_archive()
    kaggle.handle = "masoudnickparvar/brain-tumor-mri-dataset"
    return kaggle


def test_the_four_class_set_arrives_ready_to_open(kaggle4, tmp_path):
    root = download_dataset("kaggle4", tmp_path / "data")
    assert root == tmp_path / "data"
    assert sorted(path.name for path in root.iterdir()) == ["Testing", "Training"]
    assert len(Kaggle4Dataset.open(root).cases) == 4
    kaggle4.asked.clear()
    assert download_dataset("kaggle4", root) == root
    assert kaggle4.asked == []


def test_an_archive_without_a_test_side_is_not_the_four_class_set(kaggle4, tmp_path):
    kaggle4.content = classes_archive(("Training",))
    with pytest.raises(BadDataset, match="no Training and Testing here"):
        download_dataset("kaggle4", tmp_path / "data")
    assert not (tmp_path / "data" / "Training").exists()


def test_images_that_are_in_the_way_are_never_mixed_with_the_download(kaggle4, tmp_path):
    own = tmp_path / "data" / "Training" / "glioma" / "own.jpg"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    with pytest.raises(TumorscopeError, match="Training: is in the way"):
        download_dataset("kaggle4", tmp_path / "data")
    assert own.read_bytes() == b"mine"
    assert kaggle4.asked == []


def test_where_kaggle_refuses_the_four_class_set_its_own_page_is_named(kaggle4, tmp_path):
    kaggle4.status = 503
    with pytest.raises(
        TumorscopeError, match="masoudnickparvar/brain-tumor-mri-dataset, unzip it, and name the folder"
    ):
        download_dataset("kaggle4", tmp_path / "data")


@pytest.fixture
def annotated(kaggle):
    """Of a data set's handle and its files, a Kaggle that has them."""

    def publish(handle, *files):
        image = io.BytesIO()
        Image.fromarray(np.full((16, 16), 255, np.uint8)).save(image, "PNG")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as zipped:
            for file in files:
                zipped.writestr(file, image.getvalue())
        kaggle.content, kaggle.handle = content.getvalue(), handle

    return publish


def test_br35h_arrives_without_what_is_not_part_of_it(annotated, tmp_path):
    annotated("ahmedhamada0/brain-tumor-detection", "yes/y0.jpg", "no/no0.jpg", "pred/pred0.jpg")
    root = download_dataset("br35h", tmp_path / "data")
    assert sorted(path.name for path in root.iterdir()) == ["no", "yes"]
    assert [case.case for case in Br35hDataset.open(root).cases] == ["yes/y0.jpg", "no/no0.jpg"]


def test_brisc_arrives_without_the_folder_around_it(annotated, tmp_path):
    task = "brisc2025/segmentation_task/train"
    name = "brisc2025_train_00001_gl_ax_t1"
    annotated(
        "briscdataset/brisc2025",
        f"{task}/images/{name}.jpg",
        f"{task}/masks/{name}.png",
        "brisc2025/classification_task/train/no_tumor/brisc2025_train_00002_no_ax_t1.jpg",
    )
    root = download_dataset("brisc", tmp_path / "data")
    assert sorted(path.name for path in root.iterdir()) == ["classification_task", "segmentation_task"]
    assert [case.label for case in BriscDataset.open(root).cases] == ["glioma", "notumor"]


def test_brats_names_the_registration_page_and_the_layout(tmp_path):
    with pytest.raises(TumorscopeError, match=r"synapse\.org.*CASE_\{t1,t1ce,t2,flair,seg\}\.nii\.gz") as error:
        download_dataset("brats", tmp_path / "data")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "data").exists()
