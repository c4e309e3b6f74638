"""Where a study stands, whoever asks at the same time; on SQLite and on PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tumorscope.errors import TumorscopeError
from tumorscope.service.catalogue import Catalogue
from tumorscope.service.errors import Conflict, UnknownStudy
from tumorscope.service.records import NewStudy, new_id

SUMMARY = {"judged": True, "lesions": 2, "volume_mm3": None, "sequences": ["flair"]}


class Clock:
    """Stands still until it is told."""

    def __init__(self):
        self.moment = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)

    def __call__(self):
        return self.moment

    def pass_(self, **duration):
        self.moment += timedelta(**duration)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def catalogue(database, clock):
    opened = Catalogue(database, lease_s=60, attempts=3, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def study(catalogue):
    return catalogue.create(new_id(), "case", "auto").id


def analysed(catalogue, study):
    assert catalogue.finish(catalogue.claim(study, "w"), SUMMARY)


def test_a_study_goes_from_queued_to_done(catalogue, clock, study):
    assert (catalogue.get(study).state, catalogue.get(study).revision) == ("queued", 0)
    claim = catalogue.claim(study, "w")
    assert (claim.study, claim.revision, claim.kind, claim.base) == (study, 1, "analysis", 0)
    assert catalogue.progress(claim, "reading", 3, 9)
    reading = catalogue.get(study)
    assert (reading.state, reading.stage, reading.done, reading.total) == ("analysing", "reading", 3, 9)
    clock.pass_(seconds=5)
    assert catalogue.finish(claim, SUMMARY)
    done = catalogue.get(study)
    assert (done.state, done.stage, done.revision, done.summary) == ("done", None, 1, SUMMARY)
    assert done.changed - done.created == timedelta(seconds=5)
    assert done.created == datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "to the microsecond, and in UTC"
    assert [(each.number, each.state) for each in catalogue.revisions(study)] == [(1, "done")]


def test_what_was_entered_survives_the_process(catalogue, database, study):
    catalogue.close()
    assert Catalogue(database).get(study).state == "queued"


def test_one_of_many_who_reach_for_a_study_gets_it(catalogue, study):
    start = threading.Barrier(8)

    def reach(number):
        start.wait()
        return catalogue.claim(study, f"w{number}")

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for claim in pool.map(reach, range(8)) if claim]
    assert len(claims) == 1
    assert catalogue.finish(claims[0], SUMMARY)


def test_a_claim_that_is_renewed_cannot_be_taken(catalogue, clock, study):
    claim = catalogue.claim(study, "a")
    for _ in range(5):
        clock.pass_(seconds=50)
        assert catalogue.beat(claim)
        assert catalogue.claim(study, "b") is None


def test_who_lost_the_claim_is_not_heard_any_more(catalogue, clock, study):
    old = catalogue.claim(study, "a")
    clock.pass_(seconds=61)
    new = catalogue.claim(study, "a")
    assert new.attempt == old.attempt + 1
    assert not catalogue.beat(old)
    assert not catalogue.progress(old, "writing", 9, 9)
    assert not catalogue.fail(old, "no")
    assert not catalogue.give_back(old)
    assert not catalogue.finish(old, {"whose": "old"})
    assert catalogue.get(study).state == "analysing"
    assert catalogue.finish(new, SUMMARY)
    assert not catalogue.finish(old, {"whose": "old"}), "nor after the end"
    assert catalogue.get(study).summary == SUMMARY


def test_a_study_that_ends_its_worker_three_times_has_failed_and_says_so(catalogue, clock, study):
    for attempt in (1, 2, 3):
        assert catalogue.claim(study, "w").attempt == attempt
        clock.pass_(seconds=61)
    assert catalogue.to_queue(clock()) == [study]
    assert catalogue.claim(study, "w") is None
    failed = catalogue.get(study)
    assert (failed.state, failed.failure) == (
        "failed",
        "the analysis ended its worker 3 times; ask for it again to try once more",
    )
    assert catalogue.revisions(study)[0].state == "failed"
    assert catalogue.to_queue(clock() + timedelta(days=1)) == []


def test_what_is_given_back_does_not_count_against_the_study(catalogue, study):
    for _ in range(10):
        assert catalogue.give_back(catalogue.claim(study, "w"))
        assert catalogue.get(study).state == "queued"
    catalogue.claim(study, "w")
    catalogue.claim(catalogue.create(new_id(), "other", "auto").id, "other")
    assert catalogue.give_back_all("w") == [study]


def test_what_a_dead_worker_held_may_be_taken_at_once(catalogue, study):
    other = catalogue.create(new_id(), "other", "auto").id
    old, held = catalogue.claim(study, "dead"), catalogue.claim(other, "alive")
    assert catalogue.release("dead") == [study]
    assert catalogue.claim(other, "new") is None
    new = catalogue.claim(study, "new")
    assert not catalogue.finish(old, {})
    assert catalogue.finish(new, SUMMARY)
    assert catalogue.finish(held, SUMMARY)


def test_a_study_that_is_to_be_fetched_says_so_until_its_files_are_there(catalogue, clock):
    study = catalogue.create(new_id(), "study-1a2b", "auto", fetch="https://archive.example/studies/1.2").id
    assert catalogue.get(study).state == "fetching"
    clock.pass_(seconds=30)
    assert catalogue.to_queue(clock()) == [study]
    claim = catalogue.claim(study, "w")
    assert claim.fetch == "https://archive.example/studies/1.2"
    assert catalogue.claim(study, "w2") is None
    assert catalogue.get(study).state == "fetching"
    assert catalogue.give_back(claim)
    assert catalogue.get(study).state == "fetching"
    claim = catalogue.claim(study, "w")
    assert catalogue.fail(claim, "no connection")
    assert catalogue.retry(study).state == "fetching"
    claim = catalogue.claim(study, "w")
    assert catalogue.fetched(claim)
    assert catalogue.get(study).state == "analysing"
    clock.pass_(seconds=61)
    assert catalogue.claim(study, "w").fetch is None, "not fetched twice"


def test_a_failed_study_can_be_asked_for_again(catalogue, study):
    with pytest.raises(Conflict, match="only a study that has failed"):
        catalogue.retry(study)
    catalogue.fail(catalogue.claim(study, "w"), "x.png: not a picture")
    assert catalogue.get(study).failure == "x.png: not a picture"
    again = catalogue.retry(study)
    assert (again.state, again.failure) == ("queued", None)
    analysed(catalogue, study)
    with pytest.raises(UnknownStudy):
        catalogue.retry(new_id())


def test_an_edit_is_a_new_revision_and_its_outline_is_in_place_before_it_is_seen(catalogue, study):
    analysed(catalogue, study)
    seen = []
    assert catalogue.request_edit(study, 1, seen.append) == 2
    assert seen == [2]
    assert (catalogue.get(study).state, catalogue.get(study).revision) == ("queued", 1)
    claim = catalogue.claim(study, "w")
    assert (claim.revision, claim.kind, claim.base) == (2, "edit", 1)
    assert catalogue.finish(claim, {"lesions": 1})
    assert (catalogue.get(study).revision, catalogue.get(study).summary) == (2, {"lesions": 1})
    assert [(each.number, each.kind) for each in catalogue.revisions(study)] == [(1, "analysis"), (2, "edit")]


def test_an_edit_whose_outline_cannot_be_put_in_place_was_never_asked_for(catalogue, study):
    analysed(catalogue, study)

    def full(_number):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        catalogue.request_edit(study, 1, full)
    assert catalogue.get(study).state == "done"
    assert len(catalogue.revisions(study)) == 1


def test_of_two_who_edit_the_same_revision_the_second_is_told(catalogue, study):
    with pytest.raises(Conflict, match="being worked on"):
        catalogue.request_edit(study, 1)
    analysed(catalogue, study)
    for wrong in (0, 2, -1):
        with pytest.raises(Conflict, match="revision 1 is the newest"):
            catalogue.request_edit(study, wrong)
    start = threading.Barrier(4)

    def save(_):
        start.wait()
        try:
            return catalogue.request_edit(study, 1)
        except Conflict:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(filter(None, pool.map(save, range(4)))) == [2]
    analysed(catalogue, study)
    with pytest.raises(Conflict, match="revision 2 is the newest"):
        catalogue.request_edit(study, 1)
    with pytest.raises(UnknownStudy):
        catalogue.request_edit(new_id(), 1)


def test_after_an_edit_that_failed_the_revision_before_can_be_edited_again(catalogue, study):
    analysed(catalogue, study)
    catalogue.request_edit(study, 1)
    catalogue.fail(catalogue.claim(study, "w"), "broken")
    assert (catalogue.get(study).state, catalogue.get(study).revision) == ("failed", 1)
    assert catalogue.request_edit(study, 1) == 3, "a number is given once"
    assert [each.state for each in catalogue.revisions(study)] == ["done", "failed", "queued"]


def test_an_upload_that_is_repeated_brings_nothing_new(catalogue):
    entries = [NewStudy(new_id(), f"case {number}") for number in range(3)]
    assert [study.name for study in catalogue.create_all(entries, upload="key")] == ["case 0", "case 1", "case 2"]
    with pytest.raises(Conflict, match="taken before"):
        catalogue.create_all([NewStudy(new_id(), "case 0")], upload="key")
    assert [study.id for study in catalogue.uploaded("key")] == [entry.id for entry in entries]
    assert catalogue.uploaded("another") == []
    assert catalogue.page().total == 3


def test_an_upload_is_entered_whole_or_not_at_all(catalogue, study):
    with pytest.raises(Conflict):
        catalogue.create_all([NewStudy(new_id(), "new"), NewStudy(study, "taken")])
    assert catalogue.page().total == 1


def test_pages_follow_each_other_newest_first_whatever_comes_or_goes(catalogue, clock):
    made = []
    for number in range(7):
        clock.pass_(seconds=number // 2)  # some at the same moment
        made.append(catalogue.create(new_id(), f"case {number}", "auto").id)
    first = catalogue.page(limit=3)
    assert (len(first.studies), first.total) == (3, 7)
    catalogue.delete(first.studies[-1].id)
    clock.pass_(seconds=1)
    catalogue.create(new_id(), "came meanwhile", "auto")
    second = catalogue.page(limit=3, after=first.next)
    third = catalogue.page(limit=3, after=second.next)
    seen = [study.id for page in (first, second, third) for study in page.studies]
    assert sorted(seen) == sorted(made)
    assert [study.created for study in (*first.studies, *second.studies, *third.studies)] == sorted(
        (catalogue.get(each) or first.studies[-1]).created for each in made
    )[::-1]
    assert third.next is None
    with pytest.raises(TumorscopeError, match="after"):
        catalogue.page(after="'; DROP TABLE studies")


def test_search_finds_part_of_a_name_and_takes_every_sign_for_itself(catalogue):
    names = ["Glioma 100%", "glioma_b", "other"]
    ids = [catalogue.create(new_id(), name, "auto").id for name in names]
    catalogue.claim(ids[1], "w")

    def found(**query):
        return {study.name for study in catalogue.page(**query).studies}

    assert found(search="GLIO") == {"Glioma 100%", "glioma_b"}
    assert found(search="%") == {"Glioma 100%"}
    assert found(search="_") == {"glioma_b"}
    assert found(search=ids[2]) == {"other"}
    assert found(states=["analysing"]) == {"glioma_b"}
    assert found(search="o", states=["queued", "done"]) == {"Glioma 100%", "other"}
    assert catalogue.counts() == {"fetching": 0, "queued": 2, "analysing": 1, "done": 0, "failed": 0}
    assert catalogue.ids() == set(ids)


def test_only_what_is_settled_and_old_expires(catalogue, clock, study):
    analysed(catalogue, study)
    waiting = catalogue.create(new_id(), "waiting", "auto").id
    clock.pass_(days=31)
    before = clock() - timedelta(days=30)
    assert catalogue.expired(before) == [study]
    catalogue.request_edit(study, 1)
    assert not catalogue.delete(study, unchanged_since=before), "someone works on it again"
    assert not catalogue.delete(waiting, unchanged_since=before)
    analysed(catalogue, study)
    assert catalogue.expired(before) == []


def test_a_deleted_study_is_gone_for_everyone(catalogue, study):
    claim = catalogue.claim(study, "w")
    assert catalogue.delete(study)
    assert not catalogue.delete(study)
    assert not catalogue.beat(claim)
    assert not catalogue.finish(claim, SUMMARY)
    assert catalogue.get(study) is None
    assert catalogue.revisions(study) == []
    assert catalogue.claim(study, "w") is None


def test_what_waits_for_long_and_what_was_abandoned_is_to_be_queued(catalogue, clock, study):
    assert catalogue.to_queue(clock()) == []
    clock.pass_(seconds=20)
    assert catalogue.to_queue(clock() - timedelta(seconds=10)) == [study]
    catalogue.claim(study, "w")
    clock.pass_(seconds=59)
    assert catalogue.to_queue(clock()) == []
    clock.pass_(seconds=1)
    assert catalogue.to_queue(clock() - timedelta(days=1)) == [study]


def test_many_threads_write_at_once_and_nothing_is_lost(catalogue):
    def live(number):
        study = catalogue.create(new_id(), f"case {number}", "auto").id
        claim = catalogue.claim(study, f"w{number}")
        for step in range(5):
            assert catalogue.progress(claim, "analysing", step, 5)
            assert catalogue.page(limit=5).studies
        return catalogue.finish(claim, SUMMARY)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(live, range(24)))
    assert catalogue.counts()["done"] == 24


def test_without_a_clock_of_its_own_time_is_the_databases(database):
    catalogue = Catalogue(database)
    assert abs(catalogue.now() - datetime.now(UTC)) < timedelta(seconds=30)
    assert catalogue.now().tzinfo is UTC
    assert catalogue.trouble() is None
    catalogue.close()
