"""The state of studies despite interruptions."""

import sqlite3
import time
from datetime import UTC, datetime, timedelta

import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.journal import MAX_CRASHES, MAX_REFUSALS, Journal
from tumorscope.dicom_network.journal_records import Run


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.sqlite")


def arrive(journal, tmp_path, image="1.1", study="s", is_input=True):
    (tmp_path / f"{study}-{image}").touch()
    return journal.receive(study, f"uid-{study}", image, f"{study}-{image}", is_input)


def analyzed(journal, tmp_path, files=("a", "b"), destinations=("x",)):
    arrive(journal, tmp_path)
    journal.mark_ready("s")
    assert journal.finish(journal.begin("s"), files, destinations)


def test_a_study_goes_from_receiving_to_done(journal, tmp_path):
    arrive(journal, tmp_path)
    assert [study.code for study in journal.in_state("receiving")] == ["s"]
    journal.mark_ready("s")
    run = journal.begin("s")
    assert run == Run("s", 1, "", ("s-1.1",), incomplete=True, earlier=())
    assert journal.finish(run, ["a", "b"], ["x", "y"])
    assert journal.study("s").state == "sending"
    for destination in "xy":
        for result in journal.claim_results(destination):
            assert journal.settle("s") is None
            assert journal.results.seal(result, "sent")
    assert journal.settle("s") == "done"
    assert journal.settle("s") is None, "told once"


def test_records_survive_the_process(journal, tmp_path):
    arrive(journal, tmp_path)
    del journal
    assert Journal(tmp_path / "journal.sqlite").study("s").images == 1


def test_an_object_that_is_not_on_disk_is_not_recorded(journal):
    with pytest.raises(FileNotFoundError):
        journal.receive("s", "uid", "1.1", "nowhere.dcm", True)
    assert journal.study("s") is None


def test_an_image_sent_twice_changes_nothing(journal, tmp_path):
    analyzed(journal, tmp_path, destinations=())
    assert journal.study("s").state == "done"
    again = arrive(journal, tmp_path)
    assert not again.new
    assert not again.reopened
    assert journal.study("s").state == "done"


@pytest.mark.parametrize("state", ["analyzing", "sending", "done", "failed"])
def test_a_late_image_reopens_the_study(journal, tmp_path, state):
    arrive(journal, tmp_path)
    journal.mark_ready("s")
    run = journal.begin("s")
    if state in ("sending", "done"):
        journal.finish(run, ["a"], ["x"] if state == "sending" else [])
    elif state == "failed":
        journal.fail(run, "unreadable")
    assert journal.study("s").state == state
    assert arrive(journal, tmp_path, "1.2").reopened
    assert journal.study("s").state == "receiving"


def test_outdated_results_are_not_recorded(journal, tmp_path):
    arrive(journal, tmp_path)
    journal.mark_ready("s")
    run = journal.begin("s")
    arrive(journal, tmp_path, "1.2")
    assert not journal.finish(run, ["a"], ["x"])
    assert journal.waiting_for() == {}


def test_other_objects_neither_start_nor_repeat_an_analysis(journal, tmp_path):
    arrive(journal, tmp_path, "9.9", is_input=False)
    assert journal.in_state("receiving") == []
    analyzed(journal, tmp_path, destinations=())
    assert not arrive(journal, tmp_path, "9.8", is_input=False).reopened
    assert journal.study("s").state == "done"


def test_a_crashing_analysis_is_tried_three_times(journal, tmp_path):
    arrive(journal, tmp_path)
    journal.mark_ready("s")
    tries = 0
    while run := journal.begin("s", "w"):
        tries += 1
        assert run.attempt == tries
        assert journal.expire_leases("w", "signal 11") == (["s"] if tries < MAX_CRASHES else [])
    assert tries == MAX_CRASHES == 3
    assert (journal.study("s").state, journal.study("s").reason) == ("failed", "signal 11")


def test_a_run_replaces_those_with_fewer_images_and_incomplete_ones(journal, tmp_path):
    def run(image=None):
        """Two runs are incomplete; after the sender has come back, the third one is complete, and so is its repetition."""
        if image:
            arrive(journal, tmp_path, image)
            journal.mark_ready("s")
        else:
            journal.reanalyze("s")
        begun = journal.begin("s")
        journal.finish(begun, [], [])
        return begun.incomplete, begun.earlier

    assert run("1.1") == (True, ())
    assert run("1.2") == (True, (1,))
    assert run() == (True, (1,)), "the same images: not another report"
    assert journal.confirm("s"), "what was whole after all is opened"
    journal.mark_ready("s")
    begun = journal.begin("s")
    assert (begun.incomplete, begun.earlier) == (False, (1, 2, 3))
    journal.finish(begun, [], [])
    assert not journal.confirm("s"), "once"
    assert run() == (False, (1, 2, 3))


def test_an_aborted_repetition_of_known_images_leaves_a_study_complete(journal, tmp_path):
    arrive(journal, tmp_path)
    journal.confirm("s")
    arrive(journal, tmp_path)
    assert not journal.study("s").interrupted


def test_a_study_with_a_refused_image_is_incomplete(journal, tmp_path):
    arrive(journal, tmp_path)
    journal.confirm("s")
    journal.interrupt("s")
    assert journal.study("s").interrupted


