"""Readiness of the service for orchestrators and load balancers."""

from __future__ import annotations

import threading
import time

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.queue import StudyQueue
from tumorscope.service.study_folders import Folders
from tumorscope.service.web.uploads.limits import MIB

_MIN_FREE_BYTES = 64 * MIB
_KEPT_S = 2.0
"""How long a result is cached: the check reads the whole database, and anyone may request it."""


class Readiness:
    """Checks database, queue and disk, one request at a time."""

    def __init__(self, catalog: Catalog, queue: StudyQueue, folders: Folders) -> None:
        self._catalog = catalog
        self._queue = queue
        self._folders = folders
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._until = 0.0

    def reason(self) -> str | None:
        """Why the service is not ready, in a few words; None if it is."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._reason = self._check()
                self._until = time.monotonic() + _KEPT_S
            return self._reason

    def _check(self) -> str | None:
        reason = self._catalog.problem()
        if reason is not None:
            return reason
        try:
            self._queue.pending()
        except TumorscopeError:
            return "the queue does not respond"
        return "the disk is full" if self._folders.free_bytes() < _MIN_FREE_BYTES else None
