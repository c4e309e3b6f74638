"""The state of studies despite interruptions."""

import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.journal import MAX_CRASHES, MAX_REFUSALS, Journal
from tumorscope.dicom_network.records import Run


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.sqlite")


def arrive(journal, tmp_path, image="1.1", study="s", is_input=True):
    (tmp_path / f"{study}-{image}").touch()
    return journal.receive(study, f"uid-{study}", image, f"{study}-{image}", is_input)


def analyzed(journal, tmp_path, files=("a", "b"), destinations=("x",)):
    arrive(journal, tmp_path)
    journal.mark_ready("s")
    run = journal.begin("s").number
    assert journal.finish("s", run, files, destinations)


def test_a_study_goes_from_receiving_to_done(journal, tmp_path):
    arrive(journal, tmp_path)
    assert [study.code for study in journal.in_state("receiving")] == ["s"]
    journal.mark_ready("s")
    assert journal.begin("s") == Run(1, ("s-1.1",), incomplete=True, earlier=())
    assert journal.finish("s", 1, ["a", "b"], ["x", "y"])
    assert journal.study("s").state == "sending"
    for destination in "xy":
        for result in journal.unsent(destination):
            assert journal.settle("s") is None
            journal.sent(result)
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
    run = journal.begin("s").number
    if state in ("sending", "done"):
        journal.finish("s", run, ["a"], ["x"] if state == "sending" else [])
    elif state == "failed":
        journal.fail("s", "unreadable")
    assert journal.study("s").state == state
    assert arrive(journal, tmp_path, "1.2").reopened
    assert journal.study("s").state == "receiving"


def test_outdated_results_are_not_recorded(journal, tmp_path):
    arrive(journal, tmp_path)
    journal.mark_ready("s")
    run = journal.begin("s").number
    arrive(journal, tmp_path, "1.2")
    assert not journal.finish("s", run, ["a"], ["x"])
    assert journal.unsent("x") == []


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
    while journal.begin("s"):
        tries += 1
        assert journal.crash("s", "signal 11") == (tries < MAX_CRASHES)
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
        journal.finish("s", begun.number, [], [])
        return begun.incomplete, begun.earlier

    assert run("1.1") == (True, ())
    assert run("1.2") == (True, (1,))
    assert run() == (True, (1,)), "the same images: not another report"
    assert journal.confirm("s"), "what was whole after all is opened"
    journal.mark_ready("s")
    begun = journal.begin("s")
    assert (begun.incomplete, begun.earlier) == (False, (1, 2, 3))
    journal.finish("s", begun.number, [], [])
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
        run = journal.begin("s").number
        journal.finish("s", run, [], [])
    assert journal.study("s").run == 3
    with pytest.raises(TumorscopeError, match="never received"):
        journal.reanalyze("1.2.3.4")


def test_a_refused_result_is_sent_five_times_and_after_the_others(journal, tmp_path):
    analyzed(journal, tmp_path)
    refused, _ = journal.unsent("x")
    journal.refused(refused, "status C000")
    assert [result.file for result in journal.unsent("x")] == ["b", "a"]
    for count in range(2, MAX_REFUSALS + 1):
        again = next(result for result in journal.unsent("x") if result.file == "a")
        assert journal.refused(again, "status C000") == (count < MAX_REFUSALS)
    assert [result.file for result in journal.unsent("x")] == ["b"]
    journal.sent(journal.unsent("x")[0])
    assert journal.settle("s") == "failed"


def test_only_settled_studies_are_removed(journal, tmp_path):
    analyzed(journal, tmp_path, destinations=())
    arrive(journal, tmp_path, study="t")
    removed = []
    assert journal.settled_before(4e9) == ["s"]
    journal.forget("s", lambda: removed.append("s"))
    journal.forget("t", lambda: removed.append("t"))
    assert removed == ["s"]
    assert journal.study("s") is None
    assert journal.study("t") is not None


def test_a_file_that_is_not_a_journal_is_named(tmp_path):
    (tmp_path / "journal.sqlite").write_bytes(b"something else entirely" * 100)
    with pytest.raises(TumorscopeError, match="not a node's journal"):
        Journal(tmp_path / "journal.sqlite")
