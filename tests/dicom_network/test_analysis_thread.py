"""An analysis in a separate process, however it ends."""

import os
import subprocess
import sys
import threading
import time

import pytest
from dicom_network.running import TESTS, small_series, wait_until

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.analysis_thread import Crashed, Failed, Made, recover, run_worker
from tumorscope.dicom_network.journal import Journal
from tumorscope.dicom_network.store import Store
from tumorscope.dicom_network.worker import Task, load_processor

FAKE = "dicom_network.fakes:process"


@pytest.fixture(autouse=True)
def _fakes_are_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def run(tmp_path, out, bundle="auto", stop=None, longest_s=60.0, **attributes):
    small_series(tmp_path / "case", **attributes)
    return run_worker(FAKE, Task(tmp_path / "case", out, bundle), stop or threading.Event(), longest_s)


def test_results_are_reported_whatever_libraries_print(tmp_path, out):
    assert run(tmp_path, out) == Made(("case/capture.dcm",))
    assert (out / "case" / "capture.dcm").exists()


def test_the_reason_of_a_failed_analysis_is_reported(tmp_path, out):
    assert run(tmp_path, out, SeriesDescription="UNREADABLE") == Failed("nothing here can be read")


def test_a_crash_in_a_c_library_is_reported_by_its_signal(tmp_path, out):
    assert run(tmp_path, out, SeriesDescription="POISON") == Crashed("the analysis was ended by signal 11")


def test_a_bug_is_reported_by_its_location_without_its_message(tmp_path, out):
    outcome = run(tmp_path, out, SeriesDescription="BUG")
    assert isinstance(outcome, Crashed)
    assert "ValueError in fakes.py, line " in outcome.reason
    assert "Doe" not in outcome.reason


def test_a_hung_analysis_is_killed(tmp_path, out):
    started = time.monotonic()
    outcome = run(tmp_path, out, bundle="600", longest_s=1)
    assert outcome == Crashed("the analysis took longer than 1 s")
    assert time.monotonic() - started < 30


def test_a_node_that_stops_does_not_wait_for_its_analysis(tmp_path, out):
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    assert run(tmp_path, out, bundle="600", stop=stop) is None


def test_an_analysis_ends_with_its_node(tmp_path, out):
    """Otherwise a killed node would leave one running and start another."""
    small_series(tmp_path / "case")
    program = (
        "import threading, sys; from pathlib import Path; from tumorscope.dicom_network.worker import Task;"
        "from tumorscope.dicom_network.analysis_thread import run_worker;"
        f"task = Task(Path({str(tmp_path / 'case')!r}), Path({str(out)!r}), '600');"
        f"run_worker({FAKE!r}, task, threading.Event())"
    )
    node = subprocess.Popen([sys.executable, "-c", program], env=os.environ)
    children = f"/proc/{node.pid}/task/{node.pid}/children"
    if not os.path.exists(children):  # noqa: PTH110
        node.kill()
        pytest.skip("no list of child processes here")

    def child():
        with open(children) as file:  # noqa: PTH123
            return file.read().split()

    wait_until(child, "the analysis to start")
    worker = child()[0]
    node.kill()
    node.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{worker}"), "the analysis to end")  # noqa: PTH110


def test_a_task_survives_serialization(tmp_path):
    task = Task(
        tmp_path / "a", tmp_path / "out", "lgg", "the sender did not come back", (tmp_path / "1", tmp_path / "2")
    )
    assert Task.from_json(task.to_json()) == task
    assert Task.from_json(Task(tmp_path, tmp_path).to_json()) == Task(tmp_path, tmp_path, "auto", None, ())


def test_a_processor_that_does_not_exist_is_named():
    with pytest.raises(TumorscopeError, match="nowhere:process: no such function"):
        load_processor("nowhere:process")


@pytest.fixture
def begun(tmp_path):
    """A node that was stopped during an analysis."""
    store = Store(tmp_path / "data")
    journal = Journal(store.data / "journal.sqlite")
    path = store.keep("study-a", "image-a", b"image")
    journal.receive("study-a", "1.2.3", "1.2.3.4", path.relative_to(store.data).as_posix(), True)
    journal.mark_ready("study-a")
    journal.begin("study-a")
    _, out = store.stage("study-a", [path])
    (out / "case").mkdir()
    (out / "case" / "sr.dcm").write_bytes(b"report")
    return store, journal


def test_an_interrupted_analysis_is_repeated(begun):
    store, journal = begun
    recover(store, journal, ["x"])
    assert journal.study("study-a").state == "ready"
    assert list(store.working.iterdir()) == []
    assert journal.unsent("x") == []


def test_complete_results_are_sent_and_not_repeated(begun):
    """Killed between the rename and the journal entry."""
    store, journal = begun
    store.commit("study-a", 1)
    recover(store, journal, ["x"])
    assert journal.study("study-a").state == "sending"
    assert [result.file for result in journal.unsent("x")] == ["results/study-a/1/case/sr.dcm"]


def test_a_study_whose_last_result_was_sent_before_a_stop_is_done(begun):
    store, journal = begun
    store.commit("study-a", 1)
    recover(store, journal, ["x"])
    journal.sent(journal.unsent("x")[0])
    recover(store, journal, ["x"])
    assert journal.study("study-a").state == "done"
