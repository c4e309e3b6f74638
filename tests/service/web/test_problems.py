"""A full disk and a damaged database are reported, and space can be freed."""

import errno
import shutil
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from tumorscope.service.web import readiness


@pytest.fixture(autouse=True)
def _look_always(monkeypatch):
    monkeypatch.setattr(readiness, "_KEPT_S", 0)


def full(*_args, **_kwargs):
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorname = "SQLITE_FULL"
    raise OperationalError("COMMIT", {}, error)


def no_space(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_damaged_database_is_not_ready_and_the_reason_is_given(client, settings, nifti):
    assert client.get("/readyz").status_code == 200
    client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)})
    path = settings.data / "service.sqlite"
    with sqlite3.connect(path) as own:
        own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    client.app.state.backend.catalog.close()  # what is in its connections' memory is still whole
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"detail": "the database is damaged"})
    assert client.get("/healthz").status_code == 200
    response = client.get("/api/studies")
    assert (response.status_code, response.json()["detail"]) == (503, "the database cannot be used; see /readyz")


def test_a_full_database_rejects_an_upload_and_keeps_nothing(client, settings, nifti, monkeypatch):
    monkeypatch.setattr(client.app.state.backend.catalog, "create_all", full)
    response = client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)})
    assert response.status_code == 507
    assert "disk is full" in response.json()["detail"]
    assert list((settings.data / "studies").iterdir()) == []


def test_a_full_disk_is_reported_for_every_request(client, nifti, monkeypatch):
    monkeypatch.setattr(client.app.state.backend.folders, "incoming", no_space)
    response = client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)})
    assert response.status_code == 507


def test_a_study_is_deleted_despite_a_full_database(analyzed, monkeypatch):
    """Until the study's files are deleted; test_removal uses a real small disk."""
    backend = analyzed.client.app.state.backend
    strike = backend.catalog.delete

    def delete(*args, **options):
        return full() if analyzed.run.exists() else strike(*args, **options)

    monkeypatch.setattr(backend.catalog, "delete", delete)
    assert analyzed.client.delete(analyzed.at).status_code == 204
    assert analyzed.client.get(analyzed.at).status_code == 404
    assert list((analyzed.data / "studies").iterdir()) == []


def test_other_disk_errors_are_internal_errors(client, settings):
    shutil.rmtree(settings.data / "incoming")
    response = client.post("/api/studies", files={"files": ("x.png", b"x")})
    assert response.status_code == 500
