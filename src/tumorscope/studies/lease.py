"""The work on a claimed row, under a lease that a thread renews."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from tumorscope.core.faults import failure_reason
from tumorscope.studies.claims import Claim, Claims

log = logging.getLogger(__name__)

Outcome = Literal["done", "failed", "released", "lost"]
HANGING = 70
"""The exit code of a worker whose analysis hung."""
_RENEWALS_PER_LEASE = 4
_PROGRESS_INTERVAL_S = 0.25
"""Progress within a stage is recorded no more often than this."""


class WorkerStopped(Exception):
    """The worker must end; what it has claimed waits again."""


class LeaseLost(Exception):
    """Another worker has claimed the row, or it was deleted."""


class LeaseHolder:
    """Renews a claim's lease in a thread, which ends with the ``with`` block, and ends a worker that hangs.

    Args:
        claims: of the table.
        claim: to keep.
        longest_s: work that takes longer counts as hung.
        stop: set when the worker must end.
        record: records a stage, what is done, and the total; False if the claim is lost.
    """

    def __init__(
        self,
        claims: Claims,
        claim: Claim,
        longest_s: float,
        stop: threading.Event | None = None,
        record: Callable[[str, int, int], bool] = lambda stage, done, total: True,
    ) -> None:
        self._claims, self._claim, self._longest_s, self._record = claims, claim, longest_s, record
        self._stop = stop or threading.Event()
        self._lost, self._over = threading.Event(), threading.Event()
        self._stage, self._reported = "", 0.0
        self._thread = threading.Thread(target=self._renew, name=f"lease-{claim.item}", daemon=True)

    def __enter__(self) -> LeaseHolder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def work(self, make: Callable[[], bool], reason: Callable[[Exception], str] = failure_reason) -> Outcome:
        """Do the work and record a failure.

        Args:
            make: does it and seals the row; False if the claim is lost.
            reason: of a failure, in one line for the user.

        Raises:
            Exception: the database cannot be used; the lease expires, and another attempt follows.
        """
        try:
            return "done" if make() else "lost"
        except LeaseLost:
            return "lost"
        except WorkerStopped:
            return "released" if self._claims.release(self._claim) else "lost"
        except self._claims.unreachable:
            raise
        except Exception as error:
            return "failed" if self._claims.fail(self._claim, reason(error)) else "lost"

    def check(self) -> None:
        """Raise if the work must end.

        Raises:
            LeaseLost: the claim is lost.
            WorkerStopped: the worker must end.
        """
        if self._lost.is_set():
            raise LeaseLost
        if self._stop.is_set():
            raise WorkerStopped

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Record progress: a new stage at once, steps within a stage a few times per second.

        Raises:
            LeaseLost, WorkerStopped: as :meth:`check`.
        """
        self.check()
        now = time.monotonic()
        if stage == self._stage and now - self._reported < _PROGRESS_INTERVAL_S and done < total:
            return
        self._stage, self._reported = stage, now
        with suppress(*self._claims.unreachable):  # the renewing thread decides whether the lease still holds
            if not self._record(stage, done, total):
                raise LeaseLost

    def _renew(self) -> None:
        lease_s = self._claims.lease_s
        started = renewed = time.monotonic()
        while not self._over.wait(min(lease_s / _RENEWALS_PER_LEASE, self._longest_s)):
            try:
                held = not self._lost.is_set() and self._claims.renew_lease(self._claim)
                renewed = time.monotonic()
            except self._claims.unreachable:
                held = time.monotonic() - renewed < lease_s
            if not held:
                self._lost.set()
            if time.monotonic() - started > self._longest_s:  # also work whose claim is lost
                self._end_hung_worker()

    def _end_hung_worker(self) -> None:
        """End this process: a thread that hangs in a library cannot be ended otherwise."""
        line = f"the analysis took longer than {self._longest_s:g} s"
        log.error("%s: %s; this worker ends", self._claim.item, line)
        try:
            self._claims.fail(self._claim, line)
        finally:
            os._exit(HANGING)
