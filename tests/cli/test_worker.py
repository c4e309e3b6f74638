"""`tumorscope worker` as a process, ended by signals."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from service.stores import running_postgresql, running_redis
from serving import running_service

from tumorscope.cli import worker
from tumorscope.client import Client
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti

LONG_S = 240
"""Long enough for a busy machine."""


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case") / "head"
    write_nifti(make_phantom([plausible_lesion(0)], seed=0, shape=(9, 96, 96)), folder)["mask"].unlink()
    return folder


@contextmanager
def running_worker(log, *arguments, **settings):
    """A worker's process, killed if the test has not ended it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TUMORSCOPE_")}
    with log.open("ab") as file:
        command = [sys.executable, "-m", "tumorscope", "worker", *map(str, arguments)]
        process = subprocess.Popen(command, stderr=file, env=kept | settings)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(happened, process=None):
    end = time.monotonic() + LONG_S
    while not happened():
        assert time.monotonic() < end
        assert process is None or process.poll() is None
        time.sleep(0.02)


def test_a_worker_analyzes_the_studies_of_a_service_without_workers(case, tmp_path):
    log = tmp_path / "log"
    with running_service(tmp_path / "data", worker=False) as service, Client(service.address) as client:
        (study,) = client.submit(case).studies
        with running_worker(log, "--data", tmp_path / "data") as process:
            done = client.wait(study)
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONG_S) == 0
    assert (done.state, done.revision) == ("done", 1)
    said = log.read_text()
    assert "is ready" in said
    assert "has stopped" in said
    assert "head" not in said  # studies have codes in the log


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_study_of_a_stopped_worker_is_done_once_by_the_next(case, tmp_path, how):
    log = tmp_path / "log"
    lease_s = 5.0  # of one that was killed; else the test would wait a minute
    with running_service(tmp_path / "data", worker=False, lease_s=lease_s) as service:
        client = Client(service.address)
        (study,) = client.submit(case).studies
        with running_worker(log, "--data", tmp_path / "data", TUMORSCOPE_LEASE_S=str(lease_s)) as process:
            until(lambda: client.study(study).state == "analyzing", process)
            process.send_signal(how)
            process.wait(LONG_S)
        if how is signal.SIGTERM:
            assert process.returncode == 0
            assert client.study(study).state == "queued"
        service.start_worker()
        done = client.wait(study)
        assert (done.state, done.revision) == ("done", 1)
        assert len(done.revisions) == 1
        client.close()


def test_a_worker_on_another_machine_shares_database_queue_and_folder(case, tmp_path):
    log = tmp_path / "log"
    with running_postgresql() as database, running_redis() as queue:
        stores = {"database": database, "queue": queue}
        with running_service(tmp_path / "data", worker=False, **stores) as service, Client(service.address) as client:
            (study,) = client.submit(case).studies
            arguments = ["--data", tmp_path / "data", "--database", database, "--queue", queue]
            with running_worker(log, *arguments) as process:
                done = client.wait(study)
                process.send_signal(signal.SIGTERM)
                assert process.wait(LONG_S) == 0
    assert (done.state, done.revision) == ("done", 1)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["identity", "incoming", "studies", "working"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--database", "mysql://x/y"], "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"),
        (["--queue", "amqp://secret@x"], "write sqlite:///FILE or redis://HOST:PORT/0"),
        (["--keep-days", "soon"], "keep_days: "),
    ],
)
def test_invalid_options_are_one_line(in_empty_folder, arguments, words):
    error, said = in_empty_folder(worker.command)(*arguments)
    assert words in str(error)
    assert "secret" not in str(error) + said


def test_an_unreachable_store_is_one_line_and_exit_code_two(tmp_path):
    log = tmp_path / "log"
    address = "postgresql://nobody:secret@127.0.0.1:1/none"
    with running_worker(log, "--data", tmp_path / "data", "--database", address) as process:
        assert process.wait(LONG_S) == 2
    (line,) = log.read_text().splitlines()
    assert line.startswith("tumorscope: ")
    assert "secret" not in line
