import gzip
import struct

import numpy as np
import pytest

from tumorscope.reporting.nifti import encode_nifti

KIND = {"content-type": "application/gzip"}


@pytest.fixture
def outline(analysed):
    """What the viewer would save: the mask as it was sent."""
    return analysed.client.get(f"{analysed.at}/images/mask.nii.gz").content


def save(analysed, body, base='"1"', **headers):
    return analysed.client.put(f"{analysed.at}/mask", content=body, headers=KIND | {"if-match": base} | headers)


def test_a_corrected_outline_waits_to_be_measured(analysed, outline):
    answer = save(analysed, outline)
    assert (answer.status_code, answer.json()["state"], answer.json()["revision"]) == (202, "queued", 1)
    backend = analysed.client.app.state.backend
    kept = gzip.decompress(backend.folders.mask(analysed.study, 2).read_bytes())
    assert kept[352:] == gzip.decompress(outline)[352:]
    assert backend.queue.waiting() == 1
    assert analysed.client.get(f"{analysed.at}/analysis").status_code == 200  # the earlier results stay


def test_who_saves_second_is_told(analysed, outline):
    assert save(analysed, outline, '"2"').status_code == 412
    assert save(analysed, outline, '"1"').status_code == 202
    assert save(analysed, outline, '"1"').status_code == 409


@pytest.mark.parametrize("base", ['"x"', "*", "", '"-1"', '"²"', '"' + "9" * 30 + '"', '"0"'])
def test_only_a_revision_can_be_built_on(analysed, outline, base):
    assert save(analysed, outline, base.encode()).status_code == 412


def test_without_a_revision_nothing_is_saved(analysed, outline):
    assert analysed.client.put(f"{analysed.at}/mask", content=outline, headers=KIND).status_code == 428


def another_shape(_):
    return encode_nifti(np.zeros((96, 96, 8), np.uint8), np.eye(4))


def another_place(outline):
    return encode_nifti(np.zeros((96, 96, 9), np.uint8), np.eye(4))


def a_bomb(outline):
    """A header that is in order, and a gigabyte behind it."""
    header = bytearray(gzip.decompress(outline)[:352])
    struct.pack_into("<4h", header, 40, 3, 20_000, 20_000, 20_000)
    return gzip.compress(bytes(header) + bytes(1 << 20))


@pytest.mark.parametrize(
    "make",
    [
        another_shape,
        another_place,
        a_bomb,
        lambda outline: b"",
        lambda outline: b"no outline",
        lambda outline: outline[: len(outline) // 2],
        lambda outline: gzip.compress(b"x" * 400),
        lambda outline: b"\x1f\x8b" + b"\0" * 100,
    ],
)
def test_what_is_no_outline_of_this_scan_is_refused(analysed, outline, make):
    answer = save(analysed, make(outline))
    assert answer.status_code == 400
    assert "\n" not in answer.json()["detail"]
    assert str(analysed.data) not in answer.json()["detail"]
    assert analysed.client.get(analysed.at).json()["state"] == "done"
    assert list((analysed.data / "incoming").iterdir()) == []


def test_other_kinds_of_body_are_not_taken(analysed, outline):
    assert save(analysed, outline, **{"content-type": "text/plain"}).status_code == 415
    assert save(analysed, gzip.decompress(outline), **{"content-type": "application/octet-stream"}).status_code == 202


def test_a_study_without_results_cannot_be_corrected(client, nifti):
    study = client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)}).json()["studies"][0]["id"]
    answer = client.put(f"/api/studies/{study}/mask", content=b"x", headers=KIND | {"if-match": '"1"'})
    assert answer.status_code == 409