def test_a_study_can_be_reanalyzed_by_uid_or_code(journal, tmp_path):
    analyzed(journal, tmp_path, destinations=())
    for name in ("s", "uid-s"):
        assert journal.reanalyze(name) == "s"
        journal.finish(journal.begin("s"), [], [])
    assert journal.study("s").run == 3
    with pytest.raises(TumorscopeError, match="never received"):
        journal.reanalyze("1.2.3.4")


def test_a_refused_result_is_sent_five_times_and_after_the_others(journal, tmp_path):
    analyzed(journal, tmp_path)
    refused, other = journal.claim_results("x")
    assert journal.claim_results("x") == []
    assert journal.results.retry_or_fail(refused, "status C000")
    assert journal.results.release(other)
    for count in range(2, MAX_REFUSALS + 1):
        other, refused = journal.claim_results("x")
        assert (other.file, refused.file) == ("b", "a")
        assert journal.results.retry_or_fail(refused, "status C000") == (count < MAX_REFUSALS)
        journal.results.release(other)
    assert journal.waiting_for() == {"x": 1}
    [other] = journal.claim_results("x")
    assert journal.results.seal(other, "sent")
    assert journal.settle("s") == "failed"


def test_a_result_is_not_sent_before_its_pause_is_over(journal, tmp_path):
    analyzed(journal, tmp_path, files=["a"])
    [result] = journal.claim_results("x")
    assert journal.results.release(result, pause_s=0.3)
    assert journal.claim_results("x") == []
    assert journal.waiting_for() == {"x": 1}
    time.sleep(0.4)
    [again] = journal.claim_results("x")
    assert again.attempt == 2
    assert not journal.results.seal(result, "sent"), "under the earlier claim"


def test_a_journal_of_the_first_version_is_migrated(tmp_path):
    """One study was being analyzed and had crashed twice; another's results are sent, refused and waiting."""
    with sqlite3.connect(tmp_path / "journal.sqlite") as base:
        base.executescript(FIRST_VERSION)
    journal = Journal(tmp_path / "journal.sqlite")
    assert [study.code for study in journal.in_state("analyzing")] == ["a"]
    [held] = journal.held_by(None)
    assert (held.item, held.attempt) == ("a", 3)
    assert journal.release(held)
    run = journal.begin("a", "w")
    assert (run.attempt, run.earlier) == (4, (1,))
    assert journal.expire_leases("w", "signal 11") == [], "the third crash"
    assert journal.waiting_for() == {"x": 1}
    [result] = journal.claim_results("x")
    assert (result.study, result.run, result.file) == ("b", 1, "waiting")
    assert journal.results.seal(result, "sent")
    assert journal.settle("b") == "failed", "one was refused"
    journal.close()
    assert Journal(tmp_path / "journal.sqlite").study("a").reason == "signal 11"


FIRST_VERSION = """
CREATE TABLE studies (
    code TEXT PRIMARY KEY, uid TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT 'receiving',
    interrupted INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
    reason TEXT, first_received REAL NOT NULL, changed REAL NOT NULL
);
CREATE TABLE images (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, uid TEXT NOT NULL,
    file TEXT NOT NULL, input INTEGER NOT NULL, PRIMARY KEY (study, uid)
);
CREATE TABLE results (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, run INTEGER NOT NULL, file TEXT NOT NULL,
    destination TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0, reason TEXT,
    PRIMARY KEY (study, run, file, destination)
);
CREATE TABLE runs (
    study TEXT NOT NULL REFERENCES studies(code) ON DELETE CASCADE, run INTEGER NOT NULL,
    images INTEGER NOT NULL, incomplete INTEGER NOT NULL, PRIMARY KEY (study, run)
);
INSERT INTO studies VALUES ('a', '1.2', 'analyzing', 0, 3, 2, 'signal 11', 1, 2), ('b', '1.3', 'sending', 0, 1, 0, NULL, 1, 2);
INSERT INTO images VALUES ('a', '1.2.1', 'one', 1), ('a', '1.2.2', 'two', 1), ('b', '1.3.1', 'three', 1);
INSERT INTO runs VALUES ('a', 1, 1, 0), ('a', 3, 2, 0), ('b', 1, 1, 0);
INSERT INTO results VALUES
    ('b', 1, 'sent', 'x', 1, 0, NULL), ('b', 1, 'refused', 'x', 0, 5, 'status C000'), ('b', 1, 'waiting', 'x', 0, 1, NULL);
"""


def test_only_settled_studies_are_removed(journal, tmp_path):
    analyzed(journal, tmp_path, destinations=())
    arrive(journal, tmp_path, study="t")
    removed = []
    later = datetime.now(UTC) + timedelta(days=1)
    assert journal.expired(later - timedelta(days=2)) == []
    assert not journal.delete("s", later - timedelta(days=2), lambda: removed.append("s"))
    assert journal.expired(later) == ["s"]
    assert journal.delete("s", later, lambda: removed.append("s"))
    assert not journal.delete("t", later, lambda: removed.append("t"))
    assert removed == ["s"]
    assert journal.study("s") is None
    assert journal.study("t") is not None


def test_a_file_that_is_not_a_journal_is_named(tmp_path):
    (tmp_path / "journal.sqlite").write_bytes(b"something else entirely" * 100)
    with pytest.raises(TumorscopeError, match="not a node's journal"):
        Journal(tmp_path / "journal.sqlite")
