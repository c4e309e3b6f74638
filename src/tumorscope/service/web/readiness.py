"""Whether the service can work, for machines that look after it."""

from __future__ import annotations

import threading
import time

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog import Catalog
from tumorscope.service.folders import Folders
from tumorscope.service.queue import StudyQueue
from tumorscope.service.web.uploads.limits import MIB

_LEAST_FREE = 64 * MIB
_KEPT_S = 2.0
"""Anyone may ask, so that the whole database is not read at every question."""


class Readiness:
    """Looks at database, queue and disk, one question at a time."""

    def __init__(self, catalog: Catalog, queue: StudyQueue, folders: Folders) -> None:
        self._catalog = catalog
        self._queue = queue
        self._folders = folders
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._until = 0.0

    def reason(self) -> str | None:
        """Why the service cannot work, in a few words; None where it can."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._reason = self._look()
                self._until = time.monotonic() + _KEPT_S
            return self._reason

    def _look(self) -> str | None:
        reason = self._catalog.trouble()
        if reason is not None:
            return reason
        try:
            self._queue.waiting()
        except TumorscopeError:
            return "the queue does not response"
        return "no space left for studies" if self._folders.free_bytes() < _LEAST_FREE else None
