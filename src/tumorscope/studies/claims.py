"""Claims on the rows of a database's table: who works on what, until when, and how often it went wrong.

The service's studies, a DICOM node's studies and results, and the cases of a bulk analysis are such rows. A worker
claims one in a single UPDATE, with a lease and the number of the attempt; whatever it writes later is refused unless
it still holds the row under that number. Another worker may claim a row whose lease has expired. An attempt counts
against the row if it ended badly: reported by :meth:`Claims.retry_or_fail`, or because its lease expired.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """A worker's claim on a row, valid as long as nobody else has claimed it.

    Attributes:
        item: the row's key.
        attempt: increases with every claim of the row; earlier claims are invalid.
        worker: the holder.
    """

    item: Any
    attempt: int
    worker: str


@dataclass(frozen=True)
class Backoff:
    """Pauses between attempts, each twice as long as the one before.

    >>> [Backoff(1, 300).pause_s(failures) for failures in (0, 1, 2, 5, 1000)]
    [0.0, 1.0, 2.0, 16.0, 300.0]
    """

    first_s: float
    longest_s: float

    def pause_s(self, failures: int) -> float:
        """The pause after a number of failures in a row."""
        return float(min(self.first_s * 2 ** min(failures - 1, 30), self.longest_s)) if failures else 0.0


@dataclass(frozen=True)
class ClaimTable:
    """A table with the columns ``state``, ``worker``, ``lease``, ``attempt``, ``tries``, ``failure`` and ``changed``.

    ``lease`` is the time from which anybody may claim the row: the end of its holder's lease, or of the pause before
    the next attempt. ``attempt`` counts all claims, ``tries`` those that ended badly.

    Attributes:
        name, key: of the table and its key.
        states: of rows that wait or are worked on.
        waiting, working: which of these, as SQL expressions.
        also: further assignments when a claim begins or ends.
    """

    name: str
    key: str
    states: tuple[str, ...]
    waiting: str
    working: str
    also: str = ""


class Transaction(Protocol):
    """A transaction that writes."""

    def now(self) -> datetime:
        """The time by the clock that all workers share."""
        ...

    def execute(self, statement: str, /, **values: Any) -> Any:
        """Run a statement with values for its ``:names``; returns an object with ``rowcount`` and ``fetchall()``."""
        ...


class Claims:
    """The claims on the rows of one table.

    Args:
        table: of the rows.
        transaction: opens a transaction, which ends with its ``with`` block.
        limit: a row whose attempts ended badly this often fails.
        lease_s: how long a claim is valid without renewal.

    Attributes:
        unreachable: what a database raises that cannot be used now.
    """

    unreachable: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(
        self,
        table: ClaimTable,
        transaction: Callable[[], AbstractContextManager[Transaction]],
        limit: int,
        lease_s: float = 0,
    ) -> None:
        self._table, self._transaction, self._limit, self.lease_s = table, transaction, limit, lease_s
        self._ended_workers = f"the analysis ended its worker {limit} times; retry it to try again"
        row = f"{table.key} = :item AND {_among(table.states)}"
        self._free = f"{row} AND (lease IS NULL OR lease <= :now)"
        self._held = f"{row} AND attempt = :attempt AND worker = :worker"
        self._also = f", {table.also}" if table.also else ""
        self._ending = f"changed = :now, worker = NULL, lease = :lease{self._also}"

    def claim(self, item: Any, worker: str) -> Claim | None:
        """Claim a row; None if it does not wait or another worker has it.

        A row whose lease has expired as often as allowed fails here.
        """
        with self._transaction() as base:
            return self.claim_within(base, item, worker)

    def claim_within(self, base: Transaction, item: Any, worker: str) -> Claim | None:
        """As :meth:`claim`, in a transaction of the caller."""
        now, table = base.now(), self._table
        spent = f"{self._free} AND worker IS NOT NULL AND tries + 1 >= :limit"
        failed = f"state = 'failed', failure = :reason, tries = tries + 1, {self._ending}"
        given = {"limit": self._limit, "reason": self._ended_workers, "lease": None}
        if self._update(base, failed, spent, item=item, now=now, **given):
            self._ended(base, item)
            return None
        claimed = (
            f"state = {table.working}, changed = :now, worker = :worker, lease = :lease, attempt = attempt + 1, "
            f"tries = tries + CASE WHEN worker IS NULL THEN 0 ELSE 1 END{self._also}"
        )
        if not self._update(
            base, claimed, self._free, item=item, now=now, worker=worker, lease=now + timedelta(seconds=self.lease_s)
        ):
            return None
        attempt = base.execute(f"SELECT attempt FROM {table.name} WHERE {table.key} = :item", item=item)
        return Claim(item, attempt.fetchall()[0][0], worker)

    def renew_lease(self, claim: Claim) -> bool:
        """Extend the lease; False if the claim is lost."""
        with self._transaction() as base:
            return self._update_held(base, claim, "lease = :lease", lease=base.now() + timedelta(seconds=self.lease_s))

    def release(self, claim: Claim, pause_s: float = 0) -> bool:
        """Let the row wait for another attempt, after a pause; this one does not count. False if the claim is lost."""
        with self._transaction() as base:
            return self._end(base, claim, self._table.waiting, pause_s=pause_s)

    def retry_or_fail(self, claim: Claim, reason: str, pause_s: float = 0) -> bool:
        """Record that the attempt ended badly; whether another one follows, after a pause. After the last, the row fails."""
        with self._transaction() as base:
            query = f"SELECT tries FROM {self._table.name} WHERE {self._held}"
            found = base.execute(query, **_identity(claim)).fetchall()
            last = bool(found) and found[0][0] + 1 >= self._limit
            state = "'failed'" if last else self._table.waiting
            return self._end(base, claim, state, reason, 0 if last else pause_s, tries=1) and not last

    def seal(self, claim: Claim, state: str, failure: str | None = None) -> bool:
        """End the work on a row with a final state; False, without a change, if the claim is lost."""
        with self._transaction() as base:
            return self._end(base, claim, f"'{state}'", failure)

    def fail(self, claim: Claim, reason: str) -> bool:
        """Record a failure that another attempt would not mend; False if the claim is lost."""
        return self.seal(claim, "failed", reason)

    def held_by(self, worker: str | None) -> list[Claim]:
        """The claims of a worker, or of all workers."""
        query = f"SELECT {self._table.key}, attempt, worker FROM {self._table.name} WHERE worker IS NOT NULL"
        with self._transaction() as base:
            claims = [Claim(*row) for row in base.execute(query).fetchall()]
        return [claim for claim in claims if worker in (None, claim.worker)]

    def release_all(self, worker: str | None = None) -> list[Any]:
        """Release everything that a worker holds, or that any worker holds; the keys."""
        return [claim.item for claim in self.held_by(worker) if self.release(claim)]

    def expire_leases(self, worker: str, reason: str | None = None) -> list[Any]:
        """End the claims of a worker whose process ended; the keys of the rows that wait again. The attempts count."""
        waiting, reason = [], reason or self._ended_workers
        for claim in self.held_by(worker):
            again = self.retry_or_fail(claim, reason)
            waiting += [claim.item] if again else []
            log.error("%s: %s; %s", claim.item, reason, "will be retried" if again else "failed, not retried")
        return waiting

    def expired(self, moment: datetime) -> list[Any]:
        """The keys of rows that have been done or failed since before a moment."""
        query = f"SELECT {self._table.key} FROM {self._table.name} WHERE {_SETTLED} AND changed < :moment"
        with self._transaction() as base:
            return [key for (key,) in base.execute(query, moment=moment).fetchall()]

    def delete(
        self, item: Any, unchanged_since: datetime | None = None, remove: Callable[[], object] = lambda: None
    ) -> bool:
        """Delete a row, even one that is being worked on; whether it existed.

        Args:
            item: the row's key.
            unchanged_since: delete it only if it has been done or failed since before this moment.
            remove: hides its files; called before the deletion is visible.
        """
        condition, given = f"{self._table.key} = :item", {"item": item}
        if unchanged_since is not None:
            condition, given = f"{condition} AND {_SETTLED} AND changed < :moment", {**given, "moment": unchanged_since}
        with self._transaction() as base:
            existed = base.execute(f"DELETE FROM {self._table.name} WHERE {condition}", **given).rowcount == 1
            if existed:
                remove()
            return existed

    def _reopen(self, base: Transaction, item: Any, states: Sequence[str]) -> bool:
        """Let a row in one of these states wait for its first attempt; whether it was in one of them."""
        change = f"state = {self._table.waiting}, failure = NULL, tries = 0, {self._ending}"
        condition = f"{self._table.key} = :item AND {_among(states)}"
        reopened = self._update(base, change, condition, item=item, now=base.now(), lease=None)
        if reopened:
            self._ended(base, item)
        return reopened

    def _end(
        self,
        base: Transaction,
        claim: Claim,
        state: str,
        failure: str | None = None,
        pause_s: float = 0,
        tries: int = 0,
    ) -> bool:
        """End a claim if it is still valid; whether it was."""
        now = base.now()
        free = now + timedelta(seconds=pause_s) if pause_s else None
        change = f"state = {state}, failure = :failure, tries = tries + :tries, {self._ending}"
        held = self._update_held(base, claim, change, failure=failure, tries=tries, now=now, lease=free)
        if held:
            self._ended(base, claim.item)
        return held

    def _ended(self, base: Transaction, item: Any) -> None:
        """Called in the transaction that ends a claim on a row, or reopens it."""

    def _update_held(self, base: Transaction, claim: Claim, change: str, **values: Any) -> bool:
        """Update a row if the claim is still valid; whether it was."""
        return self._update(base, change, self._held, **values, **_identity(claim))

    def _update(self, base: Transaction, change: str, condition: str, **values: Any) -> bool:
        return base.execute(f"UPDATE {self._table.name} SET {change} WHERE {condition}", **values).rowcount == 1


_SETTLED = "state IN ('done', 'failed')"


def _identity(claim: Claim) -> dict[str, Any]:
    return {"item": claim.item, "attempt": claim.attempt, "worker": claim.worker}


def _among(states: Sequence[str]) -> str:
    return f"state IN ({', '.join(map(repr, states))})"
