"""The analysis of studies in a process of its own, however it ends."""

import errno
import os
import subprocess
import sys
import time

import pytest
from dicom_network.running import TESTS, small_series, wait_until

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.node_worker import Worker, WorkerSettings, load_processor, recover
from tumorscope.studies.supervisor import Supervisor

FAKE = "dicom_network.fakes:process"


class Scene:
    """A node's folder with a study that is ready."""

    def __init__(self, data, bundle="auto", longest_s=60.0, **attributes):
        self.settings = WorkerSettings(data, ["x"], FAKE, bundle, longest_s=longest_s)
        self.worker = Worker(self.settings, "w")
        self.store, self.journal = self.worker._store, self.worker._journal
        for path in small_series(data.parent / "in", **attributes):
            kept = self.store.keep("study-a", path.stem, path.read_bytes())
            self.journal.receive("study-a", "1.2.3", path.stem, kept.relative_to(data).as_posix(), True)
        self.journal.mark_ready("study-a")

    def study(self):
        return self.journal.study("study-a")

    def results(self):
        return [result.file for result in self.journal.claim_results("x")]

    def supervised(self, ends):
        def end(name, how):
            ends.append(how)
            self.journal.expire_leases(name, f"the analysis {how}")

        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
        return Supervisor(self.settings.command(), [environment], end, shutdown_s=0)


@pytest.fixture
def scene(tmp_path):
    return lambda **options: Scene(tmp_path / "data", **options)


def test_results_are_recorded_for_every_destination(scene):
    made = scene()
    assert made.worker.analyze_next()
    assert made.study().state == "sending"
    assert made.results() == ["results/study-a/1/study-a/capture.dcm"]
    assert list(made.store.working.iterdir()) == []
    assert not made.worker.analyze_next()


def test_the_reason_of_a_failed_analysis_is_recorded(scene):
    made = scene(SeriesDescription="UNREADABLE")
    made.worker.analyze_next()
    assert (made.study().state, made.study().reason) == ("failed", "nothing here can be read")


def test_a_bug_is_reported_by_its_location_without_its_message(scene, caplog):
    made = scene(SeriesDescription="BUG")
    made.worker.analyze_next()
    assert made.study().state == "failed"
    assert "(ValueError in fakes.py, line " in made.study().reason
    assert "Doe" not in made.study().reason + caplog.text


def test_a_full_disk_costs_no_attempt(scene, monkeypatch):
    made = scene()

    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(made.store, "commit", full)
        with pytest.raises(OSError, match="No space"):
            made.worker.analyze_next()
    assert made.journal.release_all("w") == ["study-a"]
    assert made.worker.analyze_next()
    assert (made.study().state, made.study().run) == ("sending", 2)


def test_images_that_arrive_during_an_analysis_make_its_results_outdated(scene, monkeypatch):
    made = scene()
    real = made.worker._process

    def meanwhile(task):
        late = made.store.keep("study-a", "late", b"image")
        made.journal.receive("study-a", "1.2.3", "late", late.relative_to(made.store.data).as_posix(), True)
        return real(task)

    monkeypatch.setattr(made.worker, "_process", meanwhile)
    made.worker.analyze_next()
    assert made.study().state == "receiving"
    assert made.results() == []
    assert not made.store.results_of("study-a", 1).exists()


def test_a_crash_in_a_c_library_costs_one_attempt_and_is_reported_by_its_signal(scene):
    made, ends = scene(SeriesDescription="POISON"), []
    with made.supervised(ends):
        wait_until(lambda: made.study().state == "failed", "three crashes")
    assert ends == ["was ended by signal 11"] * 3
    assert (made.study().run, made.study().reason) == (3, "the analysis was ended by signal 11")


def test_a_hung_analysis_ends_with_its_worker(scene):
    made, ends = scene(bundle="600", longest_s=1), []
    with made.supervised(ends):
        wait_until(lambda: ends, "the end of the worker")
    assert ends == ["ended with exit code 70"]
    assert (made.study().state, made.study().reason) == ("failed", "the analysis took longer than 1 s")


