import json
import shutil
from collections.abc import Iterator

import pytest
from dicom_network.running import small_series
from dicom_network.web import Response, web_service
from fastapi.testclient import TestClient
from ports import free_ports
from pydicom import dcmread
from pynetdicom import AE, AllStoragePresentationContexts, evt
from service.web.conftest import HERE, Analyzed

from tumorscope.service.settings import service_settings
from tumorscope.service.web import create_app


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def peer() -> Iterator[tuple[str, dict]]:
    """A storage SCP: its address, and what it has stored by SOPInstanceUID."""
    stored = {}

    def store(event):
        stored[event.dataset.SOPInstanceUID] = event.assoc.requestor.ae_title
        return 0

    (port,) = free_ports(1)
    ae = AE("ARCHIVE")
    ae.supported_contexts = AllStoragePresentationContexts
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    yield f"127.0.0.1:{port}/ARCHIVE", stored
    server.shutdown()


def served(analyzed: Analyzed, *send_to: str) -> TestClient:
    return TestClient(create_app(service_settings(data=analyzed.data, send_to=send_to)), base_url=HERE)


def with_results(analyzed: Analyzed, tmp_path) -> set[str]:
    """Make the study one with two DICOM results; their SOPInstanceUIDs."""
    for path, name in zip(small_series(tmp_path / "in"), ("seg.dcm", "sr.dcm"), strict=False):
        shutil.copy(path, analyzed.run / name)
    return {dcmread(analyzed.run / name).SOPInstanceUID for name in ("seg.dcm", "sr.dcm")}


def test_results_are_stored_by_c_store(analyzed, tmp_path, peer):
    address, stored = peer
    expected = with_results(analyzed, tmp_path)
    client = served(analyzed, f"pacs={address}")
    assert client.get("/api/about").json()["destinations"] == ["pacs"]
    response = client.post(f"{analyzed.at}/send", json={"destination": "pacs"})
    assert response.json() == {"destination": "pacs", "revision": 1, "sent": 2, "unsent": []}
    assert stored == dict.fromkeys(expected, "TUMORSCOPE")


def test_an_object_that_the_archive_refuses_is_named(analyzed, tmp_path):
    with_results(analyzed, tmp_path)
    refused = dcmread(analyzed.run / "sr.dcm").SOPInstanceUID
    item = {"00081155": {"vr": "UI", "Value": [refused]}, "00081197": {"vr": "US", "Value": [0xC000]}}
    body = json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()
    with web_service(lambda _request: Response(202, body)) as url:
        response = served(analyzed, f"web={url}").post(f"{analyzed.at}/send", json={"destination": "web"})
    assert response.status_code == 200
    assert response.json()["sent"] == 1
    assert response.json()["unsent"] == [{"name": "sr.dcm", "reason": "refused (reason C000)"}]


def test_an_archive_that_does_not_respond_is_reported_as_such(analyzed, tmp_path):
    with_results(analyzed, tmp_path)
    (port,) = free_ports(1)
    for address in (f"127.0.0.1:{port}/ARCHIVE", f"http://127.0.0.1:{port}/dicom-web"):
        response = served(analyzed, f"pacs={address}").post(f"{analyzed.at}/send", json={"destination": "pacs"})
        assert response.status_code == 502
        assert "\n" not in response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"destination": "pacs"}, 409),  # the phantom is no DICOM
        ({"destination": "elsewhere"}, 404),
        ({"destination": "10.0.0.1:104/X"}, 404),
        ({"destination": "pacs", "revision": 7}, 404),
        ({"destination": "pacs", "to": "elsewhere"}, 422),
        ({}, 422),
    ],
)
def test_nothing_else_is_sent_anywhere(analyzed, peer, body, status):
    address, stored = peer
    for result in analyzed.run.glob("*.dcm"):
        result.unlink()
    assert served(analyzed, f"pacs={address}").post(f"{analyzed.at}/send", json=body).status_code == status
    assert stored == {}


def test_a_service_without_an_archive_offers_none(analyzed):
    assert analyzed.client.get("/api/about").json()["destinations"] == []
    assert analyzed.client.post(f"{analyzed.at}/send", json={"destination": "pacs"}).status_code == 404
