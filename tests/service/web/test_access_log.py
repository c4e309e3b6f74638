import logging
import re

import pytest

from tumorscope.service.web import readiness

SECRETS = ("Doe^Jane", "Doe", "7311", "token=hidden")


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, "tumorscope")
    return lambda: [r.getMessage() for r in caplog.records if r.name.startswith("tumorscope.service.")]


def test_the_access_log_contains_only_the_study_s_random_id(client, nifti, lines):
    study = client.post("/api/studies", files={"files": ("Doe^Jane 7311 flair.nii.gz", nifti)}).json()["studies"][0][
        "id"
    ]
    client.get(f"/api/studies/{study}?token=hidden&name=Doe^Jane")
    client.get("/api/studies?search=Doe^Jane")
    client.get("/api/studies/Doe^Jane/analysis")
    client.get("/Doe^Jane/7311")
    client.request("DOE", "/api/studies")
    told = lines()
    assert any(re.fullmatch(rf"GET /api/studies/{{study_id}} {study} 200 [\d.]+ ms", line) for line in told)
    assert any(line.startswith("GET (none) - 404") for line in told)
    for secret in SECRETS:
        assert secret not in "\n".join(told)


def test_an_unexpected_error_is_one_line_for_the_client_and_a_traceback_in_the_log(client, lines, monkeypatch):
    def fail(*_):
        raise ValueError(SECRETS[0])  # as libraries put a file's name into their errors

    monkeypatch.setattr(client.app.state.backend.catalog, "page", fail)
    response = client.get("/api/studies")
    assert response.status_code == 500
    assert response.json() == {"detail": "internal error; see the service's log"}
    told = "\n".join(lines())
    assert "ValueError in a request" in told
    assert "studies.py" in told
    assert "Doe" not in told


def test_metrics_contain_routes_and_never_paths(client, nifti):
    study = client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)}).json()["studies"][0]["id"]
    client.get(f"/api/studies/{study}")
    client.get("/some/Doe^Jane")
    client.request("BREW", "/api/studies")
    text = client.get("/metrics").text
    assert 'tumorscope_requests_total{method="GET",route="/api/studies/{study_id}",status="200"} 1.0' in text
    assert 'method="OTHER"' in text
    assert 'tumorscope_studies{state="queued"} 1.0' in text
    assert 'tumorscope_uploads_total{outcome="accepted"} 1.0' in text
    sent = float(re.search(r"tumorscope_upload_bytes_total ([\d.e+]+)", text)[1])
    assert len(nifti) < sent < len(nifti) + 1000
    assert "tumorscope_request_seconds_bucket" in text
    assert study not in text
    assert "Doe" not in text
    assert "BREW" not in text


def test_two_services_in_one_process_have_separate_metrics(make_client, client):
    client.get("/api/about")
    other = make_client()
    assert 'route="/api/about"' not in other.get("/metrics").text


def test_readiness_depends_on_disk_database_and_queue(client, monkeypatch):
    backend = client.app.state.backend
    monkeypatch.setattr(readiness, "_KEPT_S", 0)
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(backend.catalog, "problem", lambda: "the database does not respond")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["detail"]) == (503, "the database does not respond")
    assert client.get("/healthz").status_code == 200
