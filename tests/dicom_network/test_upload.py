"""Files are sent by STOW-RS; files that fail are named."""

import json

import pytest
from dicom_making import write_file
from dicom_network.running import small_series
from dicom_network.web import Response, web_service
from dicom_peers import needs
from pydicom import dcmread

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network import upload
from tumorscope.dicom_network.dicomweb import connect_to_store
from tumorscope.dicom_network.upload import push_files


@needs("Orthanc")
def test_files_arrive_unchanged_in_batches(orthanc, tmp_path, monkeypatch):
    monkeypatch.setattr(upload, "BATCH_FILES", 3)
    files = small_series(tmp_path / "in", count=7)
    told = []
    outcomes = push_files(connect_to_store(orthanc.dicom_web), files, told.append)
    assert [outcome.path for outcome in outcomes] == files
    assert [outcome.problem for outcome in outcomes] == [None] * 7
    assert told == outcomes
    stored = orthanc.stored()
    for path in files:
        (tmp_path / "back.dcm").write_bytes(stored[dcmread(path).SOPInstanceUID])
        assert dcmread(tmp_path / "back.dcm") == dcmread(path)


@needs("Orthanc")
def test_a_file_that_is_not_dicom_is_named_and_the_others_continue(orthanc, tmp_path):
    files = small_series(tmp_path / "in")
    (tmp_path / "note.txt").write_text("not DICOM")
    nameless = write_file(tmp_path / "nameless.dcm", {"Modality": "MR"})
    outcomes = push_files(connect_to_store(orthanc.dicom_web), [files[0], tmp_path / "note.txt", nameless, *files[1:]])
    assert [outcome.problem for outcome in outcomes] == [
        None,
        "not a DICOM object",
        "not a DICOM object",
        None,
        None,
        None,
    ]
    assert len(orthanc.stored()) == 4


def test_a_refused_object_is_named_with_the_reason(tmp_path):
    files = small_series(tmp_path / "in")
    refused = str(dcmread(files[2]).SOPInstanceUID)
    item = {"00081155": {"vr": "UI", "Value": [refused]}, "00081197": {"vr": "US", "Value": [0xA700]}}
    response = Response(202, json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode())
    with web_service(lambda _request: response) as url:
        outcomes = push_files(connect_to_store(url), files)
    assert [outcome.problem for outcome in outcomes] == [None, None, "refused (reason A700)", None]
    assert [outcome.temporary for outcome in outcomes] == [False, False, True, False]


@pytest.mark.parametrize(("reason", "temporary"), [(0xA700, True), (0x0213, True), (0xA900, False), (0xC000, False)])
def test_a_fully_refused_batch_has_a_reason_per_object(tmp_path, reason, temporary):
    files = small_series(tmp_path / "in")
    items = [
        {
            "00081155": {"vr": "UI", "Value": [str(dcmread(path).SOPInstanceUID)]},
            "00081197": {"vr": "US", "Value": [reason]},
        }
        for path in files
    ]
    response = Response(409, json.dumps({"00081198": {"vr": "SQ", "Value": items}}).encode())
    asked = []
    with web_service(lambda request: asked.append(request) or response) as url:
        outcomes = push_files(connect_to_store(url), files)
    assert [outcome.problem for outcome in outcomes] == [f"refused (reason {reason:04X})"] * 4
    assert {outcome.temporary for outcome in outcomes} == {temporary}
    assert len(asked) == 1


def test_a_batch_refused_without_reasons_is_sent_one_by_one(tmp_path):
    files = small_series(tmp_path / "in")
    refused = str(dcmread(files[1]).SOPInstanceUID).encode()
    with web_service(lambda request: Response(409 if refused in request.body else 200)) as url:
        outcomes = push_files(connect_to_store(url), files)
    assert [outcome.problem for outcome in outcomes] == [None, "refused (409)", None, None]


def test_a_busy_archive_receives_the_complete_request_again(tmp_path):
    files = small_series(tmp_path / "in")
    bodies = []

    def serve(request):
        bodies.append(request.body)
        return Response(503 if len(bodies) == 1 else 200)

    with web_service(serve) as url:
        assert [outcome.problem for outcome in push_files(connect_to_store(url), files)] == [None] * 4
    assert len(bodies) == 2
    assert len(bodies[0]) == len(bodies[1]) > sum(path.stat().st_size for path in files)


def test_access_denied_is_an_error(tmp_path):
    with web_service(lambda _request: Response(401)) as url, pytest.raises(TumorscopeError, match="access denied"):
        push_files(connect_to_store(url), small_series(tmp_path / "in"))
