import gzip
import json
import struct

import numpy as np
import pytest

from tumorscope.measurement.rulers import Ruler
from tumorscope.reporting.nifti_files import encode_nifti

KIND = {"content-type": "application/gzip"}


@pytest.fixture
def segmentation(analyzed):
    """The mask that the viewer would save."""
    return analyzed.client.get(f"{analyzed.at}/images/mask.nii.gz").content


def save(analyzed, body, base='"1"', **headers):
    return analyzed.client.put(f"{analyzed.at}/mask", content=body, headers=KIND | {"if-match": base} | headers)


def test_a_corrected_segmentation_is_queued(analyzed, segmentation):
    response = save(analyzed, segmentation)
    assert (response.status_code, response.json()["state"], response.json()["revision"]) == (202, "queued", 1)
    backend = analyzed.client.app.state.backend
    kept = gzip.decompress(backend.folders.mask(analyzed.study, 2).read_bytes())
    assert kept[352:] == gzip.decompress(segmentation)[352:]
    assert backend.queue.pending() == 1
    assert analyzed.client.get(f"{analyzed.at}/analysis").status_code == 200  # the earlier results stay


def test_rulers_come_with_the_new_version(analyzed, segmentation):
    drawn = [{"axis": "slice", "start": [2, 10, 20], "end": [2, 13, 24.5]}]
    assert save(analyzed, segmentation, rulers=json.dumps(drawn)).status_code == 202
    folders = analyzed.client.app.state.backend.folders
    assert folders.rulers(analyzed.study, 2) == (Ruler("slice", (2, 10, 20), (2, 13, 24.5)),)
    assert folders.rulers(analyzed.study, 1) == ()


@pytest.mark.parametrize(
    "text", ["x", "{}", '[{"axis": "up"}]', '[{"axis": "row", "start": [0, 0], "end": [1, 1, 1]}]', "[" * 9000]
)
def test_what_is_not_rulers_is_refused_and_nothing_is_queued(analyzed, segmentation, text):
    assert save(analyzed, segmentation, rulers=text).status_code in (400, 422)
    assert analyzed.client.app.state.backend.queue.pending() == 0


def test_the_second_of_two_users_gets_a_conflict(analyzed, segmentation):
    assert save(analyzed, segmentation, '"2"').status_code == 412
    assert save(analyzed, segmentation, '"1"').status_code == 202
    assert save(analyzed, segmentation, '"1"').status_code == 409


@pytest.mark.parametrize("base", ['"x"', "*", "", '"-1"', '"²"', '"' + "9" * 30 + '"', '"0"'])
def test_if_match_must_name_a_revision(analyzed, segmentation, base):
    assert save(analyzed, segmentation, base.encode()).status_code == 412


def test_if_match_is_required(analyzed, segmentation):
    assert analyzed.client.put(f"{analyzed.at}/mask", content=segmentation, headers=KIND).status_code == 428


def another_shape(_):
    return encode_nifti(np.zeros((96, 96, 8), np.uint8), np.eye(4))


def another_place(segmentation):
    return encode_nifti(np.zeros((96, 96, 9), np.uint8), np.eye(4))


def a_bomb(segmentation):
    """A valid header followed by a gigabyte."""
    header = bytearray(gzip.decompress(segmentation)[:352])
    struct.pack_into("<4h", header, 40, 3, 20_000, 20_000, 20_000)
    return gzip.compress(bytes(header) + bytes(1 << 20))


@pytest.mark.parametrize(
    "make",
    [
        another_shape,
        another_place,
        a_bomb,
        lambda segmentation: b"",
        lambda segmentation: b"no segmentation",
        lambda segmentation: segmentation[: len(segmentation) // 2],
        lambda segmentation: gzip.compress(b"x" * 400),
        lambda segmentation: b"\x1f\x8b" + b"\0" * 100,
    ],
)
def test_a_segmentation_of_another_scan_is_rejected(analyzed, segmentation, make):
    response = save(analyzed, make(segmentation))
    assert response.status_code == 400
    assert "\n" not in response.json()["detail"]
    assert str(analyzed.data) not in response.json()["detail"]
    assert analyzed.client.get(analyzed.at).json()["state"] == "done"
    assert list((analyzed.data / "incoming").iterdir()) == []


def test_other_media_types_are_rejected(analyzed, segmentation):
    assert save(analyzed, segmentation, **{"content-type": "text/plain"}).status_code == 415
    assert (
        save(analyzed, gzip.decompress(segmentation), **{"content-type": "application/octet-stream"}).status_code == 202
    )


def test_a_study_without_results_cannot_be_corrected(client, nifti):
    study = client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)}).json()["studies"][0]["id"]
    response = client.put(f"/api/studies/{study}/mask", content=b"x", headers=KIND | {"if-match": '"1"'})
    assert response.status_code == 409
