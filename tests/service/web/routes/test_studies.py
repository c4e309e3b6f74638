import io
import json
import logging
import socket
from urllib.request import urlopen

import numpy as np
import pytest
from dicom_making import PATIENT_NAME, write_series
from PIL import Image
from service.web.uploads.zips import zipped


def upload(client, files, **options):
    data = {"bundle": options.pop("bundle")} if "bundle" in options else None
    return client.post("/api/studies", files=[("files", each) for each in files], data=data, **options)


def left_on_disk(client):
    folders = client.app.state.backend.folders
    return [path for place in ("incoming", "studies", "working") for path in (folders.data / place).iterdir()]


def test_an_upload_is_on_disk_and_in_the_database_before_the_response(client, nifti):
    response = upload(client, [("case_flair.nii.gz", nifti)])
    assert response.status_code == 201
    (study,) = response.json()["studies"]
    assert (study["name"], study["state"], study["revision"]) == ("case_flair", "queued", 0)
    assert study["notice"].startswith("Research use only")
    backend = client.app.state.backend
    assert backend.folders.case(study["id"]).read_bytes() == nifti
    assert backend.catalog.get(study["id"]).state == "queued"
    assert backend.queue.pending() == 1
    assert client.get(f"/api/studies/{study['id']}").json()["id"] == study["id"]


def test_every_case_of_an_archive_becomes_a_study(client, nifti):
    files = {f"{patient}/{name}.nii.gz": nifti for patient in ("a", "b") for name in ("flair", "t1")}
    response = upload(client, [("both.zip", zipped(files | {"readme.txt": b"hello"}))]).json()
    assert sorted(study["name"] for study in response["studies"]) == ["a", "b"]
    assert [each["name"] for each in response["left_out"]] == ["readme.txt"]


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ([("x.txt", b"hello")], 400, "x.txt: files ending in .txt are not read"),
        ([("x.png", b"hello")], 400, "x.png: not an image"),
        ([("x.zip", b"hello")], 400, "not a ZIP archive"),
        ([("x.zip", zipped({}))], 400, "no files that could be a scan"),
        ([("x.zip", zipped({"../../x.png": b"x"}))], 400, "leaves its folder"),
        ([(".hidden", b"x")], 400, "no files that could be a scan"),
        ([("a.txt", b"x"), ("b.txt", b"x")], 400, "none of 2 files is a scan"),
    ],
)
def test_an_unreadable_upload_is_reported_in_one_line_and_leaves_nothing(client, files, status, words):
    response = upload(client, files)
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert "\n" not in response.json()["detail"]
    assert left_on_disk(client) == []
    assert client.get("/api/studies").json()["total"] == 0


def test_an_upload_over_the_limit_is_rejected_by_its_content_length(make_client):
    client = make_client(upload_bytes=10_000)
    response = upload(client, [("x.nii.gz", bytes(20_000))])
    assert response.status_code == 413
    assert "9.77 KiB" in response.json()["detail"]


def test_an_upload_over_the_limit_without_content_length_is_rejected(make_client):
    client = make_client(upload_bytes=100_000)
    sent = 0

    def body():
        nonlocal sent
        yield b'--XX\r\nContent-Disposition: form-data; name="files"; filename="x.nii"\r\n\r\n'
        for _ in range(200):
            sent += 50_000
            yield bytes(50_000)

    response = client.post("/api/studies", content=body(), headers={"content-type": "multipart/form-data; boundary=XX"})
    assert response.status_code == 413
    assert left_on_disk(client) == []


def test_too_many_files_are_rejected(make_client):
    client = make_client(upload_files=3)
    assert upload(client, [(f"{number}.png", b"x") for number in range(4)]).status_code == 413
    assert upload(client, [("x.zip", zipped({f"{number}.png": b"x" for number in range(4)}))]).status_code == 413


def test_a_request_names_a_bundle_and_not_a_folder(client, nifti):
    assert upload(client, [("flair.nii.gz", nifti)], bundle="lgg").json()["studies"][0]["bundle"] == "lgg"
    for name in ("../../tmp", "/etc", "nothing", ""):
        response = upload(client, [("flair.nii.gz", nifti)], bundle=name)
        assert response.status_code == 400
        assert "no such bundle" in response.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png", ""])
def test_other_media_types_are_rejected(client, kind):
    assert client.post("/api/studies", content=b"x", headers={"content-type": kind}).status_code == 415


