"""The client with a real service."""

import gzip
import shutil
import threading
import zipfile

import nibabel
import numpy as np
import pytest
from PIL import Image
from serving import running_service, wire_to

from tumorscope.client import Client, ReadingChoices, Refused
from tumorscope.client import client as client_module


def ids(client):
    return [study.id for study in client.studies()]


def test_files_folders_and_archives_are_analyzed(live, phantom_folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for file in phantom_folder.iterdir():
            archive.write(file, f"packed/{file.name}")
    flair = nibabel.load(phantom_folder / "flair.nii.gz")
    image = tmp_path / "image.png"
    gray = np.asarray(flair.dataobj)[..., 4].T
    Image.fromarray((255 * (gray / gray.max())).astype(np.uint8)).save(image)
    told = []
    with Client(live.address) as client:
        sent = client.submit([phantom_folder, tmp_path / "packed.zip", image])
        assert sorted(study.name for study in sent.studies) == ["head", "image", "packed"]
        assert sent.left_out == ()
        done = {study.name: client.wait(study, lambda now: told.append(now.state)) for study in sent.studies}
        assert {study.state for study in done.values()} == {"done"}
        head = done["head"]
        assert head.summary is not None
        assert head.summary.input_rejected is None
        assert head.summary.slices == 9
        assert set(head.summary.sequences) == {"t1", "flair", "t1c"}
        findings = client.analysis(head)
        assert findings.tumor_probability == pytest.approx(head.summary.tumor_probability, abs=1e-5)
        assert head.expires is not None
        assert head.revision == 1

        paths = client.download_all(head, tmp_path / "out")
        assert {path.name for path in paths} == {file.name for file in head.files} - {"results.zip"}
        for file in head.files:
            if file.name != "results.zip":
                assert (tmp_path / "out" / file.name).stat().st_size == file.bytes
        mask = nibabel.load(tmp_path / "out" / "mask.nii.gz")
        assert mask.shape == flair.shape  # fetched as it was stored, not unpacked on the way
        whole = client.download(head, "results.zip", tmp_path)
        with zipfile.ZipFile(whole) as archive:
            assert archive.testzip() is None
            assert {name.split("/")[-1] for name in archive.namelist()} == {path.name for path in paths}

        assert {study.id for study in done.values()} <= set(ids(client))
        assert [study.id for study in client.studies("pack")] == [done["packed"].id]
        assert [study.id for study in client.studies("pack", "failed")] == []
        for study in done.values():
            client.delete(study)
        with pytest.raises(Refused) as caught:
            client.study(head)
        assert caught.value.status == 404
        with pytest.raises(Refused):
            client.delete(head)
    assert told[-1] == "done"


def test_the_client_reads_bundles_and_limits(live):
    from tumorscope import __version__

    with Client(live.address) as client:
        assert client.about().version == __version__
        assert {"lgg", "t1c"} <= {bundle["name"] for bundle in client.bundles()}


def test_a_corrected_mask_makes_a_revision_unless_another_user_was_first(live, phantom_folder, tmp_path):
    with Client(live.address) as client:
        (sent,) = client.submit(phantom_folder).studies
        first = client.wait(sent)
        image = nibabel.load(client.download(first, "mask.nii.gz", tmp_path))
        drawn = np.zeros(image.shape, np.uint8)
        drawn[40:50, 40:50, 4] = 1
        nibabel.save(nibabel.Nifti1Image(drawn, image.affine), tmp_path / "drawn.nii.gz")
        again = client.wait(client.correct_mask(first, tmp_path / "drawn.nii.gz"))
        assert (again.state, again.revision) == ("done", 2)
        findings = client.analysis(again)
        assert findings.corrected
        assert findings.voxels == 100
        assert client.analysis(again, revision=1).corrected is False
        assert [each.kind for each in again.revisions] == ["analysis", "edit"]
        with pytest.raises(Refused) as caught:
            client.correct_mask(first, (tmp_path / "drawn.nii.gz").read_bytes())
        assert caught.value.status in (409, 412)
        with pytest.raises(Refused) as caught:
            client.correct_mask(again, gzip.compress(b"no mask"))
        assert caught.value.status == 400
        assert client.study(again).revision == 2
        client.delete(again)


def test_the_service_reports_unreadable_files(live, tmp_path):
    (tmp_path / "notes.txt").write_text("no scan")
    with Client(live.address) as client:
        before = ids(client)
        with pytest.raises(Refused) as caught:
            client.submit(tmp_path / "notes.txt")
        assert caught.value.status == 400
        assert ids(client) == before


def test_only_valid_credentials_are_accepted(tmp_path, phantom_folder):
    users = {"ann": "a long password"}
    with running_service(tmp_path / "data", worker=False, token="a-token-of-20-letters", users=users) as service:
        for who in ({"token": "a-token-of-20-letters"}, {"user": ("ann", "a long password")}):
            with Client(service.address, **who) as client:
                assert len(client.submit(phantom_folder).studies) == 1
        for who in ({}, {"token": "wrong"}, {"user": ("ann", "wrong")}, {"user": ("bob", "a long password")}):
            with Client(service.address, **who) as client:
                for question in (client.about, client.bundles, lambda: client.submit(phantom_folder), client.studies):
                    with pytest.raises(Refused, match="access denied; check the token, or user and password"):
                        list(question())
        with Client(service.address, token="a-token-of-20-letters") as client:
            assert len(ids(client)) == 2


@pytest.mark.parametrize("how", ["in the middle", "after it was taken"])
def test_a_connection_that_breaks_during_an_upload_makes_one_study(how, tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "_PAUSE_S", 0.05)
    scan = tmp_path / "scan.nii"
    noise = np.random.default_rng(0).integers(0, 1000, (128, 128, 40)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), scan)
    with running_service(tmp_path / "data", worker=False) as service, wire_to(service) as wire:
        wire.cut_after = 500_000 if how == "in the middle" else None
        wire.lose_response = how == "after it was taken"
        with Client(wire.address) as client:
            sent = client.submit(scan)
        assert wire.cuts == 1
        with Client(service.address) as client:
            assert ids(client) == [study.id for study in sent.studies]
            assert len(sent.studies) == 1
        uploaded = list((tmp_path / "data" / "studies").rglob("scan.nii"))
        assert [path.read_bytes() for path in uploaded] == [scan.read_bytes()]
        assert list((tmp_path / "data" / "incoming").iterdir()) == []