def test_a_hung_analysis_of_outdated_images_ends_with_its_worker(scene):
    made, ends = scene(bundle="600", longest_s=3), []
    with made.supervised(ends):
        wait_until(lambda: made.study().state == "analyzing", "the analysis to start")
        late = made.store.keep("study-a", "late", b"image")
        made.journal.receive("study-a", "1.2.3", "late", late.relative_to(made.store.data).as_posix(), True)
        wait_until(lambda: ends, "the end of the worker")
    assert ends == ["ended with exit code 70"]
    assert made.study().state == "receiving"


def test_a_node_that_stops_does_not_wait_for_its_analysis(scene):
    made = scene(bundle="600")
    with made.supervised([]) as supervisor:
        wait_until(lambda: made.study().state == "analyzing", "the analysis to start")
        [worker] = supervisor.pids()
        started = time.monotonic()
    assert time.monotonic() - started < 30
    assert not os.path.exists(f"/proc/{worker}")  # noqa: PTH110
    recover(made.store, made.journal, ["x"])
    assert made.study().state == "ready"


def test_an_analysis_ends_with_its_node(scene):
    """Otherwise a killed node would leave one running and start another."""
    made = scene(bundle="600")
    program = (
        "import os, time; from pathlib import Path; from tumorscope.dicom_network.node_worker import WorkerSettings;"
        "from tumorscope.studies.supervisor import Supervisor\n"
        f"command = WorkerSettings(Path({str(made.settings.data)!r}), [], {FAKE!r}, '600').command()\n"
        "with Supervisor(command, [os.environ], print, 0) as supervisor:\n"
        "    while not supervisor.pids(): time.sleep(0.01)\n"
        "    print(supervisor.pids()[0], flush=True); time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    node = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)
    worker = int(node.stdout.readline())
    wait_until(lambda: made.study().state == "analyzing", "the analysis to start")
    node.kill()
    node.wait()
    wait_until(lambda: not running(worker), "the analysis to end")


def running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_processor_that_does_not_exist_is_named():
    with pytest.raises(TumorscopeError, match="nowhere:process: no such function"):
        load_processor("nowhere:process")


@pytest.fixture
def begun(scene):
    """A node that was stopped during an analysis."""
    made = scene()
    run = made.journal.begin("study-a", "w")
    _, out = made.store.stage("study-a", [])
    (out / "case").mkdir()
    (out / "case" / "sr.dcm").write_bytes(b"report")
    return made, run


def test_an_interrupted_analysis_is_repeated(begun):
    made, run = begun
    recover(made.store, made.journal, ["x"])
    assert made.study().state == "ready"
    assert list(made.store.working.iterdir()) == []
    assert made.results() == []
    assert not made.journal.finish(run, ["late"], ["x"]), "its claim is lost"


def test_complete_results_are_sent_and_not_repeated(begun):
    """Killed between the rename and the journal entry."""
    made, _ = begun
    made.store.commit("study-a", 1)
    recover(made.store, made.journal, ["x"])
    assert made.study().state == "sending"
    assert made.results() == ["results/study-a/1/case/sr.dcm"]


def test_a_study_whose_last_result_was_sent_before_a_stop_is_done(begun):
    made, _ = begun
    made.store.commit("study-a", 1)
    recover(made.store, made.journal, ["x"])
    [result] = made.journal.claim_results("x")
    made.journal.results.seal(result, "sent")
    recover(made.store, made.journal, ["x"])
    assert made.study().state == "done"


def test_a_result_that_was_being_sent_at_a_stop_is_sent_again(begun):
    made, _ = begun
    made.store.commit("study-a", 1)
    recover(made.store, made.journal, ["x"])
    assert made.results()
    assert made.results() == []
    recover(made.store, made.journal, ["x"])
    assert made.results() == ["results/study-a/1/case/sr.dcm"]
