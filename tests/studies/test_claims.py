"""Claims with leases, attempts and pauses; the service's tests run the same rules on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tumorscope.studies.claims import Claims, ClaimTable
from tumorscope.studies.sqlite import CLAIM_COLUMNS, SqliteDatabase

TABLE = ClaimTable("cases", "name", ("waiting", "working"), "'waiting'", "'working'", also="step = 0")


class Cases(SqliteDatabase):
    """A table of two cases, and a clock that the test advances."""

    moment = datetime(2026, 1, 2, tzinfo=UTC)

    def now(self):
        return self.moment

    def pass_(self, seconds):
        self.moment += timedelta(seconds=seconds)

    def row(self, name="a"):
        return self.rows("SELECT * FROM cases WHERE name = :name", name=name)[0]

    def state(self, name="a"):
        return self.row(name)["state"]


@pytest.fixture
def base(tmp_path):
    base = Cases(tmp_path / "cases.sqlite")
    columns = f"name TEXT PRIMARY KEY, state TEXT DEFAULT 'waiting', step INTEGER DEFAULT 7, {CLAIM_COLUMNS}"
    base.execute(f"CREATE TABLE cases ({columns})")
    base.execute("INSERT INTO cases (name) VALUES ('a'), ('b')")
    return base


@pytest.fixture
def claims(base):
    return Claims(TABLE, base.transaction, limit=3, lease_s=60)


def test_one_of_many_workers_claims_a_row(claims, base):
    with ThreadPoolExecutor(8) as pool:
        won = [claim for claim in pool.map(lambda number: claims.claim("a", f"w{number}"), range(8)) if claim]
    assert [(claim.item, claim.attempt) for claim in won] == [("a", 1)]
    assert (base.state(), base.row()["worker"], base.row()["step"]) == ("working", won[0].worker, 0)
    assert claims.claim("nothing", "w") is None


def test_a_claim_is_valid_until_another_worker_takes_it_over(claims, base):
    first = claims.claim("a", "w")
    base.pass_(59)
    assert claims.renew_lease(first)
    base.pass_(59)
    assert claims.claim("a", "other") is None
    base.pass_(1)
    second = claims.claim("a", "w")
    assert second.attempt == 2
    for late in (claims.renew_lease, claims.release, lambda claim: claims.seal(claim, "done")):
        assert not late(first)
    assert not claims.fail(first, "late")
    assert not claims.retry_or_fail(first, "late")
    assert (base.state(), base.row()["tries"], base.row()["failure"]) == ("working", 1, None)
    assert claims.seal(second, "done")
    assert base.state() == "done"
    assert claims.claim("a", "w") is None


def test_attempts_that_end_badly_count_and_released_ones_do_not(claims, base):
    for _ in range(5):
        assert claims.release(claims.claim("a", "w"))
    assert claims.retry_or_fail(claims.claim("a", "w"), "first")
    claims.claim("a", "w")
    base.pass_(60)
    third = claims.claim("a", "w")
    assert (third.attempt, base.row()["tries"]) == (8, 2), "the lease that expired counts"
    assert not claims.retry_or_fail(third, "third")
    assert (base.state(), base.row()["failure"]) == ("failed", "third")


def test_a_row_whose_lease_expires_for_the_last_time_fails(claims, base):
    for _ in range(3):
        assert claims.claim("a", "w")
        base.pass_(60)
    assert claims.claim("a", "w") is None
    assert base.state() == "failed"
    assert base.row()["failure"] == "the analysis ended its worker 3 times; retry it to try again"


def test_a_row_waits_for_the_end_of_its_pause(claims, base):
    assert claims.retry_or_fail(claims.claim("a", "w"), "refused", pause_s=10)
    assert base.state() == "waiting"
    base.pass_(9)
    assert claims.claim("a", "w") is None
    base.pass_(1)
    assert claims.claim("a", "w")
    assert base.row()["tries"] == 1, "a pause that is over is not a lease that expired"


def test_the_rows_of_a_worker_that_ended_wait_again(claims, base, caplog):
    lost, other = claims.claim("a", "dead"), claims.claim("b", "alive")
    assert claims.held_by("dead") == [lost]
    assert claims.expire_leases("dead", "ended by signal 9") == ["a"]
    assert "a: ended by signal 9; will be retried" in caplog.text
    assert not claims.seal(lost, "done")
    assert claims.release_all() == ["b"]
    assert not claims.seal(other, "done")
    assert (base.state("a"), base.row("a")["tries"], base.row("b")["tries"]) == ("waiting", 1, 0)


def test_a_row_in_use_is_not_deleted_for_its_age(claims, base):
    claims.claim("a", "w")
    claims.seal(claims.claim("b", "w"), "done")
    later = base.moment + timedelta(seconds=1)
    assert claims.expired(base.moment) == []
    assert claims.expired(later) == ["b"]
    removed = []
    assert not claims.delete("a", later, lambda: removed.append("a"))
    assert claims.delete("b", later, lambda: removed.append("b"))
    assert claims.delete("a", remove=lambda: removed.append("a"))
    assert removed == ["b", "a"]
