"""A failed study is tried again, and its user may state what the failure asks for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_making import Grid, write_series
from fastapi.testclient import TestClient
from PIL import Image
from reading.files import head

from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.service.sent_names import by_sent_names
from tumorscope.service.study_job import process

NOTHING = {"register": False, "spacing": None, "sequences": {}}
STATED = {"register": True, "spacing": [0.5, 0.5, 6.0], "sequences": {"scan.nii.gz": "t1c"}}


def upload(client: TestClient, *files: tuple[str, bytes], **fields: str) -> Any:
    return client.post("/api/studies", files=[("files", each) for each in files], data=fields)


def fail(client: TestClient, study: str) -> str:
    catalog = client.app.state.backend.catalog  # type: ignore[attr-defined]
    assert catalog.fail(catalog.claim(study, "worker"), "damaged")
    return study


@pytest.fixture
def failed(client: TestClient, nifti: bytes) -> str:
    """The id of a study of ``scan.nii.gz`` that has failed."""
    return fail(client, upload(client, ("scan.nii.gz", nifti)).json()["studies"][0]["id"])


def in_force(client: TestClient, study: str) -> Any:
    return client.get(f"/api/studies/{study}").json()["reading"]


def retry(client: TestClient, study: str, **options: Any) -> Any:
    return client.post(f"/api/studies/{study}/retry", **options)


def state(client: TestClient, study: str) -> str:
    return client.get(f"/api/studies/{study}").json()["state"]


def test_a_retry_states_how_the_files_are_read(client, failed):
    assert in_force(client, failed) == NOTHING
    response = retry(client, failed, json=STATED)
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert in_force(client, failed) == STATED
    backend = client.app.state.backend
    assert backend.folders.reading(failed) == ReadingChoices(True, (0.5, 0.5, 6.0), {"scan.nii.gz": "t1c"})
    assert backend.queue.pending() == 2, "one of the upload"


def test_without_a_body_the_study_keeps_what_it_had(client, nifti):
    fields = {"register": "true", "spacing": "0.5,0.5,6", "sequences": '{"scan.nii.gz": "t1c"}'}
    study = fail(client, upload(client, ("scan.nii.gz", nifti), **fields).json()["studies"][0]["id"])
    assert in_force(client, study) == STATED
    assert retry(client, study).status_code == 202
    assert in_force(client, study) == STATED


def test_a_body_replaces_all_that_was_stated(client, nifti):
    study = fail(client, upload(client, ("scan.nii.gz", nifti), register="true").json()["studies"][0]["id"])
    assert retry(client, study, json={"spacing": [1, 1, 5]}).status_code == 202
    assert in_force(client, study) == {"register": False, "spacing": [1.0, 1.0, 5.0], "sequences": {}}
    assert retry(client, fail(client, study), json={}).status_code == 202
    assert in_force(client, study) == NOTHING


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({"register": "perhaps"}, {"register": "perhaps"}),
        ({"spacing": [1, 2]}, {"spacing": "1,2"}),
        ({"spacing": [1, 2, "x"]}, {"spacing": "1,2,x"}),
        ({"spacing": [1, 2, -3]}, {"spacing": "1,2,-3"}),
        ({"spacing": "1 mm"}, {"spacing": "1 mm"}),
        ({"sequences": "flair"}, {"sequences": "flair"}),
        ({"sequences": {"scan.nii.gz": 1}}, {"sequences": '{"scan.nii.gz": 1}'}),
        ({"sequences": {"scan.nii.gz": "ct"}}, {"sequences": '{"scan.nii.gz": "ct"}'}),
        ({"sequences": {"scam.nii.gz": "t1"}}, {"sequences": '{"scam.nii.gz": "t1"}'}),
        ({"sequences": {"<b>": "t1"}}, {"sequences": '{"<b>": "t1"}'}),
    ],
)
def test_options_are_refused_in_the_words_of_an_upload(client, failed, nifti, stated, field):
    response = retry(client, failed, json=stated)
    assert response.status_code == 422
    assert response.json() == upload(client, ("scan.nii.gz", nifti), **field).json()
    assert (state(client, failed), in_force(client, failed)) == ("failed", NOTHING)


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"[]", "application/json", 422, "the body is a JSON object with any of register, sequences, spacing"),
        (b"null", "application/json", 422, "the body is a JSON object"),
        (b"[" * 5000, "application/json", 422, "the body is a JSON object"),
        (b"\xff\xfe", "application/json", 422, "the body is a JSON object"),
        (b'{"spacing": [1, 1, NaN]}', "application/json", 422, "three numbers in mm"),
        (b'{"spacing": [1, 1, 1' + b"0" * 400 + b"]}", "application/json", 422, "three numbers in mm"),
        (b'{"spacing": [1, 1, true]}', "application/json", 422, "three numbers in mm"),
        (b'{"bundle": "lgg"}', "application/json", 422, "unknown field; the known ones are register, sequences"),
        (b"{}", "application/x-www-form-urlencoded", 415, "send the options as application/json"),
        (b" " * 40_000, "application/json", 413, "32 KiB"),
    ],
)
def test_other_bodies_are_refused_in_one_line(client, failed, body, kind, status, words):
    response = retry(client, failed, content=body, headers={"content-type": kind})
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert (state(client, failed), in_force(client, failed)) == ("failed", NOTHING)


@pytest.mark.parametrize("stated", [STATED, {"sequences": {"no such name": "t1"}}])
def test_a_study_that_has_not_failed_keeps_its_choices(client, nifti, stated):
    study = upload(client, ("scan.nii.gz", nifti)).json()["studies"][0]["id"]
    response = retry(client, study, json=stated)
    assert (response.status_code, response.json()["detail"]) == (409, "only a failed study can be retried")
    assert (state(client, study), in_force(client, study)) == ("queued", NOTHING)
    assert retry(client, "A" * 16, json=stated).status_code == 404


def test_of_two_retries_the_second_changes_nothing(client, failed, monkeypatch):
    """Both saw the study failed."""
    backend = client.app.state.backend
    seen = backend.catalog.get(failed)
    monkeypatch.setattr(type(backend), "study", lambda *_: seen)
    assert retry(client, failed, json={"register": True}).status_code == 202
    assert retry(client, failed, json={"spacing": [1, 1, 1]}).status_code == 409
    assert in_force(client, failed) == {"register": True, "spacing": None, "sequences": {}}


def test_a_crash_before_the_study_is_queued_leaves_one_that_can_be_retried(client, failed, monkeypatch):
    folders = client.app.state.backend.folders
    store = folders.store_reading

    def crash(*given: Any) -> None:
        store(*given)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(folders, "store_reading", crash)
        assert retry(client, failed, json=STATED).status_code == 500
    assert state(client, failed) == "failed"
    assert in_force(client, failed) == STATED
    assert retry(client, failed).json()["state"] == "queued"
    assert in_force(client, failed) == STATED


def test_a_study_with_results_is_read_as_before(analyzed):
    client, catalog = analyzed.client, analyzed.client.app.state.backend.catalog
    catalog.request_edit(analyzed.study, 1)
    fail(client, analyzed.study)
    response = retry(client, analyzed.study, json={"register": True})
    assert response.status_code == 409
    assert response.json()["detail"].startswith("the study has results")
    assert in_force(client, analyzed.study) == NOTHING
    assert retry(client, analyzed.study, json=NOTHING).status_code == 202


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(head(seed=seed)).save(file, "PNG")
    return file.getvalue()


def as_read(client: TestClient, study: str) -> list[str | None]:
    """The sequences of a study's files, by their names, as they reach the reader."""
    folders = client.app.state.backend.folders  # type: ignore[attr-defined]
    told = by_sent_names(folders.reading(study), folders.sent_names(study)).sequences
    return [told.get(path.name) for path in sorted(folders.input(study).iterdir())]


