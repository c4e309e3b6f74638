"""Making good what was lost, and forgetting what is old."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.deleting import remove_study
from tumorscope.service.folders import Folders
from tumorscope.service.identity import check_identity
from tumorscope.service.queue import StudyQueue, enqueue
from tumorscope.service.settings import ServiceSettings

log = logging.getLogger(__name__)

SWEEPS = 4
"""So often in a lease a worker looks for what was lost."""
FORGOTTEN_S = 10.0
"""A study that waits for so long should have a message in the queue."""
_CLEAR_S = 600.0


class Sweeper:
    """What a worker does beside its work; several may do it at once.

    Args:
        settings, catalog, folders, queue: of the service.
        forgotten_s: see :data:`FORGOTTEN_S`.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        catalog: Catalog,
        folders: Folders,
        queue: StudyQueue,
        forgotten_s: float = FORGOTTEN_S,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._folders = folders
        self._queue = queue
        self._forgotten = timedelta(seconds=forgotten_s)
        self._next_clearing = 0.0
        self._told = False

    def sweep(self) -> None:
        """Look once; what is out of reach is told once and tried again next time."""
        try:
            self.requeue()
            if time.monotonic() >= self._next_clearing:
                self._next_clearing = time.monotonic() + _CLEAR_S
                self.clear()
        except (SQLAlchemyError, TumorscopeError, OSError) as error:
            if not self._told:
                said = str(error) if isinstance(error, TumorscopeError) else type(error).__name__
                log.error("the database, the queue or the disk is in trouble (%s); waiting", said)
            self._told = True
        else:
            if self._told:
                log.info("database, queue and disk are in order again")
            self._told = False

    def requeue(self) -> list[str]:
        """Send messages for studies that wait without one; their ids.

        Which messages are in the queue cannot be seen, but how many. Where there are as many as studies
        that wait, none was lost, so that a long queue does not grow by waiting.
        """
        waiting = self._catalog.to_queue(self._catalog.now() - self._forgotten)
        if not waiting or self._queue.waiting() >= len(waiting):
            return []
        log.info("%d waiting without a message: sent again", len(waiting))
        return [study for study in waiting if enqueue(self._queue, study)]

    def clear(self) -> list[str]:
        """Remove studies that have expired, and what ended processes left; the ids of the studies."""
        forgotten = []
        if self._settings.keep_days is not None:
            moment = self._catalog.now() - timedelta(days=self._settings.keep_days)
            for study in self._catalog.expired(moment):
                if remove_study(study, self._catalog, self._folders, unchanged_since=moment):
                    forgotten.append(study)
                    log.info("%s: kept for %g days, removed", study, self._settings.keep_days)
        self._tidy()
        return forgotten

    def _tidy(self) -> None:
        """Put away what is in no catalog; nothing, where this catalog cannot be relied on."""
        check_identity(self._catalog, self._folders)
        reason = self._catalog.trouble()
        if reason is not None:
            raise TumorscopeError(reason)
        tidied = self._folders.prune(self._catalog.ids())
        if tidied.removed:
            log.info("%d unfinished uploads or results removed", tidied.removed)
        if tidied.moved:
            log.warning("%d studies that the database does not know moved to lost+found", tidied.moved)
