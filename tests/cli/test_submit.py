"""`tumorscope submit` with a real service: nothing is lost or sent twice."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from serving import running_service, wire_to

from tumorscope.cli import submit
from tumorscope.client import Client, changes
from tumorscope.client import client as client_module
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Two cases of nine small slices, ``p0`` and ``p1``."""
    folder = tmp_path_factory.mktemp("cases")
    for number in range(2):
        phantom = make_phantom([plausible_lesion(number)], seed=number, shape=(9, 96, 96))
        write_nifti(phantom, folder / f"p{number}")["mask"].unlink()
    return folder


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in ("TUMORSCOPE_TOKEN", "TUMORSCOPE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client_module, "_PAUSE_S", 0.05)


@pytest.fixture
def run(in_empty_folder):
    return in_empty_folder(submit.command)


def names(service):
    with Client(service.address) as client:
        return sorted(study.name for study in client.studies())


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_cases_are_sent_and_findings_are_those_of_analyze(run, cases, tmp_path):
    with running_service(tmp_path / "data") as service:
        error, said = run(cases, "--to", service.address, "-o", tmp_path / "out")
        assert error is None
        rows = [line.split() for line in said.splitlines() if line.startswith(("case", "p0", "p1"))]
        assert rows[0] == ["case", "tumor", "probability", "lesions", "size", "type"]
        assert [row[:2] for row in rows[1:]] == [["p0", "present"], ["p1", "present"]]
        assert "not a medical device" in said.lower()
        results = {"analysis.json", "mask.nii.gz", "panel.png", "report.html", "report.pdf"}
        for case in ("p0", "p1"):
            assert {path.name for path in (tmp_path / "out" / case).iterdir()} >= results
            assert json.loads((tmp_path / "out" / case / "analysis.json").read_text())["tumor_present"]

        fetched = files_of(tmp_path / "out")
        service.stop_worker()
        error, again = run(cases, "--to", service.address, "-o", tmp_path / "out")
        assert error is None
        assert names(service) == ["p0", "p1"]  # not sent again
        assert files_of(tmp_path / "out") == fetched
        assert "p1" in again


def test_the_journal_contains_no_file_names(run, cases, tmp_path):
    secret = tmp_path / "Doe^Jane"
    shutil.copytree(cases / "p0", secret)
    with running_service(tmp_path / "data", worker=False) as service:
        assert run(secret, "--to", service.address, "-o", tmp_path / "out", "--no-wait")[0] is None
    assert "Doe" not in (tmp_path / "out" / "submitted.json").read_text()


def test_no_wait_and_a_later_wait(run, cases, tmp_path):
    with running_service(tmp_path / "data", worker=False) as service:
        arguments = (cases, "--to", service.address, "-o", tmp_path / "out")
        error, said = run(*arguments, "--no-wait")
        assert error is None
        with Client(service.address) as client:
            for study in client.studies():
                assert study.id in said
        service.start_worker()
        error, said = run(*arguments)
        assert error is None
        assert names(service) == ["p0", "p1"]
        assert (tmp_path / "out" / "p1" / "analysis.json").exists()


def test_one_bad_study_does_not_stop_the_others(run, cases, tmp_path):
    damaged = tmp_path / "in" / "damaged"
    shutil.copytree(cases / "p0", damaged)
    (damaged / "t1.nii.gz").write_bytes((damaged / "t1.nii.gz").read_bytes()[:-500])
    shutil.copytree(cases / "p1", tmp_path / "in" / "good")
    (tmp_path / "notes.txt").write_text("no scan")
    with running_service(tmp_path / "data") as service:
        error, said = run(tmp_path / "in", tmp_path / "notes.txt", "--to", service.address, "-o", tmp_path / "out")
    assert str(error) == "2 of 3 cases failed; the lines above say why"
    assert "t1.nii.gz" in said
    assert "notes.txt" in said
    assert (tmp_path / "out" / "good" / "analysis.json").exists()
    assert not (tmp_path / "out" / "damaged").exists()


def test_the_only_case_that_fails_is_the_error(run, tmp_path):
    (tmp_path / "notes.txt").write_text("no scan")
    with running_service(tmp_path / "data", worker=False) as service:
        error, _ = run(tmp_path / "notes.txt", "--to", service.address, "-o", tmp_path / "out")
    assert "notes.txt" in str(error)
    assert "\n" not in str(error)


def test_a_stated_sequence_goes_with_the_case_that_has_it(run, cases, tmp_path):
    """The service refuses names that nothing in an upload has."""
    shutil.copytree(cases, tmp_path / "scans")
    for case, name in (("p0", "7"), ("p1", "9")):
        (flair,) = (path for path in (tmp_path / "scans" / case).glob("*.nii.gz") if "flair" in path.name)
        for other in (tmp_path / "scans" / case).glob("*"):
            if other != flair:
                other.unlink()
        flair.rename(flair.with_name(f"{name}.nii.gz"))
    with running_service(tmp_path / "data") as service:
        stated = ("--sequence", "7.nii.gz=flair", "--sequence", "9.nii.gz=t1c")
        error, _said = run(tmp_path / "scans", "--to", service.address, "-o", tmp_path / "out", "--no-wait", *stated)
        assert error is None
        with Client(service.address) as client:
            sequences = {
                study.name: client.wait(study).summary.sequences
                for study in client.studies()  # type: ignore[union-attr]
            }
    assert sorted(map(tuple, sequences.values())) == [("flair",), ("t1c",)]


def test_cases_with_the_same_name_get_different_folders(run, tmp_path):
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        gray = np.random.default_rng(number).integers(0, 255, (64, 64)).astype(np.uint8)
        Image.fromarray(gray).save(tmp_path / str(number) / "scan.png")
    paths = [tmp_path / str(number) / "scan.png" for number in range(2)]
    with running_service(tmp_path / "data") as service:
        assert run(*paths, "--to", service.address, "-o", tmp_path / "out")[0] is None
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"scan", "scan-2", "submitted.json"}