@pytest.mark.parametrize("name", ["Frau X T1", "mine/Frau X T1"])
def test_a_folder_has_the_name_under_which_it_was_sent(client, name):
    files = [(f"Frau X T1/slice_{number}.png", png(number)) for number in (1, 2)]
    study = fail(client, upload(client, *files).json()["studies"][0]["id"])
    assert retry(client, study, json={"sequences": {name: "t1c"}}).status_code == 202
    assert as_read(client, study) == ["t1c", "t1c"]
    assert in_force(client, study)["sequences"] == {name: "t1c"}


def test_a_file_has_the_name_under_which_it_was_sent(client, nifti):
    """Which goes on to tell the sequence of a file that the user does not name."""
    files = [("p/MPRAGE+C.nii.gz", nifti), ("p/flair+.nii.gz", nifti)]
    study = fail(client, upload(client, *files).json()["studies"][0]["id"])
    assert as_read(client, study) == ["t1c", None]
    assert retry(client, study, json={"sequences": {"flair+.nii.gz": "t2"}}).status_code == 202
    assert as_read(client, study) == ["t1c", "t2"]


@pytest.mark.parametrize("name", ["Kopf 7", "flair TRA", "7"])
def test_a_series_is_named_by_its_folder_description_or_number(client, tmp_path: Path, name: str):
    paths = write_series(tmp_path, "flair", Grid((2, 24, 20)), number=7, SeriesDescription="FLAIR tra")
    files = [(f"study/Kopf 7/{path.name}", path.read_bytes()) for path in paths]
    study = fail(client, upload(client, *files).json()["studies"][0]["id"])
    assert retry(client, study, json={"sequences": {"Kopf 8": "t1c"}}).status_code == 422
    assert retry(client, study, json={"sequences": {name: "t1c"}}).status_code == 202