def test_a_name_is_never_interpreted_as_markup(client, nifti):
    name = "<script>alert(1)</script>_flair.nii.gz"
    response = upload(client, [(name, nifti), ("<img src=x onerror=alert(2)>.txt", b"x")])
    (study,) = response.json()["studies"]
    assert "<" not in study["name"]
    assert response.headers["content-type"] == "application/json"
    page = client.get(f"/api/studies/{study['id']}")
    assert page.headers["content-type"] == "application/json"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_patient_names_appear_nowhere(client, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    series = write_series(tmp_path / "series", PatientName="<b>Doe^Jane</b>")
    response = upload(client, [(f"DOE JANE 1970/{path.name}", path.read_bytes()) for path in series])
    assert response.status_code == 201
    told = response.text + "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("tumorscope"))
    told += "".join(str(path) for path in client.app.state.backend.folders.data.rglob("*"))
    for word in ("Doe", "DOE", "Jane", "JANE", PATIENT_NAME, "1970"):
        assert word not in told


def test_a_repeated_upload_creates_no_second_study(client, nifti):
    key = {"idempotency-key": "a-key-of-the-client_1"}
    first = upload(client, [("flair.nii.gz", nifti)], headers=key)
    again = upload(client, [("flair.nii.gz", nifti)], headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert [study["id"] for study in again.json()["studies"]] == [study["id"] for study in first.json()["studies"]]
    assert again.json()["left_out"] == []
    assert client.get("/api/studies").json()["total"] == 1


def test_an_upload_in_progress_is_not_accepted_twice(client, nifti):
    key = {"idempotency-key": "key"}
    client.app.state.backend.keys_under_way.add("key")
    assert upload(client, [("flair.nii.gz", nifti)], headers=key).status_code == 409
    client.app.state.backend.keys_under_way.clear()
    assert upload(client, [("bad.txt", b"x")], headers=key).status_code == 400
    assert upload(client, [("flair.nii.gz", nifti)], headers=key).status_code == 201


def test_an_idempotency_key_is_short_and_plain(client, nifti):
    for key in ("", "with space", "x" * 65, "../x"):
        assert upload(client, [("flair.nii.gz", nifti)], headers={"idempotency-key": key}).status_code == 422


def test_a_study_can_be_fetched_by_dicomweb(client):
    address = "http://127.0.0.1:8042/dicom-web/studies/1.2.3"
    response = client.post("/api/studies", json={"dicomweb": address, "bundle": "auto"})
    assert response.status_code == 201
    (study,) = response.json()["studies"]
    assert study["state"] == "fetching"
    assert "1.2.3" not in response.text


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b"",
        b"{",
        b'{"dicomweb": 7}',
        b'{"dicomweb": "file:///etc/passwd"}',
        b'{"dicomweb": "http://host/studies/abc"}',
        b'{"dicomweb": "http://user:secret@host/studies/1.2"}',
        b'{"dicomweb": "http://host/studies/1.2", "other": 1}',
        b'{"dicomweb": "http://host/studies/1.2", "bundle": "../x"}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
def test_other_addresses_are_rejected(client, body):
    response = client.post("/api/studies", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert "secret" not in response.text
    assert left_on_disk(client) == []


def test_the_list_is_searched_and_paged(client, nifti):
    for name in ("alpha", "beta", "beta_two"):
        upload(client, [(f"{name}.nii.gz", nifti)])
    assert [study["name"] for study in client.get("/api/studies").json()["studies"]] == ["beta_two", "beta", "alpha"]
    assert client.get("/api/studies", params={"search": "BETA"}).json()["total"] == 2
    assert client.get("/api/studies", params={"state": ["done", "failed"]}).json()["studies"] == []
    first = client.get("/api/studies", params={"limit": 2}).json()
    rest = client.get("/api/studies", params={"limit": 2, "after": first["next"]}).json()
    assert [study["name"] for study in rest["studies"]] == ["alpha"]
    assert rest["next"] is None
    assert rest["total"] == 3


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1000",
        "limit=x",
        "state=nothing",
        "after=%00",
        "after=zzz",
        "search=%00",
        "search=" + "x" * 300,
    ],
)
def test_an_invalid_query_is_reported_in_one_line(client, query):
    response = client.get(f"/api/studies?{query}")
    assert response.status_code in (400, 422)
    assert list(response.json()) == ["detail"]
    assert "\n" not in response.json()["detail"]


def test_deleting_removes_every_file(client, nifti):
    study = upload(client, [("flair.nii.gz", nifti)]).json()["studies"][0]["id"]
    assert client.delete(f"/api/studies/{study}").status_code == 204
    assert client.get(f"/api/studies/{study}").status_code == 404
    assert client.delete(f"/api/studies/{study}").status_code == 404
    assert left_on_disk(client) == []


def test_only_failed_studies_can_be_retried(client, nifti):
    study = upload(client, [("flair.nii.gz", nifti)]).json()["studies"][0]["id"]
    assert client.post(f"/api/studies/{study}/retry").status_code == 409
    catalog = client.app.state.backend.catalog
    catalog.fail(catalog.claim(study, "worker"), "flair.nii.gz: has no contrast")
    assert client.get(f"/api/studies/{study}").json()["failure"] == "flair.nii.gz: has no contrast"
    response = client.post(f"/api/studies/{study}/retry")
    assert (response.status_code, response.json()["state"]) == (202, "queued")


def test_slow_uploads_do_not_block_other_requests(running):
    """More uploads than upload threads."""
    host, port = running
    trickles = [socket.create_connection((host, port)) for _ in range(20)]
    for each in trickles:
        each.sendall(
            f"POST /api/studies HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n"
            "Content-Type: multipart/form-data; boundary=XX\r\n\r\n--XX\r\n".encode()
        )
    with urlopen(f"http://{host}:{port}/api/studies", timeout=20) as response:
        assert json.load(response)["total"] == 0
    for each in trickles:
        each.close()


def test_an_image_and_its_folder_keep_their_kinds(client):
    image = io.BytesIO()
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(image, "PNG")
    response = upload(client, [("one.png", image.getvalue())]).json()
    case = client.app.state.backend.folders.case(response["studies"][0]["id"])
    assert case.is_file()


def test_an_invalid_field_is_named_in_words(client):
    detail = client.get("/api/studies?state=done&state=nothing").json()["detail"]
    assert detail.startswith("state: input should be 'fetching', 'queued'")
    response = client.post("/api/studies", json={"dicomweb": "file:///etc/passwd"})
    assert response.status_code == 400
    assert response.json() == {"detail": "dicomweb: not of the form that /docs describes for it"}
    assert client.post("/api/studies", json=[]).json()["detail"].startswith("the body: ")