def test_a_restart_of_the_service_during_wait_loses_nothing(tmp_path, phantom_folder):
    with running_service(tmp_path / "data", worker=False) as service:
        told, ended = [], []
        with Client(service.address) as client:
            (study,) = client.submit(phantom_folder).studies
            seen = threading.Event()

            def note(now):
                told.append(now.state)
                seen.set()

            waiting = threading.Thread(target=lambda: ended.append(client.wait(study, note)))
            waiting.start()
            assert seen.wait(20)
            service.stop()
            service.start()
            service.start_worker()
            waiting.join(120)
        assert [each.state for each in ended] == ["done"]
        assert told[0] == "queued"
        assert told[-1] == "done"
        with Client(service.address) as client:
            assert ids(client) == [study.id]
            assert len(client.study(study).revisions) == 1


def test_a_failed_study_is_retried(tmp_path, phantom_folder):
    case = tmp_path / "case"
    shutil.copytree(phantom_folder, case)
    damaged = case / "t1.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:-500])
    with running_service(tmp_path / "data") as service, Client(service.address) as client:
        (study,) = client.submit(case).studies
        failed = client.wait(study)
        assert failed.state == "failed"
        assert "t1.nii.gz" in (failed.failure or "")
        assert client.retry(failed).state in ("queued", "analyzing")
        again = client.wait(study)
        assert (again.state, again.failure) == ("failed", failed.failure)
        with pytest.raises(Refused, match="no results"):
            client.download_all(again, tmp_path / "out")
        with pytest.raises(Refused, match="is named 't9'; check it") as refused:
            client.retry(again, ReadingChoices(sequences={"t9": "t1"}))
        assert refused.value.status == 422
        assert client.study(study).reading == ReadingChoices()
        without_it = ReadingChoices(sequences={"t1.nii.gz": "unknown"})
        client.retry(again, without_it)
        assert client.wait(study).state == "done"
        assert client.study(study).reading == without_it