def test_names_that_only_an_older_version_knew_are_kept(client, failed):
    """It kept the name of a folder, and no folders."""
    backend = client.app.state.backend
    backend.folders.store_reading(failed, ReadingChoices(sequences={"a folder": "t1"}))
    stated = {"sequences": {"a folder": "t1"}, "spacing": [1, 1, 1]}
    assert retry(client, failed, json=stated).status_code == 202


@pytest.fixture
def analyze(client: TestClient, settings: Any, engines: Any) -> Callable[[str], str | None]:
    """Works on a study as a worker does; the reason of a failure."""

    def work(study: str) -> str | None:
        backend = client.app.state.backend  # type: ignore[attr-defined]
        process(study, settings, backend.catalog, backend.folders, engines)
        return backend.catalog.get(study).failure

    return work


def test_a_study_that_fails_for_want_of_a_sequence_succeeds_with_it(client, analyze, phantom_files: Path):
    content = (phantom_files / "flair.nii.gz").read_bytes()
    fields = {"sequences": '{"7+.nii.gz": "t2"}'}
    study = upload(client, ("7+.nii.gz", content), **fields).json()["studies"][0]["id"]
    assert "add it with --sequence" in (analyze(study) or "")

    assert retry(client, study, json={"sequences": {"7+.nii.gz": "flair"}}).status_code == 202

    assert analyze(study) is None
    assert client.get(f"/api/studies/{study}").json()["summary"]["sequences"] == ["flair"]


def test_a_study_that_fails_for_its_spacing_succeeds_with_another(client, analyze, phantom_files: Path):
    content = (phantom_files / "flair.nii.gz").read_bytes()
    study = upload(client, ("flair.nii.gz", content), spacing="3,3,3").json()["studies"][0]["id"]
    assert (analyze(study) or "").endswith("leave out the spacing")
    assert retry(client, study, json={**in_force(client, study), "spacing": None}).status_code == 202
    assert analyze(study) is None


def test_the_spacing_of_an_image_is_followed(client, analyze):
    study = upload(client, ("flair.png", png(1))).json()["studies"][0]["id"]
    fail(client, study)
    assert retry(client, study, json={"spacing": [0.9, 0.9, 5]}).status_code == 202
    assert analyze(study) is None
    run = client.app.state.backend.folders.run(study, 1)
    assert np.allclose(json.loads((run / "analysis.json").read_text())["geometry"]["spacing_mm"], [5, 0.9, 0.9])
