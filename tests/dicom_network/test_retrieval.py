"""A study is fetched completely from an archive, also after an interruption."""

import json

import numpy as np
import pydicom.uid
import pytest
from dicom_making import PATIENT_ID, PATIENT_NAME, uid
from dicom_network.running import small_series
from dicom_network.web import Response, web_service
from dicom_peers import needs
from pydicom import dcmread
from pydicom.encaps import encapsulate
from reading.files import high_throughput

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.dicomweb import connect, connect_to_store
from tumorscope.dicom_network.retrieval import pull_study
from tumorscope.dicom_network.upload import push_files
from tumorscope.io import open_scan


@pytest.fixture
def study(orthanc, tmp_path):
    """Orthanc with a study of two series, and its files."""
    files = small_series(tmp_path / "in", number=1) + small_series(tmp_path / "in", number=2)
    push_files(connect_to_store(orthanc.dicom_web), files)
    small = small_series(tmp_path / "other", study="another")
    push_files(connect_to_store(orthanc.dicom_web), small)
    return {dcmread(path).SOPInstanceUID: dcmread(path) for path in files}


def same(files, originals):
    fetched = {dataset.SOPInstanceUID: dataset for dataset in map(dcmread, files)}
    return fetched == originals


@needs("Orthanc")
def test_a_study_is_fetched_unchanged_and_nothing_else(orthanc, study, tmp_path):
    steps = []
    pulled = pull_study(connect(orthanc.dicom_web), uid("study"), tmp_path / "out", lambda *step: steps.append(step))
    assert pulled.fetched == len(pulled.files) == 8
    assert same(pulled.files, study)
    assert len({path.parent for path in pulled.files}) == 2
    assert steps == [(done, 8) for done in range(9)]
    assert {path for path in (tmp_path / "out").rglob("*") if path.is_file()} == set(pulled.files)


@needs("Orthanc")
def test_no_file_name_identifies_the_patient(orthanc, study, tmp_path):
    pulled = pull_study(connect(orthanc.dicom_web), uid("study"), tmp_path / "out")
    names = " ".join(str(path.relative_to(tmp_path)) for path in pulled.files)
    for secret in (*PATIENT_NAME.split("^"), PATIENT_ID, uid("study"), uid("study", 1)):
        assert secret.lower() not in names.lower()


@needs("Orthanc")
def test_existing_files_are_not_fetched_again(orthanc, study, tmp_path):
    client = connect(orthanc.dicom_web)
    first = pull_study(client, uid("study"), tmp_path / "out")
    for lost in first.files[:3]:
        lost.unlink()
    kept = {path: path.stat().st_mtime_ns for path in first.files[3:]}
    second = pull_study(client, uid("study"), tmp_path / "out")
    assert (second.files, second.fetched) == (first.files, 3)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert same(second.files, study)


@needs("Orthanc")
def test_a_missing_study_is_reported(orthanc, tmp_path):
    with pytest.raises(TumorscopeError, match="does not have this study"):
        pull_study(connect(orthanc.dicom_web), "1.2.3", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("study", ["", "../../etc", "1.2.x", "1..2"])
def test_an_invalid_uid_is_not_requested(tmp_path, study):
    with pytest.raises(TumorscopeError, match="the study's UID is invalid"):
        pull_study(connect("http://127.0.0.1:1"), study, tmp_path)


def listing(*images, series="1.2.3.9"):
    entries = [
        {"00080018": {"vr": "UI", "Value": [image]}, "0020000E": {"vr": "UI", "Value": [series]}} for image in images
    ]
    return Response(200, json.dumps(entries).encode())


def parts(*files, cut=0):
    content = b"".join(b"\r\n--x\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() for path in files)
    whole = content + b"\r\n--x--"
    return Response(
        200, whole[: len(whole) - cut], 'multipart/related; type="application/dicom"; boundary=x', len(whole)
    )


def served(files, response):
    listed = listing(*(dcmread(path).SOPInstanceUID for path in files))

    def serve(request):
        return (
            response if "/series/" in request.path else listed if "offset=0" in request.path else Response(200, b"[]")
        )

    return web_service(serve)


def test_an_interrupted_fetch_leaves_only_complete_files_and_can_be_resumed(tmp_path):
    files = small_series(tmp_path / "in")
    broken = pytest.raises(TumorscopeError, match="the connection was interrupted; run it again")
    with served(files, parts(*files, cut=500)) as url, broken:
        pull_study(connect(url), uid("study"), tmp_path / "out")
    found = list((tmp_path / "out").rglob("*.*"))
    originals = {dcmread(path).SOPInstanceUID: dcmread(path) for path in files}
    assert all(originals[dcmread(path).SOPInstanceUID] == dcmread(path) for path in found)


def test_a_service_that_sends_less_than_it_lists_is_an_error(tmp_path):
    files = small_series(tmp_path / "in")
    with (
        served(files, parts(*files[:3])) as url,
        pytest.raises(TumorscopeError, match="sent 3 objects, but lists 1 more"),
    ):
        pull_study(connect(url), uid("study"), tmp_path / "out")


def test_objects_of_another_study_are_rejected(tmp_path):
    files = small_series(tmp_path / "in")
    with served(files, parts(*files)) as url, pytest.raises(TumorscopeError, match="that was not requested"):
        pull_study(connect(url), "1.2.3", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("syntax", ["HTJ2KLossless", "HTJ2KLosslessRPCL", "HTJ2K"])
def test_high_throughput_jpeg_2000_is_fetched_as_stored_and_read(tmp_path, syntax):
    files = small_series(tmp_path / "in")
    voxels = open_scan(tmp_path / "in").voxels
    for path in files:
        compress(path, getattr(pydicom.uid, syntax))
    with served(files, parts(*files)) as url:
        pulled = pull_study(connect(url), uid("study"), tmp_path / "out")
    assert same(pulled.files, {dcmread(path).SOPInstanceUID: dcmread(path) for path in files})
    assert {dcmread(path).file_meta.TransferSyntaxUID for path in pulled.files} == {getattr(pydicom.uid, syntax)}
    assert np.array_equal(open_scan(pulled.files[0].parent).voxels, voxels)


def compress(path, syntax):
    dataset = dcmread(path)
    dataset.PixelData = encapsulate([high_throughput(dataset.pixel_array)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)


def test_a_service_without_paging_does_not_cause_an_endless_loop(tmp_path):
    files = small_series(tmp_path / "in", count=2)
    listed = listing(*(dcmread(path).SOPInstanceUID for path in files))

    def serve(request):
        return parts(*files) if "/series/" in request.path else listed

    with pytest.MonkeyPatch.context() as patch, web_service(serve) as url:
        patch.setattr("tumorscope.dicom_network.retrieval._PAGE", 2)
        assert pull_study(connect(url), uid("study"), tmp_path / "out").fetched == 2
