"""The state of studies under concurrent access, on SQLite and on PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import NewStudy, new_id
from tumorscope.service.request_errors import Conflict, UnknownStudy

SUMMARY = {"input_rejected": None, "lesions": 2, "volume_mm3": None, "sequences": ["flair"]}


class Clock:
    """A clock that the test advances."""

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
def catalog(database, clock):
    opened = Catalog(database, lease_s=60, attempts=3, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def study(catalog):
    return catalog.create(new_id(), "case", "auto").id


def analyzed(catalog, study):
    assert catalog.finish(catalog.claim(study, "w"), SUMMARY)


def test_a_study_goes_from_queued_to_done(catalog, clock, study):
    assert (catalog.get(study).state, catalog.get(study).revision) == ("queued", 0)
    claim = catalog.claim(study, "w")
    assert (claim.study, claim.revision, claim.kind, claim.base) == (study, 1, "analysis", 0)
    assert catalog.progress(claim, "reading", 3, 9)
    reading = catalog.get(study)
    assert (reading.state, reading.stage, reading.done, reading.total) == ("analyzing", "reading", 3, 9)
    clock.pass_(seconds=5)
    assert catalog.finish(claim, SUMMARY)
    done = catalog.get(study)
    assert (done.state, done.stage, done.revision, done.summary) == ("done", None, 1, SUMMARY)
    assert done.changed - done.created == timedelta(seconds=5)
    assert done.created == datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "to the microsecond, and in UTC"
    assert [(each.number, each.state) for each in catalog.revisions(study)] == [(1, "done")]


def test_a_waiting_study_tells_how_many_are_ahead(catalog, clock, study):
    clock.pass_(seconds=1)
    trio = [each.id for each in catalog.create_all([NewStudy(new_id(), name, "auto") for name in "abc"], upload="trio")]
    clock.pass_(seconds=1)
    last = catalog.create(new_id(), "last", "auto")
    assert last.ahead == 4
    ahead = {each.id: each.ahead for each in catalog.page().studies}
    assert [ahead[each] for each in (study, *trio, last.id)] == [0, 1, 2, 3, 4]  # in the order of the upload
    analyzed(catalog, study)
    catalog.claim(trio[1], "w")  # out of turn: it is worked on, so everything waits for it
    assert [catalog.get(each).ahead for each in (study, *trio, last.id)] == [None, 1, None, 2, 3]


def test_records_survive_the_process(catalog, database, study):
    catalog.close()
    assert Catalog(database).get(study).state == "queued"


def test_one_of_many_workers_claims_a_study(catalog, study):
    start = threading.Barrier(8)

    def reach(number):
        start.wait()
        return catalog.claim(study, f"w{number}")

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for claim in pool.map(reach, range(8)) if claim]
    assert len(claims) == 1
    assert catalog.finish(claims[0], SUMMARY)


def test_a_renewed_claim_cannot_be_taken_over(catalog, clock, study):
    claim = catalog.claim(study, "a")
    for _ in range(5):
        clock.pass_(seconds=50)
        assert catalog.renew_lease(claim)
        assert catalog.claim(study, "b") is None


def test_updates_with_a_lost_claim_are_rejected(catalog, clock, study):
    old = catalog.claim(study, "a")
    clock.pass_(seconds=61)
    new = catalog.claim(study, "a")
    assert new.attempt == old.attempt + 1
    assert not catalog.renew_lease(old)
    assert not catalog.progress(old, "writing", 9, 9)
    assert not catalog.fail(old, "no")
    assert not catalog.release(old)
    assert not catalog.finish(old, {"whose": "old"})
    assert catalog.get(study).state == "analyzing"
    assert catalog.finish(new, SUMMARY)
    assert not catalog.finish(old, {"whose": "old"}), "nor after the end"
    assert catalog.get(study).summary == SUMMARY


def test_a_study_that_ends_three_workers_fails(catalog, clock, study):
    for attempt in (1, 2, 3):
        assert catalog.claim(study, "w").attempt == attempt
        clock.pass_(seconds=61)
    assert catalog.overdue(clock()) == [study]
    assert catalog.claim(study, "w") is None
    failed = catalog.get(study)
    assert (failed.state, failed.failure) == (
        "failed",
        "the analysis ended its worker 3 times; retry it to try again",
    )
    assert catalog.revisions(study)[0].state == "failed"
    assert catalog.overdue(clock() + timedelta(days=1)) == []


def test_a_released_study_does_not_lose_an_attempt(catalog, study):
    for _ in range(10):
        assert catalog.release(catalog.claim(study, "w"))
        assert catalog.get(study).state == "queued"
    catalog.claim(study, "w")
    catalog.claim(catalog.create(new_id(), "other", "auto").id, "other")
    assert catalog.release_all("w") == [study]


def test_the_lease_of_a_dead_worker_can_be_expired(catalog, study):
    other = catalog.create(new_id(), "other", "auto").id
    old, held = catalog.claim(study, "dead"), catalog.claim(other, "alive")
    assert catalog.expire_leases("dead") == [study]
    assert catalog.claim(other, "new") is None
    new = catalog.claim(study, "new")
    assert not catalog.finish(old, {})
    assert catalog.finish(new, SUMMARY)
    assert catalog.finish(held, SUMMARY)


def test_a_study_is_fetching_until_its_files_are_complete(catalog, clock):
    study = catalog.create(new_id(), "study-1a2b", "auto", fetch="https://archive.example/studies/1.2").id
    assert catalog.get(study).state == "fetching"
    clock.pass_(seconds=30)
    assert catalog.overdue(clock()) == [study]
    claim = catalog.claim(study, "w")
    assert claim.fetch == "https://archive.example/studies/1.2"
    assert catalog.claim(study, "w2") is None
    assert catalog.get(study).state == "fetching"
    assert catalog.release(claim)
    assert catalog.get(study).state == "fetching"
    claim = catalog.claim(study, "w")
    assert catalog.fail(claim, "no connection")
    assert catalog.retry(study).state == "fetching"
    claim = catalog.claim(study, "w")
    assert catalog.fetched(claim)
    assert catalog.get(study).state == "analyzing"
    clock.pass_(seconds=61)
    assert catalog.claim(study, "w").fetch is None, "not fetched twice"


def test_a_failed_study_can_be_retried(catalog, study):
    with pytest.raises(Conflict, match="only a failed study"):
        catalog.retry(study)
    catalog.fail(catalog.claim(study, "w"), "x.png: not an image")
    assert catalog.get(study).failure == "x.png: not an image"
    again = catalog.retry(study)
    assert (again.state, again.failure) == ("queued", None)
    analyzed(catalog, study)
    with pytest.raises(UnknownStudy):
        catalog.retry(new_id())


def test_what_a_retry_changes_is_stored_first_and_only_for_a_failed_study(catalog, study):
    seen = []
    with pytest.raises(Conflict):
        catalog.retry(study, lambda: seen.append("too early"))
    catalog.fail(catalog.claim(study, "w"), "damaged")
    with pytest.raises(ZeroDivisionError):
        catalog.retry(study, lambda: 1 / 0)
    assert catalog.get(study).failure == "damaged"
    catalog.retry(study, lambda: seen.append(catalog.get(study).state))
    assert seen == ["failed"], "stored before others see it queued"
    assert catalog.get(study).state == "queued"


def test_an_edit_is_a_new_revision_whose_mask_is_stored_first(catalog, study):
    analyzed(catalog, study)
    seen = []
    assert catalog.request_edit(study, 1, seen.append) == 2
    assert seen == [2]
    assert (catalog.get(study).state, catalog.get(study).revision) == ("queued", 1)
    claim = catalog.claim(study, "w")
    assert (claim.revision, claim.kind, claim.base) == (2, "edit", 1)
    assert catalog.finish(claim, {"lesions": 1})
    assert (catalog.get(study).revision, catalog.get(study).summary) == (2, {"lesions": 1})
    assert [(each.number, each.kind) for each in catalog.revisions(study)] == [(1, "analysis"), (2, "edit")]


def test_an_edit_whose_mask_cannot_be_stored_is_not_recorded(catalog, study):
    analyzed(catalog, study)

    def full(_number):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        catalog.request_edit(study, 1, full)
    assert catalog.get(study).state == "done"
    assert len(catalog.revisions(study)) == 1


def test_the_second_edit_of_a_revision_is_a_conflict(catalog, study):
    with pytest.raises(Conflict, match="being analyzed"):
        catalog.request_edit(study, 1)
    analyzed(catalog, study)
    for wrong in (0, 2, -1):
        with pytest.raises(Conflict, match="revision 1 is the newest"):
            catalog.request_edit(study, wrong)
    start = threading.Barrier(4)

    def save(_):
        start.wait()
        try:
            return catalog.request_edit(study, 1)
        except Conflict:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(filter(None, pool.map(save, range(4)))) == [2]
    analyzed(catalog, study)
    with pytest.raises(Conflict, match="revision 2 is the newest"):
        catalog.request_edit(study, 1)
    with pytest.raises(UnknownStudy):
        catalog.request_edit(new_id(), 1)


def test_after_a_failed_edit_the_previous_revision_can_be_edited(catalog, study):
    analyzed(catalog, study)
    catalog.request_edit(study, 1)
    catalog.fail(catalog.claim(study, "w"), "broken")
    assert (catalog.get(study).state, catalog.get(study).revision) == ("failed", 1)
    assert catalog.request_edit(study, 1) == 3, "a number is given once"
    assert [each.state for each in catalog.revisions(study)] == ["done", "failed", "queued"]


def test_a_repeated_upload_creates_nothing(catalog):
    entries = [NewStudy(new_id(), f"case {number}") for number in range(3)]
    assert [study.name for study in catalog.create_all(entries, upload="key")] == ["case 0", "case 1", "case 2"]
    with pytest.raises(Conflict, match="received before"):
        catalog.create_all([NewStudy(new_id(), "case 0")], upload="key")
    assert [study.id for study in catalog.uploaded("key")] == [entry.id for entry in entries]
    assert catalog.uploaded("another") == []
    assert catalog.page().total == 3


def test_an_upload_is_recorded_completely_or_not_at_all(catalog, study):
    with pytest.raises(Conflict):
        catalog.create_all([NewStudy(new_id(), "new"), NewStudy(study, "taken")])
    assert catalog.page().total == 1


def test_pages_are_consistent_while_studies_are_added_or_deleted(catalog, clock):
    made = []
    for number in range(7):
        clock.pass_(seconds=number // 2)  # some at the same moment
        made.append(catalog.create(new_id(), f"case {number}", "auto").id)
    first = catalog.page(limit=3)
    assert (len(first.studies), first.total) == (3, 7)
    catalog.delete(first.studies[-1].id)
    clock.pass_(seconds=1)
    catalog.create(new_id(), "came meanwhile", "auto")
    second = catalog.page(limit=3, after=first.next)
    third = catalog.page(limit=3, after=second.next)
    seen = [study.id for page in (first, second, third) for study in page.studies]
    assert sorted(seen) == sorted(made)
    assert [study.created for study in (*first.studies, *second.studies, *third.studies)] == sorted(
        (catalog.get(each) or first.studies[-1]).created for each in made
    )[::-1]
    assert third.next is None
    with pytest.raises(TumorscopeError, match="after"):
        catalog.page(after="'; DROP TABLE studies")


def test_search_matches_part_of_a_name_literally(catalog):
    names = ["Glioma 100%", "glioma_b", "other"]
    ids = [catalog.create(new_id(), name, "auto").id for name in names]
    catalog.claim(ids[1], "w")

    def found(**query):
        return {study.name for study in catalog.page(**query).studies}

    assert found(search="GLIO") == {"Glioma 100%", "glioma_b"}
    assert found(search="%") == {"Glioma 100%"}
    assert found(search="_") == {"glioma_b"}
    assert found(search=ids[2]) == {"other"}
    assert found(states=["analyzing"]) == {"glioma_b"}
    assert found(search="o", states=["queued", "done"]) == {"Glioma 100%", "other"}
    assert catalog.counts() == {"fetching": 0, "queued": 2, "analyzing": 1, "done": 0, "failed": 0}
    assert catalog.ids() == set(ids)


def test_only_old_settled_studies_expire(catalog, clock, study):
    analyzed(catalog, study)
    waiting = catalog.create(new_id(), "waiting", "auto").id
    clock.pass_(days=31)
    before = clock() - timedelta(days=30)
    assert catalog.expired(before) == [study]
    catalog.request_edit(study, 1)
    assert not catalog.delete(study, unchanged_since=before), "someone works on it again"
    assert not catalog.delete(waiting, unchanged_since=before)
    analyzed(catalog, study)
    assert catalog.expired(before) == []


def test_a_deleted_study_is_gone(catalog, study):
    claim = catalog.claim(study, "w")
    assert catalog.delete(study)
    assert not catalog.delete(study)
    assert not catalog.renew_lease(claim)
    assert not catalog.finish(claim, SUMMARY)
    assert catalog.get(study) is None
    assert catalog.revisions(study) == []
    assert catalog.claim(study, "w") is None


def test_waiting_and_abandoned_studies_are_overdue(catalog, clock, study):
    assert catalog.overdue(clock()) == []
    clock.pass_(seconds=20)
    assert catalog.overdue(clock() - timedelta(seconds=10)) == [study]
    catalog.claim(study, "w")
    clock.pass_(seconds=59)
    assert catalog.overdue(clock()) == []
    clock.pass_(seconds=1)
    assert catalog.overdue(clock() - timedelta(days=1)) == [study]


def test_concurrent_writes_lose_nothing(catalog):
    def live(number):
        study = catalog.create(new_id(), f"case {number}", "auto").id
        claim = catalog.claim(study, f"w{number}")
        for step in range(5):
            assert catalog.progress(claim, "analyzing", step, 5)
            assert catalog.page(limit=5).studies
        return catalog.finish(claim, SUMMARY)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(live, range(24)))
    assert catalog.counts()["done"] == 24


def test_by_default_time_is_that_of_the_database(database):
    catalog = Catalog(database)
    assert abs(catalog.now() - datetime.now(UTC)) < timedelta(seconds=30)
    assert catalog.now().tzinfo is UTC
    assert catalog.problem() is None
    catalog.close()
