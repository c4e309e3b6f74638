"""The lease of a claim: renewed by a thread until the work is settled."""

from __future__ import annotations

import logging
import os
import threading
import time

from tumorscope.studies.claims import Claim, Claims

log = logging.getLogger(__name__)

HANGING = 70
"""The exit code of a worker whose analysis hung."""
_RENEWALS_PER_LEASE = 4


class WorkerStopped(Exception):
    """The worker must end; what it has claimed waits again."""


class LeaseLost(Exception):
    """Another worker has claimed the row, or it was deleted."""


class LeaseHolder:
    """Renews a claim's lease in a thread, which ends with the ``with`` block, and ends a worker that hangs.

    Args:
        claims: of the table.
        claim: to keep.
        lease_s: how long the claim is valid without renewal.
        longest_s: work that takes longer counts as hung.
        stop: set when the worker must end.
    """

    def __init__(
        self, claims: Claims, claim: Claim, lease_s: float, longest_s: float, stop: threading.Event | None = None
    ) -> None:
        self.lost = threading.Event()
        self._claims = claims
        self._claim = claim
        self._lease_s = lease_s
        self._longest_s = longest_s
        self._stop = stop or threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{claim.item}", daemon=True)

    def __enter__(self) -> LeaseHolder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise if the work must end.

        Raises:
            LeaseLost: the claim is lost.
            WorkerStopped: the worker must end.
        """
        if self.lost.is_set():
            raise LeaseLost
        if self._stop.is_set():
            raise WorkerStopped

    def _renew(self) -> None:
        started = renewed = time.monotonic()
        while not self._over.wait(min(self._lease_s / _RENEWALS_PER_LEASE, self._longest_s)):
            try:
                held = self._claims.renew_lease(self._claim)
                renewed = time.monotonic()
            except Exception:  # of the database, each of which has its own
                held = time.monotonic() - renewed < self._lease_s
            if not held:
                self.lost.set()
                return
            if time.monotonic() - started > self._longest_s:
                self._end_hung_worker()

    def _end_hung_worker(self) -> None:
        """End this process: a thread that hangs in a library cannot be ended otherwise."""
        line = f"the analysis took longer than {self._longest_s:g} s"
        log.error("%s: %s; this worker ends", self._claim.item, line)
        try:
            self._claims.fail(self._claim, line)
        finally:
            os._exit(HANGING)