def test_an_interruption_while_waiting_loses_nothing(run, cases, tmp_path, monkeypatch):
    with running_service(tmp_path / "data", worker=False) as service:
        arguments = (cases, "--to", service.address, "-o", tmp_path / "out")

        def interrupted(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Client, "wait", interrupted)
            error, said = run(*arguments)
        assert isinstance(error, SystemExit)
        assert error.code == 130
        assert "the same command resumes" in said
        service.start_worker()
        assert run(*arguments)[0] is None
        assert names(service) == ["p0", "p1"]


def test_a_lost_response_makes_no_second_study_in_a_later_run(run, cases, tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "_TRIES", 1)  # as if the program itself were killed there
    with running_service(tmp_path / "data", worker=False) as service, wire_to(service) as wire:
        arguments = (cases / "p0", "--to", wire.address, "-o", tmp_path / "out", "--no-wait")
        wire.lose_response = True
        error, _ = run(*arguments)
        assert "the connection was interrupted" in str(error)
        assert "the same command resumes" in str(error)
        assert names(service) == ["p0"]
        assert run(*arguments)[0] is None
        assert names(service) == ["p0"]


def test_an_unreachable_service_is_one_line_and_finished_work_is_kept(run, cases, tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "_MAX_PAUSE_S", 0.05)
    with running_service(tmp_path / "data", worker=False) as service:
        arguments = ("--to", service.address, "-o", tmp_path / "out")
        assert run(cases, *arguments, "--no-wait")[0] is None
    error, _ = run(cases, *arguments)
    assert "no connection (refused); is the service running?" in str(error)
    assert len(json.loads((tmp_path / "out" / "submitted.json").read_text())["uploads"]) == 2


def test_a_study_deleted_by_the_service_is_reported_and_then_sent_again(run, cases, tmp_path):
    with running_service(tmp_path / "data", worker=False) as service, Client(service.address) as client:
        arguments = (cases / "p0", "--to", service.address, "-o", tmp_path / "out")
        assert run(*arguments, "--no-wait")[0] is None
        for study in list(client.studies()):
            client.delete(study)
        error, _ = run(*arguments)
        assert "the service no longer has it; repeat the command" in str(error)
        service.start_worker()
        assert run(*arguments)[0] is None
        assert names(service) == ["p0"]


@pytest.mark.parametrize("how", ["option", "environment", "user"])
def test_credentials_come_from_options_or_the_environment(run, cases, tmp_path, monkeypatch, how):
    token, users = "a-token-of-20-letters", {"ann": "a long password"}
    with running_service(tmp_path / "data", worker=False, token=token, users=users) as service:
        arguments = [cases / "p0", "--to", service.address, "-o", tmp_path / "out", "--no-wait"]
        error, said = run(*arguments)
        assert "access denied; check the token" in str(error)
        assert token not in said
        if how == "option":
            arguments += ["--token", token]
        elif how == "environment":
            monkeypatch.setenv("TUMORSCOPE_TOKEN", token)
        else:
            arguments += ["--user", "ann"]
            assert "set TUMORSCOPE_PASSWORD" in str(run(*arguments)[0])
            monkeypatch.setenv("TUMORSCOPE_PASSWORD", "a long password")
            monkeypatch.setenv("TUMORSCOPE_TOKEN", "left over")
        assert run(*arguments)[0] is None


def test_an_unusable_output_folder_is_detected_before_the_upload(run, cases, tmp_path):
    (tmp_path / "out").write_bytes(b"")
    with running_service(tmp_path / "data", worker=False) as service:
        error, _ = run(cases, "--to", service.address, "-o", tmp_path / "out")
        assert str(tmp_path / "out") in str(error)
        assert names(service) == []


def test_a_damaged_journal_is_reported(run, cases, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "submitted.json").write_text("{")
    with running_service(tmp_path / "data", worker=False) as service:
        error, _ = run(cases, "--to", service.address, "-o", tmp_path / "out")
    assert "submitted.json: is not a journal of submit" in str(error)
