"""The queue that notifies workers of waiting studies: huey's, in a SQLite file or in Redis.

A message is only a study's id; the work to do is in the catalog. A duplicate message has no
effect, and the sweeper replaces lost messages.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huey import RedisHuey, SqliteHuey
from huey.api import Huey
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer
from sqlalchemy.engine import make_url

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.catalog_records import is_id
from tumorscope.service.settings import ServiceSettings

log = logging.getLogger(__name__)

_NAME = "tumorscope"
_TASK = "analyze"
_POLL_S = 0.05, 0.5
"""Polling intervals of a SQLite queue: just after a message, and after a long time without one."""


@dataclass(frozen=True)
class StudyQueue:
    """Messages to the workers.

    Attributes:
        huey: the library's queue.
        send: enqueues a study's id.
    """

    huey: Huey
    send: Callable[[str], object]

    def pending(self) -> int:
        """The number of messages in the queue.

        Raises:
            TumorscopeError: the queue does not respond.
        """
        try:
            return self.huey.pending_count()
        except Exception as error:
            raise TumorscopeError(f"the queue does not respond ({type(error).__name__})") from error

    def consumer(self) -> Consumer:
        """A consumer that takes messages one at a time in its own thread; the caller starts and stops it."""
        first, last = _POLL_S
        return _Consumer(
            self.huey, workers=1, periodic=False, initial_delay=first, max_delay=last, scheduler_interval=60
        )


def make_queue(settings: ServiceSettings, analyze: Callable[[str], None] = lambda study_id: None) -> StudyQueue:
    """The queue that the settings name.

    Args:
        settings: of the service.
        analyze: a worker's function for a study's id; must not raise.

    Raises:
        TumorscopeError: the queue's file cannot be created.
    """
    url = make_url(settings.queue_url)
    options: dict[str, Any] = {"results": False, "serializer": _IdSerializer()}
    if url.get_backend_name() == "sqlite":
        huey = _sqlite(Path(url.database or ""), options)
    else:
        from redis import ConnectionPool

        # Without timeouts, an upload would wait forever for an unreachable Redis.
        pool = ConnectionPool.from_url(settings.queue_url, socket_connect_timeout=3, socket_timeout=10)
        huey = RedisHuey(_NAME, connection_pool=pool, **options)
    logging.getLogger("huey").setLevel(logging.CRITICAL)  # the sweeper reports the same in one line

    @huey.task(name=_TASK)
    def task(study_id: str) -> None:
        analyze(study_id)

    return StudyQueue(huey, task)


def enqueue(queue: StudyQueue, study_id: str) -> bool:
    """Notify the workers of a waiting study; False if the queue is unreachable: the sweeper tries again."""
    try:
        queue.send(study_id)
    except Exception as error:  # Redis and SQLite raise their own exceptions
        log.warning("%s: the queue is unreachable (%s); the message follows later", study_id, type(error).__name__)
        return False
    return True


def _sqlite(path: Path, options: dict[str, Any]) -> Huey:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteHuey(_NAME, filename=str(path), timeout=30, strict_fifo=True, **options)
    except (OSError, sqlite3.Error) as error:
        raise TumorscopeError(f"{path}: cannot be used as the queue ({error})") from error


class _IdSerializer(Serializer):
    """Messages as plain ids. With huey's default, pickle, anyone who can write to the queue could run code."""

    def __init__(self) -> None:
        super().__init__()

    def _serialize(self, data: Message) -> bytes:
        return str(data.args[0]).encode("ascii")

    def _deserialize(self, data: bytes) -> Message:
        study_id = bytes(data).decode("ascii", "replace")
        if not is_id(study_id):
            raise ValueError("not a study's id")
        return Message(id=str(uuid.uuid4()), name=f"{__name__}.{_TASK}", retries=0, args=(study_id,), kwargs={})


class _Consumer(Consumer):
    """A consumer without signal handlers: the worker's program handles signals."""

    def _set_signal_handlers(self) -> None:
        pass
