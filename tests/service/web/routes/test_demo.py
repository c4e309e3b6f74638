from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from service.web.conftest import HERE

from tumorscope.core.errors import TumorscopeError
from tumorscope.io.formats import FORMATS
from tumorscope.service.settings import service_settings
from tumorscope.service.web import create_app


@pytest.fixture
def make_demo_client(tmp_path: Path):
    def make(write_demo_scan=None) -> TestClient:
        app = create_app(service_settings(data=tmp_path / "data"), write_demo_scan=write_demo_scan)
        return TestClient(app, base_url=HERE)

    return make


def test_a_demo_scan_becomes_a_study_that_waits_for_a_worker(make_demo_client, nifti):
    client = make_demo_client(lambda folder: (folder / "flair.nii.gz").write_bytes(nifti))
    assert client.get("/api/about").json()["demo"] is True

    response = client.post("/api/demo")

    assert response.status_code == 201
    study = response.json()
    assert (study["name"], study["state"]) == ("demo scan", "queued")
    backend = client.app.state.backend
    assert backend.folders.case(study["id"]).read_bytes() == nifti
    assert backend.queue.pending() == 1
    assert list((backend.folders.data / "incoming").iterdir()) == []


def test_a_service_without_a_demo_scan_says_so(make_demo_client):
    client = make_demo_client()
    assert client.get("/api/about").json()["demo"] is False
    assert client.post("/api/demo").status_code == 404


def test_a_demo_scan_that_cannot_be_made_leaves_nothing(make_demo_client):
    def fail(folder: Path) -> None:
        raise TumorscopeError("no scan today")

    client = make_demo_client(fail)
    response = client.post("/api/demo")
    assert (response.status_code, response.json()["detail"]) == (400, "no scan today")
    assert client.get("/api/studies").json()["total"] == 0
    assert list((client.app.state.backend.folders.data / "incoming").iterdir()) == []
    assert client.post("/api/demo").status_code == 400  # not 409: the next attempt may begin


def test_the_service_names_the_formats_of_the_registry(client):
    formats = client.get("/api/about").json()["formats"]
    known = {entry.name: list(entry.suffixes) for entry in FORMATS}
    assert {"dicom", "nifti", "image"} <= {each["name"] for each in formats}
    assert all(known[each["name"]] == each["suffixes"] for each in formats)
    assert not any("(" in each["title"] for each in formats)
