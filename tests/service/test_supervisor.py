"""Workers are restarted, and stop with the service."""

import os
import signal
import subprocess
import sys

import pytest
from service.processes import in_stage, settled
from service.stores import wait_until

from tumorscope.service.queue import enqueue
from tumorscope.service.settings import service_settings
from tumorscope.service.worker_processes import running_workers, worker_environments
from tumorscope.studies.supervisor import share_cores


@pytest.fixture
def settings(tmp_path):
    """A lease so long that only the supervisor can expire it, and the runtime that starts fastest."""
    return service_settings(data=tmp_path / "data", lease_s=600, engine="onnxruntime")


def test_a_supervised_worker_that_dies_is_replaced_and_its_study_is_available_at_once(
    settings, upload, catalog, queue, caplog
):
    study = upload()
    enqueue(queue, study)
    with running_workers(settings) as supervisor:
        in_stage(catalog, study, "analyzing")
        (first,) = supervisor.pids()
        os.kill(first, signal.SIGSEGV)
        (done,) = settled(catalog, study)
        assert done.state == "done"
        (second,) = supervisor.pids()
        assert second != first
    assert "was ended by signal 11; the next one starts in 0.5 s" in caplog.text
    assert f"{study}: the analysis was ended by signal 11; will be retried" in caplog.text
    assert not alive(second)


def test_a_worker_ends_when_the_service_is_killed(settings, tmp_path):
    """It detects the end of the service by its standard input."""
    program = (
        "import time; from pathlib import Path; from tumorscope.service.settings import service_settings;"
        "from tumorscope.service.worker_processes import running_workers\n"
        f"with running_workers(service_settings(data=Path({str(tmp_path / 'data')!r}))) as supervisor:\n"
        "    while not supervisor.pids(): time.sleep(0.01)\n"
        "    print(supervisor.pids()[0], flush=True); time.sleep(600)\n"
    )
    service = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert service.stdout
    assert service.stderr
    worker = int(service.stdout.readline())
    wait_until(lambda: b"is ready" in service.stderr.readline(), "the worker to be ready")
    service.kill()
    service.wait()
    wait_until(lambda: not alive(worker), "the worker to end")


def test_workers_share_the_cores():
    cores = {str(core) for core in os.sched_getaffinity(0)}
    assert share_cores(1) == [""]
    for workers in (2, 3, 5):
        shares = [set(share.split(",")) for share in share_cores(workers)]
        assert len(shares) == workers
        assert set().union(*shares) <= cores
        assert all(shares)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_a_worker_has_the_service_s_salt_so_that_patient_keys_agree(settings, monkeypatch):
    monkeypatch.setenv("TUMORSCOPE_PATIENT_SALT", "/etc/tumorscope/salt")
    [environment] = worker_environments(settings)
    assert environment["TUMORSCOPE_PATIENT_SALT"] == "/etc/tumorscope/salt"
