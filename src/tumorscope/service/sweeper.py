"""Re-send lost messages and remove expired studies."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.identity import check_identity
from tumorscope.service.queue import StudyQueue, enqueue
from tumorscope.service.removal import remove_study
from tumorscope.service.settings import ServiceSettings
from tumorscope.service.study_folders import Folders

log = logging.getLogger(__name__)

SWEEPS_PER_LEASE = 4
"""How many times per lease a worker sweeps."""
OVERDUE_S = 10.0
"""A study that has waited for this time should have a message in the queue."""
_EXPIRY_INTERVAL_S = 600.0


class Sweeper:
    """Periodic maintenance by a worker; several workers may run it at once.

    Args:
        settings, catalog, folders, queue: of the service.
        overdue_s: see :data:`OVERDUE_S`.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        catalog: Catalog,
        folders: Folders,
        queue: StudyQueue,
        overdue_s: float = OVERDUE_S,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._folders = folders
        self._queue = queue
        self._overdue = timedelta(seconds=overdue_s)
        self._next_expiry = 0.0
        self._reported = False

    def sweep(self) -> None:
        """Run the maintenance once; a failure is logged once and retried at the next call."""
        try:
            self.requeue()
            if time.monotonic() >= self._next_expiry:
                self._next_expiry = time.monotonic() + _EXPIRY_INTERVAL_S
                self.expire()
        except (SQLAlchemyError, TumorscopeError, OSError) as error:
            if not self._reported:
                reason = str(error) if isinstance(error, TumorscopeError) else type(error).__name__
                log.error("the database, the queue or the disk cannot be used (%s); waiting", reason)
            self._reported = True
        else:
            if self._reported:
                log.info("database, queue and disk can be used again")
            self._reported = False

    def requeue(self) -> list[str]:
        """Send messages for waiting studies without one; their ids.

        The queue shows the number of its messages, but not which they are. If there are at least as many
        messages as waiting studies, none was lost, and none is sent: a long queue does not grow.
        """
        waiting = self._catalog.overdue(self._catalog.now() - self._overdue)
        if not waiting or self._queue.pending() >= len(waiting):
            return []
        log.info("%d studies without a message: sent again", len(waiting))
        return [study for study in waiting if enqueue(self._queue, study)]

    def expire(self) -> list[str]:
        """Remove expired studies and the remains of ended processes; the ids of the studies."""
        removed = []
        if self._settings.keep_days is not None:
            moment = self._catalog.now() - timedelta(days=self._settings.keep_days)
            for study in self._catalog.expired(moment):
                if remove_study(study, self._catalog, self._folders, unchanged_since=moment):
                    removed.append(study)
                    log.info("%s: expired after %g days, removed", study, self._settings.keep_days)
        self._prune()
        return removed

    def _prune(self) -> None:
        """Clean up files without a study in the catalog, provided that the catalog is reliable."""
        check_identity(self._catalog, self._folders)
        reason = self._catalog.problem()
        if reason is not None:
            raise TumorscopeError(reason)
        pruned = self._folders.prune(self._catalog.ids())
        if pruned.removed:
            log.info("%d unfinished uploads or results removed", pruned.removed)
        if pruned.moved:
            log.warning("%d studies missing in the database moved to lost+found", pruned.moved)
