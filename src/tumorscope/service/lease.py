"""The lease of a claimed study: renewed by a thread until the study is settled."""

from __future__ import annotations

import logging
import os
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.service.catalog import Catalog
from tumorscope.service.records import Claim
from tumorscope.service.settings import ServiceSettings

log = logging.getLogger(__name__)

HANGING = 70
"""The exit code of a worker whose analysis hung."""
_PROGRESS_INTERVAL_S = 0.25
"""Progress within a stage is recorded no more often than this."""
_RENEWALS_PER_LEASE = 4


class WorkerStopped(Exception):
    """The worker must end; its study goes back to the queue."""


class LeaseLost(Exception):
    """Another worker has claimed the study, or the study was deleted."""


class LeaseHolder:
    """Renews a claim's lease in a thread and records the progress of the work.

    A context manager; the thread ends with the block.

    Args:
        catalog: of the service.
        claim: the claim to keep.
        settings: with the length of the lease and of the longest analysis.
        stop: set when the worker must end.
    """

    def __init__(self, catalog: Catalog, claim: Claim, settings: ServiceSettings, stop: threading.Event) -> None:
        self.catalog = catalog
        self.claim = claim
        self._settings = settings
        self._stop = stop
        self._lost = threading.Event()
        self._over = threading.Event()
        self._stage: str | None = None
        self._reported = 0.0
        self._thread = threading.Thread(target=self._renew, name=f"lease-{claim.study}", daemon=True)

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
        try:
            held = self.catalog.progress(self.claim, stage, done, total)
        except SQLAlchemyError:  # the renewing thread decides whether the lease still holds
            return
        if not held:
            self._lost.set()
            raise LeaseLost

    def _renew(self) -> None:
        started = renewed = time.monotonic()
        while not self._over.wait(self._settings.lease_s / _RENEWALS_PER_LEASE):
            try:
                held = self.catalog.renew_lease(self.claim)
                renewed = time.monotonic()
            except SQLAlchemyError:
                held = time.monotonic() - renewed < self._settings.lease_s
            if not held:
                self._lost.set()
                return
            if time.monotonic() - started > self._settings.longest_analysis_s:
                self._end_hung_worker()

    def _end_hung_worker(self) -> None:
        """End this process: a thread that hangs in a library cannot be ended otherwise."""
        line = f"the analysis took longer than {self._settings.longest_analysis_s:g} s"
        log.error("%s: %s; this worker ends", self.claim.study, line)
        try:
            self.catalog.fail(self.claim, line)
        finally:
            os._exit(HANGING)
